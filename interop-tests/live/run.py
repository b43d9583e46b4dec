# SPDX-License-Identifier: MIT
"""Live runs against real Twisted, in both roles: run.py BUILD_DIR [SEED], with Debian's
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
        print("usage: run.py BUILD_DIR [SEED]", file=sys.stderr)
        return 2

    import calling
    import one_two
    import serving
    import vanishing
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
        calling.checks(report, name, way)
        serving.checks(report, name, way, *switches)
    calling.lonely_checks(report)
    serving.lonely_checks(report)
    vanishing.checks(report)
    return report.close()


sys.exit(main())
