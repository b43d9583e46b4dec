# SPDX-License-Identifier: MIT
"""Replaces functions of the installed twisted.spread by C code.

    import libpb.accelerate
    libpb.accelerate.install()

From then on C encodes and decodes banana and jelly, on connections that are open already
and on new ones. Whatever a service overrides, registers or sets stays in force: C handles
built-in types as Twisted's own functions do, and calls these for everything else. A
function of Twisted that is not known, or that was replaced before, keeps running in
Python. status() tells which these are, and how often each has run; install() logs it.

To accelerate a service without changing it, start it with `python -m libpb.accelerate
script.py [ARG]...` or `python -m libpb.accelerate -m module [ARG]...`, or set
LIBPB_ACCELERATE=on in its environment (libpb must be installed in the site packages).
`python -m libpb.accelerate --check` says what is accelerated.
"""
import importlib.machinery
import sys
import types
import warnings
from typing import Any, Dict

from libpb import _core

__all__ = ["install", "install_later", "installed", "status", "uninstall"]

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


_JELLIER = tuple(f"_Jellier.{name}" for name in (
    "__init__", "_checkMutable", "_cook", "_jellyIterable", "jelly", "prepare",
    "preserve"))
_UNJELLIER = tuple(f"_Unjellier.{name}" for name in (
    "__init__", "_unjellySetOrFrozenset", "_unjelly_None", "_unjelly_boolean",
    "_unjelly_dereference", "_unjelly_dictionary", "_unjelly_frozenset", "_unjelly_list",
    "_unjelly_reference", "_unjelly_set", "_unjelly_tuple", "_unjelly_unicode", "unjelly",
    "unjellyFull", "unjellyInto"))
# (module, function, replacement, other functions whose work C does then). Each stays as
# it is if one of them is not known.
_PLACES = [
    ("banana", "Banana.dataReceived", _banana_data_received,
     ("Banana.gotItem", "Banana.callExpressionReceived", "b1282int")),
    ("banana", "Banana.sendEncoded", _banana_send_encoded,
     ("Banana._encode", "int2b128")),
    ("banana", "Banana._encode", _banana_encode, ("int2b128",)),
    ("jelly", "_Jellier.jelly", _jellier_class_jelly, _JELLIER),
    ("jelly", "_Unjellier.unjelly", _unjellier_class_unjelly, _UNJELLIER),
    ("jelly", "jelly", _jelly_jelly, _JELLIER),
    ("jelly", "unjelly", _jelly_unjelly, _UNJELLIER),
]
# C asks a taster for each type, unless its isTypeAllowed is one of these.
_TASTERS = ("SecurityOptions.isTypeAllowed", "DummySecurityOptions.isTypeAllowed")


class _State:
    """The state that install() has found and made. It outlives a reload of this module."""

    def __init__(self):
        self.patches = []  # (owner, name, original, replacement) of what is replaced now
        self.made = []     # the same, for the next install() that finds the same Twisted
        self.found = ()    # what these were made for
        self.why = {}      # why functions stay in Python, by name
        self.originals = {}  # Twisted's own functions, by name, as far as they are known
        self.twisted = ""  # its version


_state = globals().get("_state") or _State()


def _holder(modules, module, function):
    """The owner of a function's attribute, and the attribute's name."""
    owner, _, name = function.rpartition(".")
    holder = modules[module]
    return (getattr(holder, owner, None) if owner else holder), name


def _look(modules):
    """All objects of Twisted that install() looks at."""
    from libpb import fingerprints
    found = []
    for known in fingerprints.KNOWN:
        module, _, function = known.partition(".")
        holder, name = _holder(modules, module, function)
        found += [holder, getattr(holder, name, None)]
    for module, constants in fingerprints.CONSTANTS.items():
        found += [getattr(modules[module], name, None) for name in constants]
    return found + [*_methods(modules["jelly"]._Jellier).values(),
                    *_methods(modules["jelly"]._Unjellier).values()]


def _methods(cls):
    return {name: value for name, value in vars(cls).items()
            if isinstance(value, types.FunctionType)}


def _judge(modules):
    """Why each function that C could replace or skip stays in Python; "" if it does not:
    by name."""
    from libpb import fingerprints
    compared = {name: fingerprints.Module(module) for name, module in modules.items()}
    why = {}
    for module, function, _, others in _PLACES:
        reasons = ((name, compared[module].why_unknown(name))
                   for name in (function, *others))
        why[function] = next((f"{name}: {reason}" if name != function else reason
                              for name, reason in reasons if reason), "")
    for function in _TASTERS:
        why[function] = compared["jelly"].why_unknown(function)
    return why


def _names(banana, jelly, ours, why):
    """The objects of Twisted that C needs, as accelerate/twisted.h lists them. One that
    is missing is None: then C does nothing that needs it."""
    from twisted.persisted import crefutil
    own = _state.originals
    jellier, unjellier = own["_Jellier"], own["_Unjellier"]
    names = {
        "banana_globals": vars(banana),
        "jelly_globals": vars(jelly),
        "gotItem": getattr(banana.Banana, "gotItem", None),
        "callExpressionReceived": getattr(banana.Banana, "callExpressionReceived", None),
        "dataReceived": own["Banana.dataReceived"],
        "sendEncoded": own["Banana.sendEncoded"],
        "_encode": own["Banana._encode"],
        "accelerated_encode": ours.get("Banana._encode"),
        "jelly": own["jelly"],
        "unjelly": own["unjelly"],
        "_Jellier": jellier,
        "_Unjellier": unjellier,
        "jellier_methods": {**_methods(jellier), **_only("jelly", ours, "_Jellier")},
        "unjellier_methods": {**_methods(unjellier),
                              **_only("unjelly", ours, "_Unjellier")},
        "jellier_jelly": own["_Jellier.jelly"],
        "unjellier_unjelly": own["_Unjellier.unjelly"],
        "report": _report,
    }
    for name in ("qual", "Jellyable", "InsecureJelly"):
        names[name] = getattr(jelly, name, None)
    for name in ("NotKnown", "_Tuple", "_Container", "_Dereference", "_DictKeyAndValue"):
        names[name] = getattr(crefutil, name, None)
    for name, function in ("security", _TASTERS[0]), ("dummy_security", _TASTERS[1]):
        names[name] = None if why[function] else own[function]
    return names


def _only(method, ours, cls):
    """{method: its replacement}, if it has one."""
    function = ours.get(f"{cls}.{method}")
    return {method: function} if function else {}


def _logger():
    from twisted.logger import Logger
    return Logger("libpb.accelerate")


def _report(function):
    """Called the first time that a call of a function is left to Python."""
    _logger().warn("libpb: calls of {function} run in Python where something that it "
                   "depends on was changed after install()", function=function)


def _log_installed():
    why = _state.why
    in_c = ", ".join(name for name, reason in why.items() if not reason)
    in_python = "; ".join(f"{name} ({reason})" for name, reason in why.items() if reason)
    log = _logger()
    (log.warn if in_python else log.info)(
        "libpb {libpb} under Twisted {twisted}: in C: {in_c}; in Python: {in_python}",
        libpb=_core.__version__, twisted=_state.twisted, in_c=in_c or "nothing",
        in_python=in_python or "nothing of these")


def _prepare(modules):
    """Makes the replacements for the Twisted that is there, and binds C to it."""
    import twisted
    made, ours = [], {}
    why, own = _judge(modules), _state.originals
    for cls in ("_Jellier", "_Unjellier"):
        own[cls] = getattr(modules["jelly"], cls, type)
    for function in _TASTERS:
        own[function] = getattr(*_holder(modules, "jelly", function), None)
    for module, function, replacement, _ in _PLACES:
        holder, name = _holder(modules, module, function)
        original = getattr(holder, name, None)
        if why[function]:
            own.setdefault(function, original)  # theirs may call what it was before
            continue
        own[function] = original
        ours[function] = _replacement(replacement, original)
        made.append((holder, name, original, ours[function]))
    _core.bind(_names(modules["banana"], modules["jelly"], ours, why))
    _state.made, _state.why, _state.found = made, why, _look(modules)
    _state.twisted = twisted.__version__


def _is_ours(patch):
    owner, name, _, function = patch
    return vars(owner).get(name) is function


def _is_in_place(patch):
    """Whether a replacement is in use: not if its module was reloaded."""
    owner = patch[0]
    module = sys.modules.get(owner.__module__) if isinstance(owner, type) else None
    return _is_ours(patch) and (
        module is None or getattr(module, owner.__name__, None) is owner)


def installed() -> bool:
    """Whether functions of twisted.spread run in C now. (False if none of them is known:
    see status().)"""
    return any(map(_is_in_place, _state.patches))


def install() -> None:
    """Accelerates twisted.spread. Does nothing if it is accelerated already."""
    from twisted.spread import banana, jelly

    modules = {"banana": banana, "jelly": jelly}
    pb = sys.modules.get("twisted.spread.pb")
    if _state.patches:
        if all(map(_is_in_place, _state.patches)):
            return
        uninstall()  # Twisted was reloaded, or others have replaced something
    now = _look(modules)
    if len(now) != len(_state.found) or \
            any(a is not b for a, b in zip(now, _state.found)):
        _prepare(modules)
    patches = list(_state.made)
    if pb is not None:  # it has imported jelly's functions by name
        patches += [(pb, *patch[1:]) for patch in patches
                    if patch[0] is jelly and getattr(pb, patch[1], None) is patch[2]]
    for owner, name, _, function in patches:
        setattr(owner, name, function)
    _state.patches = patches
    _log_installed()


def uninstall() -> None:
    """Restores twisted.spread's own functions, except where other code has replaced them
    since install()."""
    patches, _state.patches = _state.patches, []
    pb = sys.modules.get("twisted.spread.pb")
    if pb is not None:
        patches = patches + [(pb, *patch[1:]) for patch in patches
                             if isinstance(patch[0], types.ModuleType)]
    for patch in patches:
        if _is_ours(patch):
            setattr(patch[0], patch[1], patch[2])


def status() -> "Dict[str, Any]":
    """The accelerated parts, as a dict: "installed"; the versions "libpb" and "twisted"; and
    "functions", by name, each a dict of "runs" ("C" or "Python"), "why" (it runs in
    Python), and the numbers of its calls since install() that ran "in_c" and, because
    something was changed or C refused the input, "in_python".

    A taster's function that "runs" in Python is called by C for each type."""
    counts = _core.counts()
    current = {f"{patch[0].__name__}.{patch[1]}" if isinstance(patch[0], type) else
               patch[1] for patch in filter(_is_in_place, _state.patches)}
    functions = {}
    for function, why in _state.why.items():
        runs_in_c = not why and (function in current or function in _TASTERS)
        functions[function] = {
            "runs": "C" if runs_in_c else "Python",
            "why": None if runs_in_c else why or "install() was not called, or undone",
        }
        if function in counts:
            in_c, in_python = counts[function]
            functions[function].update(in_c=in_c, in_python=in_python)
    return {"installed": installed(), "libpb": _core.__version__,
            "twisted": _state.twisted or None, "functions": functions}


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


_MODULES = ("twisted.spread.banana", "twisted.spread.jelly")


class _Finder:
    """Waits for the first import of one of the modules that are accelerated."""

    @classmethod
    def find_spec(cls, name, path, target=None):
        if name not in _MODULES:
            return None
        sys.meta_path.remove(cls)
        return find_spec(name, path, target)


def find_spec(name, path, target=None):
    """The spec of a module that is accelerated: it installs when it is loaded."""
    spec = importlib.machinery.PathFinder.find_spec(name, path, target)
    if spec is not None and spec.loader is not None:
        spec.loader = _Loader(spec.loader)
    return spec


def install_later() -> None:
    """Installs as soon as twisted.spread is imported. Does not import it."""
    if set(_MODULES) & set(sys.modules):
        install()
    elif not any(getattr(f, "__name__", "") == "_Finder" for f in sys.meta_path):
        sys.meta_path.insert(0, _Finder)


_USAGE = """usage: python -m libpb.accelerate (SCRIPT | -m MODULE) [ARG]...
       python -m libpb.accelerate --check
       python -m libpb.accelerate --help

Runs a program of Twisted's with twisted.spread's banana and jelly in C.

--check  prints what runs in C with the Twisted that is installed, and whether
         LIBPB_ACCELERATE works here; exits with 0 if all of it does, else with 1

LIBPB_ACCELERATE in the environment does the same for each Python program:
on, yes, true, 1    that program; it is taken out of the environment then, so the
                    programs that are started by it are not accelerated
children            that program, and those that it starts
off, no, false, 0   none
"""


def _switch():
    """Whether LIBPB_ACCELERATE works here, and why."""
    import os
    import site
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    for folder in folders:
        path = os.path.join(folder, "libpb-accelerate.pth")
        if os.path.exists(path):
            return True, f"LIBPB_ACCELERATE works, by {path}"
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return False, ("LIBPB_ACCELERATE has no effect: libpb is imported from "
                   f"{here}, and Python reads libpb-accelerate.pth in the site packages "
                   "only. Install libpb there (not editable), call "
                   "libpb.accelerate.install(), or use python -m libpb.accelerate.")


def _check():
    try:
        import twisted.spread.pb  # noqa: F401
    except ImportError as e:
        print(f"Twisted cannot be imported: {e}")
        return 1
    from libpb import accelerate
    accelerate.install()
    told = accelerate.status()
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"libpb {told['libpb']}, Twisted {told['twisted']}, Python {version}")
    for name, function in told["functions"].items():
        why = f": {function['why']}" if function["why"] else ""
        print(f"  {function['runs']:6} {name}{why}")
    works, text = _switch()
    print(text)
    return 0 if all(f["runs"] == "C" for f in told["functions"].values()) else 1


def _main(argv):
    import runpy

    if argv[1:] == ["--check"]:
        sys.exit(_check())
    if argv[1:2] in (["--help"], ["-h"]):
        sys.exit(print(_USAGE, end=""))
    as_module = argv[1:2] == ["-m"]
    del argv[:2 if as_module else 1]
    if not argv or argv[0].startswith("-"):
        print(_USAGE, end="", file=sys.stderr)
        sys.exit(2)
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
