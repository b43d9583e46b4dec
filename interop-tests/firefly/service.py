# SPDX-License-Identifier: MIT
"""A service as Firefly has them: targets that are called by command, a name or a number.
What is false in Python, and an unknown command, is answered with None."""


class Service:
    def __init__(self):
        self.targets = {}

    def target(self, function):
        """Its command is its name, or the number behind the last underscore in it."""
        command = function.__name__.split("_")[-1]
        self.targets[int(command) if command.isdigit() else command] = function
        return function

    def call(self, command, *args, **kw):
        target = self.targets.get(command)
        if target is None:
            print("there is no command", repr(command))
            return None
        return target(*args, **kw) or None


def echo(*args, **kw):
    return [args, kw]
