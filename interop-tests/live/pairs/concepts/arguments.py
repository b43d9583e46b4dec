# SPDX-License-Identifier: MIT
"""Positional and keyword arguments, defaults, and all kinds of wrong arguments."""

from twisted.spread import pb

from pairs import pair
from peers import peer


class Arguments(pb.Root):
    def remote_both(self, a, b=2, *, c=3):
        print("both:", a, b, c)
        return [a, b, c]

    def remote_rest(self, *args, **kw):
        return [args, kw]

    def remote_two(self, a, b):
        return b, a

    def remote_none(self):
        return "nothing"


CALLS = [
    ("both", (1,), {}), ("both", (1, 5), {}), ("both", (1,), {"b": 6}),
    ("both", (), {"c": 7, "a": 1}), ("both", (1, 2), {"c": [7]}),
    ("rest", (), {}), ("rest", (1, (2,)), {"x": None, "y": {"z": b"z"}}),
    ("rest", (), {"self_": 1}), ("two", (1,), {"b": 2}), ("none", (), {}),
    # wrong arguments
    ("both", (), {}), ("both", (), {"b": 1}), ("both", (1, 2, 3), {}),
    ("both", (1, 2, 3, 4), {"c": 1}), ("both", (1,), {"a": 1}), ("both", (1,), {"d": 1}),
    ("both", (1,), {"d": 1, "e": 2}), ("two", (), {}), ("two", (1,), {}),
    ("two", (1, 2, 3), {}), ("none", (1,), {}), ("none", (), {"x": 1}),
]


def arguments(factory):
    root = yield factory.getRootObject()
    for method, args, kw in CALLS:
        call = root.callRemote(method, *args, **kw)
        yield pair.print_result(f"{method} {args} {kw}", call)


pair.main({"arguments": (lambda: peer.serve(Arguments()), arguments)})
