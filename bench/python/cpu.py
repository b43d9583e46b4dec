# SPDX-License-Identifier: MIT
"""CPU time of one call, of both ends together, in microseconds: under plain Twisted, under
Twisted with libpb.accelerate at both ends, under asyncio with libpb, and, for what has no
objects, under asyncio with msgpack. CPU time hardly depends on what else the machine does.

usage: cpu.py [CASE]...

Cases: int, record (200 bytes), nested (23 KB), text600k, copy (one Copyable), copies50,
failure, reference, cache (an update of a Cacheable). An echo carries its value twice.
Run it with the Python that has libpb and Twisted, as `make bench` does.
"""
import importlib.util
import os
import subprocess
import sys

from cases import CASES

HERE = os.path.dirname(os.path.abspath(__file__))
ENDS = [("twisted", "twisted_end.py", []),
        ("accelerated", "twisted_end.py", ["-m", "libpb.accelerate"]),
        ("asyncio", "asyncio_end.py", []), ("msgpack", "msgpack_end.py", [])]
ROUNDS = int(os.environ.get("ROUNDS", "3"))  # the least of so many runs is printed


def measure(script, options, name):
    """Microseconds of both ends, the least of some rounds; None if the end has no such
    case."""
    command = [sys.executable, *options, os.path.join(HERE, script)]
    found = []
    for _ in range(ROUNDS):
        with subprocess.Popen([*command, "serve"], stdin=subprocess.PIPE, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
            port = server.stdout.readline().strip()
            done = subprocess.run([*command, "call", port, name], text=True,
                                  stdout=subprocess.PIPE, check=True, timeout=600)
            server.stdin.close()
        for line in done.stdout.splitlines():
            _, own, theirs = line.split()
            found.append(float(own) + float(theirs))
    return min(found, default=None)


def main(names):
    ends = [end for end in ENDS
            if end[0] != "msgpack" or importlib.util.find_spec("msgpack")]
    print(f"{'us per call':12}" + "".join(f"{end:>12}" for end, _, _ in ends) +
          "   plain/accelerated")
    for name in names or [case[0] for case in CASES]:
        row = [measure(script, options, name) for _, script, options in ends]
        print(f"{name:12}" + "".join(f"{x:12.1f}" if x else f"{'-':>12}" for x in row) +
              f"{row[0] / row[1]:14.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
