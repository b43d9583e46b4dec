# SPDX-License-Identifier: MIT
"""Reads LIBPB_ACCELERATE at the start of Python, for libpb-accelerate.pth. Imports libpb
only when twisted.spread is imported, so that other programs pay nothing."""
import os
import sys

SWITCH = "LIBPB_ACCELERATE"
MODULES = ("twisted.spread.banana", "twisted.spread.jelly")


class Finder:
    """Waits for the first import of one of the modules that are accelerated."""

    @classmethod
    def find_spec(cls, name, path, target=None):
        if name not in MODULES:
            return None
        sys.meta_path.remove(cls)
        if os.environ.get(SWITCH, "").lower() != "children":
            os.environ.pop(SWITCH, None)
        from libpb import accelerate
        return accelerate.find_spec(name, path, target)


def start():
    """Does what LIBPB_ACCELERATE says, which is not off."""
    value = os.environ[SWITCH]
    if value.lower() in ("1", "on", "true", "yes", "children"):
        sys.meta_path.insert(0, Finder)
    else:
        sys.stderr.write(f"libpb: {SWITCH}={value!r} has no effect: it is on, children or "
                         "off (see python -m libpb.accelerate --help)\n")
