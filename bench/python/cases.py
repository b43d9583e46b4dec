# SPDX-License-Identifier: MIT
"""The arguments of the calls of cpu.py, and how one end measures itself."""
import sys
import time


def nested(depth=0):
    """About 23 KB of lists and dicts in each other."""
    if depth == 3:
        return {"id": 4711, "name": "banmer kitik", "tags": ["a", "b"], "ok": True}
    return {f"part{i}": [nested(depth + 1), None, 1.5] for i in range(6)}


RECORD = {
    "serial": 2026112301, "label": "banmer kitik 48213", "weight": 104.25, "ready": True,
    "parts": ["balan", "fotik", "guvon"], "remark": None, "where": "x" * 60,
}
TEXT = "x" * 600000
# (name, method, arguments, calls)
CASES = [
    ("int", "echo", (5,), 4000), ("record", "echo", (RECORD,), 2000),
    ("nested", "echo", (nested(),), 60), ("text600k", "echo", (TEXT,), 60),
    ("copy", "copy", (1,), 1500), ("copies50", "copy", (50,), 100),
    ("failure", "fail", (), 800), ("reference", "reference", (), 2000),
    ("cache", "update", (), 2000),
]
OUTSTANDING = 20


def report(name, own, theirs, calls):
    print(f"{name} {own / calls * 1e6:.1f} {theirs / calls * 1e6:.1f}", flush=True)


def cpu():
    return time.process_time()


def chosen():
    """The cases that are named on the command line, or all."""
    names = sys.argv[3:]
    return [case for case in CASES if not names or case[0] in names]
