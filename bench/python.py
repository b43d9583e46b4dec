# SPDX-License-Identifier: MIT
"""The benchmarks of the Python package: Twisted with and without libpb, and libpb.jelly
compared with msgpack. The two run in turn; the median of the ratios is printed.

usage: python.py

Calls echo a record of 200 bytes over TCP on this machine, with 100 calls in flight: with
both ends on one core, then on two.
"""
import os
import subprocess
import sys
import tempfile
import time

from libpb import jelly
from run import HERE, ROUNDS, figures, pinned, server, twisted

OUTSTANDING = 100
RECORD = repr({
    "serial": 2026112301, "label": "banmer kitik 48213", "weight": 104.25, "ready": True,
    "parts": ["balan", "fotik", "guvon"], "remark": None, "where": "x" * 60,
})


def accelerated(script, *args):
    return [sys.executable, "-m", "libpb.accelerate", os.path.join(HERE, script),
            *map(str, args)]


def calls():
    for cores in (1, 2):
        found = []
        for _ in range(ROUNDS):
            rates = []
            for run in (accelerated, twisted):
                with server(pinned(0, run("calls_twisted.py", "serve"))) as port:
                    rates.append(figures(pinned(cores - 1, run(
                        "calls_twisted.py", "call", port, OUTSTANDING, RECORD)))
                        ["calls", "calls/s"])
            found.append(rates)
        ours, theirs = sorted(found, key=lambda r: r[0] / r[1])[ROUNDS // 2]
        print(f"Twisted on libpb, {cores} core, {OUTSTANDING} in flight "
              f"{ours:9.0f} calls/s   plain {theirs:7.0f}   ratio {ours / theirs:.3g}",
              flush=True)


def best(work, argument):
    """The least time of five runs, in seconds."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        work(argument)
        times.append(time.perf_counter() - start)
    return min(times)


def codec(folder):
    try:
        import msgpack
    except ImportError:
        print("python3-msgpack is not installed: libpb.jelly is not compared with it")
        return
    subprocess.run(twisted("make_corpora.py", folder), check=True)
    with open(os.path.join(folder, "records.banana"), "rb") as f:
        data = f.read()
    value = jelly.loads(data)
    packed = msgpack.packb(value)
    for what, ours, theirs in (("read", (jelly.loads, data), (msgpack.unpackb, packed)),
                               ("written", (jelly.dumps, value), (msgpack.packb, value))):
        rounds = sorted((best(*theirs) / best(*ours) for _ in range(ROUNDS)))
        print(f"libpb.jelly, records {what:8} {rounds[ROUNDS // 2]:.3g} x msgpack",
              flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        codec(folder)
    calls()


if __name__ == "__main__":
    main()
