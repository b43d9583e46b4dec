# SPDX-License-Identifier: MIT
"""Tests trees of programs as Firefly has them, with the root and each node in C or
Twisted: firefly_test.py BUILD_DIR. Prints a line for each check and the totals; the exit
status is 1 if a check failed."""

import itertools
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

from harness import Report, expect  # noqa: E402

GATE_CALLS = """add 1 2 scale=10 then add 0 0
    then echo text b'raw' [1,{'k':None}] flag=True then 7 x then nothing 3
    then children then tell gate push 1002 \u4f60\u597d [1,2,3]
    then tell gate fail then tell gate 7 [1,2] {'a':1} flag=True then tell gate nothing
    then tell nobody push""".split()
NET_CALLS = "children then tell gate push hello then tell net echo".split()

# The options of the programs in C.
OPTIONS = {"C": ["--python3"], "C for Python 2": []}


def start_root(stage, language):
    if language in OPTIONS:
        return stage.c(f"{language} root", "examples/firefly_root", *OPTIONS[language],
                       "0:interface=127.0.0.1")
    return stage.twisted("Twisted root", HERE / "root.py", "tcp:0:interface=127.0.0.1")


def start_node(stage, language, port, name, *words):
    if language in OPTIONS:
        return stage.c(f"{language} {name}", "examples/firefly_node", *OPTIONS[language],
                       f"localhost:{port}", name, *words)
    return stage.twisted(f"Twisted {name}", HERE / "node.py", f"tcp:localhost:{port}",
                         name, *words)


def comparable_lines(process):
    """The lines that it printed, without those that only Twisted's programs print, and
    with the names of Python 3."""
    lines = process.output().splitlines()
    return [line.replace("exceptions.", "builtins.").replace("{b'flag'", "{'flag'")
            for line in lines
            if not line.startswith(("listening on", "connection closed"))]


def run_tree(stage, root_language, gate_language, net_language):
    """Runs the root, the nodes gate and net, a second gate, which the root rejects, and a
    gate that joins after the first has left. Returns the lines of each program."""
    root = start_root(stage, root_language)
    port = root.port()
    gate = start_node(stage, gate_language, port, "gate", *GATE_CALLS)
    gate.find("waiting for calls")
    net = start_node(stage, net_language, port, "net", *NET_CALLS)
    net.find("waiting for calls")
    second = start_node(stage, net_language, port, "gate")
    second.find("failed: .*")
    net.kill()
    root.find("net leaves")
    gate.terminate()
    root.find("gate leaves")
    again = start_node(stage, gate_language, port, "gate", "children")
    again.find("waiting for calls")
    expect("status of the root", root.terminate(), 0)
    again.end()
    if root_language in OPTIONS:
        expect("errors of the root", root.output("err"), "")
    return [comparable_lines(process) for process in (root, gate, net, second, again)]


def check_tree(stage, expected, languages):
    names = "root", "gate", "net", "second gate", "gate again"
    for name, got, wanted in zip(names, run_tree(stage, *languages), expected):
        expect(f"the {name} printed", got, wanted)


def checks(report, stage):
    twisted = "Twisted", "Twisted", "Twisted"
    expected = run_tree(stage, *twisted)
    expect("number of lines of the root", len(expected[0]), 8)
    mixed = itertools.product(("C", "Twisted"), repeat=3)
    for languages in [*mixed, ("C for Python 2",) * 3]:
        if languages != twisted:
            report.check("root {}, gate {}, net {}".format(*languages), check_tree,
                         expected, languages, group=stage)


def main():
    report = Report(Path(sys.argv[1]).resolve())
    report.group("trees", checks)
    return report.close()


sys.exit(main())
