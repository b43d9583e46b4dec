# SPDX-License-Identifier: MIT
"""The latency that `pb record` adds to a call: one server is called directly and through
a recorder in turn, with one call at a time.

usage: record.py PB
"""
import os
import statistics
import sys
import tempfile

from run import figures, server

ROUNDS = 5
NAMES = "latency_p50", "latency_p99"


def latencies(pb, port):
    found = figures([pb, "bench", "call", f"localhost:{port}", "ping", "--seconds", "1"])
    return [found[name, "us"] for name in NAMES]


def main():
    pb = os.path.abspath(sys.argv[1])
    local = "tcp:0:interface=127.0.0.1"
    with tempfile.TemporaryDirectory() as folder, \
            server([pb, "serve", local]) as port, \
            server([pb, "record", "--listen", local, "--to", f"localhost:{port}",
                    f"{folder}/traffic.jsonl.gz"]) as recorder:
        rounds = [(latencies(pb, port), latencies(pb, recorder)) for _ in range(ROUNDS)]
    for i, name in enumerate(NAMES):
        direct = statistics.median(d[i] for d, _ in rounds)
        through = statistics.median(t[i] for _, t in rounds)
        print(f"record {name} {through:.1f} us direct {direct:.1f} us"
              f"   added {through - direct:.1f} us ratio {through / direct:.3g}")


if __name__ == "__main__":
    main()
