# SPDX-License-Identifier: MIT
"""What `pb record` adds to a call that is made after the answer to the one before: the
server is called directly and through a recorder in turns.

usage: record.py PB
"""
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile

ROUNDS = 5


@contextlib.contextmanager
def listening(command):
    """Runs what prints its port as its first line."""
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        try:
            yield process.stdout.readline().strip().rpartition(":")[2]
        finally:
            process.terminate()


def latencies(pb, port):
    out = subprocess.run([pb, "bench", "call", f"localhost:{port}", "ping", "--seconds", "1"],
                         check=True, text=True, stdout=subprocess.PIPE).stdout
    figures = {line.split()[0]: float(line.split()[1]) for line in out.splitlines()}
    return figures["latency_p50"], figures["latency_p99"]


def main():
    pb = os.path.abspath(sys.argv[1])
    local = "tcp:0:interface=127.0.0.1"
    with tempfile.TemporaryDirectory() as folder, listening([pb, "serve", local]) as server, \
            listening([pb, "record", "--listen", local, "--to", f"localhost:{server}",
                       f"{folder}/traffic.jsonl.gz"]) as recorder:
        rounds = [(latencies(pb, server), latencies(pb, recorder)) for _ in range(ROUNDS)]
    for i, name in enumerate(("latency_p50", "latency_p99")):
        direct = statistics.median(d[i] for d, _ in rounds)
        through = statistics.median(t[i] for _, t in rounds)
        print(f"record {name} {through:.1f} us direct {direct:.1f} us"
              f"   added {through - direct:.1f} us ratio {through / direct:.3g}")


main()
