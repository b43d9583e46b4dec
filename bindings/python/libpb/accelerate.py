# SPDX-License-Identifier: MIT
"""Replaces functions of the installed twisted.spread by C code.

    import libpb.accelerate
    libpb.accelerate.install()

From then on C encodes and decodes banana and jelly, on connections that are open already
and on new ones. Whatever a service overrides, registers or sets stays in force: C handles
built-in types as Twisted's own functions do, and calls these for everything else.

To accelerate a service without changing it, set LIBPB_ACCELERATE=1 in its environment
(libpb must be installed in the site packages), or start it with `python -m
libpb.accelerate script.py [ARG]...` or `python -m libpb.accelerate -m module [ARG]...`.
"""
import importlib.machinery
import sys
import types
import warnings

from libpb import _core

__all__ = ["install", "install_later", "installed", "uninstall"]

# The replacements of Twisted's functions. Each only passes on its arguments; install()
# gives it the name, signature and docstring of the function that it replaces.

_data_received = _core.data_received
_send_encoded = _core.send_encoded
_encode_to = _core.encode_to
_jelly = _core.jelly
_jellier_jelly = _core.jellier_jelly
_unjelly = _core.unjelly
_unjellier_unjelly = _core.unjellier_unjelly


def _banana_data_received(self, chunk):
    return _data_received(self, chunk)


def _banana_send_encoded(self, obj):
    return _send_encoded(self, obj)


def _banana_encode(self, obj, write):
    return _encode_to(self, obj, write)


def _jelly_jelly(object, taster=None, persistentStore=None, invoker=None):
    return _jelly(object, taster, persistentStore, invoker)


def _jelly_unjelly(sexp, taster=None, persistentLoad=None, invoker=None):
    return _unjelly(sexp, taster, persistentLoad, invoker)


def _jellier_class_jelly(self, obj):
    return _jellier_jelly(self, obj)


def _unjellier_class_unjelly(self, obj):
    return _unjellier_unjelly(self, obj)


def _replacement(function, original):
    """A copy of a function of this module that looks like the original."""
    copy = types.FunctionType(function.__code__, function.__globals__,
                              original.__name__, original.__defaults__)
    for name in ("__qualname__", "__module__", "__doc__", "__annotations__"):
        setattr(copy, name, getattr(original, name))
    return copy


# (owner, name, original, replacement) of each function that is replaced now.
_patches = []


def _methods(cls):
    return {name: value for name, value in vars(cls).items()
            if isinstance(value, types.FunctionType)}


def _names(banana, jelly, crefutil, ours):
    """The objects of Twisted that C needs, as accelerate/twisted.h lists them."""
    jellier, unjellier = jelly._Jellier, jelly._Unjellier
    return {
        "banana_globals": vars(banana),
        "jelly_globals": vars(jelly),
        "gotItem": banana.Banana.gotItem,
        "callExpressionReceived": banana.Banana.callExpressionReceived,
        "dataReceived": banana.Banana.dataReceived,
        "sendEncoded": banana.Banana.sendEncoded,
        "_encode": banana.Banana._encode,
        "accelerated_encode": ours[banana.Banana, "_encode"],
        "jelly": jelly.jelly,
        "unjelly": jelly.unjelly,
        "qual": jelly.qual,
        "_Jellier": jellier,
        "_Unjellier": unjellier,
        "Jellyable": jelly.Jellyable,
        "InsecureJelly": jelly.InsecureJelly,
        "NotKnown": crefutil.NotKnown,
        "_Tuple": crefutil._Tuple,
        "_Container": crefutil._Container,
        "_Dereference": crefutil._Dereference,
        "_DictKeyAndValue": crefutil._DictKeyAndValue,
        "jellier_methods": {**_methods(jellier), "jelly": ours[jellier, "jelly"]},
        "unjellier_methods": {**_methods(unjellier),
                              "unjelly": ours[unjellier, "unjelly"]},
        "jellier_jelly": jellier.jelly,
        "unjellier_unjelly": unjellier.unjelly,
        "security": jelly.SecurityOptions.isTypeAllowed,
        "dummy_security": jelly.DummySecurityOptions.isTypeAllowed,
    }


def installed():
    """Whether twisted.spread is accelerated now."""
    return bool(_patches)


def install():
    """Accelerates twisted.spread. Does nothing if it is accelerated already."""
    if _patches:
        return
    from twisted.persisted import crefutil
    from twisted.spread import banana, jelly

    places = [
        (banana.Banana, "dataReceived", _banana_data_received),
        (banana.Banana, "sendEncoded", _banana_send_encoded),
        (banana.Banana, "_encode", _banana_encode),
        (jelly._Jellier, "jelly", _jellier_class_jelly),
        (jelly._Unjellier, "unjelly", _unjellier_class_unjelly),
        (jelly, "jelly", _jelly_jelly),
        (jelly, "unjelly", _jelly_unjelly),
    ]
    patches = []
    for owner, name, ours in places:
        original = getattr(owner, name)
        patches.append((owner, name, original, _replacement(ours, original)))
    ours = {(owner, name): function for owner, name, _, function in patches}
    _core.bind(_names(banana, jelly, crefutil, ours))
    pb = sys.modules.get("twisted.spread.pb")
    if pb is not None:  # it has imported jelly's functions by name
        patches += [(pb, *patch[1:]) for patch in patches
                    if patch[0] is jelly and getattr(pb, patch[1], None) is patch[2]]
    for owner, name, _, function in patches:
        setattr(owner, name, function)
    _patches.extend(patches)


def uninstall():
    """Restores twisted.spread's own functions, except where other code has replaced them
    since install()."""
    pb = sys.modules.get("twisted.spread.pb")
    if pb is not None:
        _patches.extend([(pb, *patch[1:]) for patch in _patches
                         if isinstance(patch[0], types.ModuleType)])
    for owner, name, original, function in _patches:
        if vars(owner).get(name) is function:
            setattr(owner, name, original)
    _patches.clear()


class _Loader:
    """Loads a module with its own loader, then installs."""

    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        try:
            install()
        except Exception as e:
            warnings.warn(f"libpb does not accelerate this Twisted: {e!r}", stacklevel=2)


class _Finder:
    """Waits for the first import of one of the modules that are accelerated."""

    @classmethod
    def find_spec(cls, name, path, target=None):
        if name not in ("twisted.spread.banana", "twisted.spread.jelly"):
            return None
        sys.meta_path.remove(cls)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def install_later():
    """Installs as soon as twisted.spread is imported. Does not import it."""
    if {"twisted.spread.banana", "twisted.spread.jelly"} & set(sys.modules):
        install()
    elif _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def _main(argv):
    import runpy

    usage = "usage: python -m libpb.accelerate (SCRIPT | -m MODULE) [ARG]..."
    as_module = argv[1:2] == ["-m"]
    del argv[:2 if as_module else 1]
    if not argv:
        sys.exit(usage)
    # This module runs as __main__, so import the one that others use.
    from libpb import accelerate
    accelerate.install_later()
    if as_module:
        sys.path[0] = ""
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
    else:
        import os
        sys.path[0] = os.path.dirname(os.path.abspath(argv[0]))
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    _main(sys.argv)
