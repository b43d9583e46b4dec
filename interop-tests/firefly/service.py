# SPDX-License-Identifier: MIT
"""A service of Firefly: targets that are called by command, which is a name or a number.
The answer is None if the command is unknown or the target returns a false value."""


class Service:
    def __init__(self):
        self.targets = {}

    def target(self, function):
        """A decorator. The command is the name of the function, or its last part after an
        underscore if that is a number."""
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
