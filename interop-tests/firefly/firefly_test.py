# SPDX-License-Identifier: MIT
"""Trees of Firefly's kind, with the root and each node in either language: firefly_test.py
BUILD_DIR. One line for each check, and a closing line; exit status 1 if any failed, 77 if
Twisted is missing."""

import importlib.util
import itertools
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

from harness import Report, expect  # noqa: E402

GATE_CALLS = """add 1 2 scale=10 then add 0 0 then echo text b'raw' [1,{'k':None}] flag=True
    then 7 x then nothing 3 then children then tell gate push 1002 \u4f60\u597d [1,2,3]
    then tell gate fail then tell gate 7 [1,2] {'a':1} flag=True then tell gate nothing
    then tell nobody push""".split()
NET_CALLS = "children then tell gate push hello then tell net echo".split()


# What C is told, by language of a program in a row.
SWITCHES = {"C": ["--python3"], "C for Python 2": []}


def start_root(stage, language):
    if language in SWITCHES:
        return stage.c(f"{language} root", "examples/firefly_root", *SWITCHES[language],
                       "0:interface=127.0.0.1")
    return stage.twisted("Twisted root", HERE / "root.py", "tcp:0:interface=127.0.0.1")


def start_node(stage, language, port, name, *words):
    if language in SWITCHES:
        return stage.c(f"{language} {name}", "examples/firefly_node", *SWITCHES[language],
                       f"localhost:{port}", name, *words)
    return stage.twisted(f"Twisted {name}", HERE / "node.py", f"tcp:localhost:{port}",
                         name, *words)


def printed(process):
    """What it said, without what only Twisted's sides say, and as it is in Python 3."""
    lines = process.output().splitlines()
    return [line.replace("exceptions.", "builtins.").replace("{b'flag'", "{'flag'")
            for line in lines
            if not line.startswith(("listening on", "connection closed"))]


def grow(stage, root_language, gate_language, net_language):
    """What the root, both nodes and one that is refused print."""
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
    if root_language in SWITCHES:
        expect("errors of the root", root.output("err"), "")
    return [printed(process) for process in (root, gate, net, second, again)]


def tree(stage, right, languages):
    names = "root", "gate", "net", "second gate", "gate again"
    for name, got, wanted in zip(names, grow(stage, *languages), right):
        expect(f"the {name} printed", got, wanted)


def trees(report, stage):
    twisted = "Twisted", "Twisted", "Twisted"
    right = grow(stage, *twisted)
    expect("the root printed so many lines", len(right[0]), 8)
    mixed = itertools.product(("C", "Twisted"), repeat=3)
    for languages in [*mixed, ("C for Python 2",) * 3]:
        if languages != twisted:
            report.check("root {}, gate {}, net {}".format(*languages), tree, right,
                         languages, group=stage)


def main():
    if importlib.util.find_spec("twisted") is None:
        print("Twisted is missing: install python3-twisted")
        return 77
    report = Report(Path(sys.argv[1]).resolve())
    report.group("trees", trees)
    return report.close()


sys.exit(main())
