# SPDX-License-Identifier: MIT
"""Live runs against real Twisted, in both roles: live_test.py BUILD_DIR [SEED], with Debian's
Python and its Twisted. One line for each check, and a closing line; exit status 1 if any
failed, 77 if Twisted is missing. SEED is that of an earlier run, to cut streams alike."""

import importlib.util
import random
import sys
from pathlib import Path

sys.dont_write_bytecode = True


def main():
    if importlib.util.find_spec("twisted") is None:
        print("Twisted is missing: install python3-twisted")
        return 77
    if len(sys.argv) not in (2, 3):
        print("usage: live_test.py BUILD_DIR [SEED]", file=sys.stderr)
        return 2

    import pb_call
    import one_two
    import pb_serve
    import broken_peers
    from harness import Report
    from proxy import Proxy, random_by, single

    seed = sys.argv[2] if len(sys.argv) == 3 else random.randrange(1000000)
    report = Report(Path(sys.argv[1]).resolve())
    ways = [
        ("direct", lambda stage, port: port, ()),
        ("byte by byte", lambda stage, port: Proxy(stage, port, single).port, ("light",)),
        (f"cut by seed {seed}",
         lambda stage, port: Proxy(stage, port, random_by(seed)).port, ("light",)),
    ]
    for name, way, switches in ways:
        one_two.checks(report, name, way)
        pb_call.checks(report, name, way)
        pb_serve.checks(report, name, way, *switches)
    pb_call.lonely_checks(report)
    pb_serve.lonely_checks(report)
    broken_peers.checks(report)
    return report.close()


sys.exit(main())
