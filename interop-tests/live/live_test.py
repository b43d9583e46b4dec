# SPDX-License-Identifier: MIT
"""Tests `pb call`, `pb serve` and the one_two example with Twisted as the client and as
the server: live_test.py BUILD_DIR [SEED]. Prints a line for each check and the totals;
the exit status is 1 if a check failed. SEED, of an earlier run, repeats its random
pieces."""

import random
import sys
from pathlib import Path

import broken_peers
import one_two
import pb_call
import pb_serve
from harness import Report
from proxy import Proxy, byte_by_byte, random_pieces


def through_proxy(pieces):
    return lambda stage, port: Proxy(stage, port, pieces).port


def main():
    if len(sys.argv) not in (2, 3):
        print("usage: live_test.py BUILD_DIR [SEED]", file=sys.stderr)
        return 2
    seed = sys.argv[2] if len(sys.argv) == 3 else random.randrange(1000000)
    report = Report(Path(sys.argv[1]).resolve())
    # The name of a route, its function from a server's port to the port that the client
    # connects to, and the switches of peers/service_client.py.
    routes = [
        ("direct", lambda stage, port: port, ()),
        ("byte by byte", through_proxy(byte_by_byte), ("light",)),
        (f"random pieces, seed {seed}", through_proxy(random_pieces(seed)), ("light",)),
    ]
    for name, route, switches in routes:
        one_two.checks(report, name, route)
        pb_call.checks(report, name, route)
        pb_serve.checks(report, name, route, *switches)
    pb_call.direct_checks(report)
    pb_serve.direct_checks(report)
    broken_peers.checks(report)
    return report.close()


sys.exit(main())
