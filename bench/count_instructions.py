#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the instructions of calls and of the codec, by callgrind.

usage: count_instructions.py [--update] PROGRAM

Prints the table; --update writes it to instructions.txt, too. Without a program it is a
test: it counts bench/instructions of the build folder, and fails if a count is larger than
the one in instructions.txt by 3% or more, or if memory is allocated more often.

The counts are of the steady state: each run is made with two numbers of rounds, and the
difference is divided by the number of calls. They depend on the compiler and its flags, so
they are compared only with those of the same ones."""
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

KEPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.txt")
ROUNDS = 10, 30
GROWTH = 1.03
SIDES = {"server": ["measure_server"],
         "client": ["measure_client_calls", "measure_client_answers"]}
CALLS = ["int", "record", "reference", "copyable", "failure"]
CODEC = ["decode", "encode"]
SKIPPED = 77


def run(program, functions, scenario, rounds):
    """Instructions in the functions, calls or values in a round, and allocations."""
    with tempfile.NamedTemporaryFile() as out:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}",
                   *(f"--toggle-collect={name}" for name in functions),
                   program, scenario, str(rounds)]
        done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        sys.exit(done.stderr)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    each, allocations = done.stdout.split()
    return int(collected[1]), int(each), int(allocations)


def count(program, functions, scenario):
    """Instructions and allocations of one call or value."""
    few, many = (run(program, functions, scenario, rounds) for rounds in ROUNDS)
    calls = many[1] * (ROUNDS[1] - ROUNDS[0])
    return round((many[0] - few[0]) / calls), (many[2] - few[2]) / calls


def table(program):
    """(name, instructions, allocations of both sides), row by row."""
    for scenario in CALLS:
        for side, functions in SIDES.items():
            yield (f"{scenario}-{side}", *count(program, functions, scenario))
    for scenario in CODEC:
        yield (scenario, *count(program, [f"measure_{scenario}"], scenario))


def compiler():
    command = os.environ.get("CC", "cc").split()
    version = subprocess.run([*command, "-dumpfullversion"], text=True,
                             capture_output=True).stdout.strip()
    flags = os.environ.get("cflags", "-g -O2")
    return f"{platform.machine()} gcc {version} {flags}"


def kept():
    """The compiler, and the two counts by name, in instructions.txt."""
    with open(KEPT) as f:
        lines = f.read().splitlines()
    rows = (line.split() for line in lines[2:])
    return lines[0], {name: (int(n), float(times)) for name, n, times in rows}


def main():
    update = sys.argv[1:2] == ["--update"]
    test = len(sys.argv) == 1
    program = f"{os.environ.get('builddir', '.')}/bench/instructions" if test else sys.argv[-1]
    if not shutil.which("valgrind"):
        print("skipped: valgrind is not installed")
        return SKIPPED
    if test and kept()[0] != compiler():
        print(f"skipped: the counts are of {kept()[0]}, and this is {compiler()}")
        return SKIPPED
    before = kept()[1] if test else {}
    lines = [compiler(), f"{'':18}{'instructions':>13}{'allocations':>13}"]
    print(lines[1])
    bad = 0
    for name, instructions, allocations in table(program):
        lines.append(f"{name:18}{instructions:13}{allocations:13.2f}")
        print(lines[-1], flush=True)
        most, times = before.get(name, (instructions, allocations))
        if instructions > most * GROWTH:
            print(f"{name} has grown from {most} to {instructions} instructions")
            bad += 1
        if round(allocations, 2) > times:
            print(f"{name} allocates {allocations:.2f} times instead of {times}")
            bad += 1
    if update:
        with open(KEPT, "w") as f:
            f.write("\n".join(lines) + "\n")
    return bad > 0


sys.exit(main())
