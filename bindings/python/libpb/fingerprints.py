# SPDX-License-Identifier: MIT
"""The functions of Twisted that C replaces or does the work of, as fingerprints.

libpb.accelerate replaces a function only if it is known: the source of the module has it
as a Twisted that libpb was tested with, and what is loaded is what that source compiles
to. So a function that a service has replaced, a Twisted that was changed, and one that is
newer than this table, all stay as they are.

A fingerprint is a hash of the syntax tree of a function, without its docstring and
annotations, so it is the same in every version of Python. `python -m libpb.fingerprints
FILE...` prints those of other Twisteds' banana.py and jelly.py that are not known."""
import ast
import hashlib
import sys
import types

__all__ = ["Module", "fingerprints"]

# Twisted 20.3, 21.2, 21.7, 22.1, 22.2, 22.4, 22.8, 22.10, 23.8, 23.10, 24.3, 24.7, 24.11
# and 26.4.
KNOWN = {
    "banana.Banana._encode": "ad7ca1a1c4a72b4d 2eee2c4cd3326e35",
    "banana.Banana.callExpressionReceived": "d7c2511aa6f2fb9f",
    "banana.Banana.dataReceived": "d5707f61a825d743 13c348d297111bc1 5b5aaf065057a730",
    "banana.Banana.gotItem": "2112c0c7e532645e",
    "banana.Banana.sendEncoded": "ec4453d9625ded43",
    "banana.b1282int": "f4fbcce2dc3cc7d7",
    "banana.int2b128": "9c99ca8332acc74a 2350032662806631",
    "jelly.DummySecurityOptions.isTypeAllowed": "de17502648624a14",
    "jelly.SecurityOptions.isTypeAllowed": "4121096590e71fa7",
    "jelly._Jellier.__init__": "675c5814884bf55b",
    "jelly._Jellier._checkMutable": "9efc628e3b0b5bd8",
    "jelly._Jellier._cook": "92c10342feab16bf",
    "jelly._Jellier._jellyIterable": "62397c0102d2a295",
    "jelly._Jellier.jelly": "7e57f252a31e32c6 2e49e4e2dd122e84 098a14061587ea3b",
    "jelly._Jellier.prepare": "99812d9c54333710",
    "jelly._Jellier.preserve": "32117238ffd0a30b",
    "jelly._Unjellier.__init__": "75c3d1c301602a1b",
    "jelly._Unjellier._unjellySetOrFrozenset": "b02ffefbdd97ec0c",
    "jelly._Unjellier._unjelly_None": "cd289307a0f4b931",
    "jelly._Unjellier._unjelly_boolean": "f872571e6d4b9f15 1bfa3a07808e3479",
    "jelly._Unjellier._unjelly_dereference": "2230d7bef0e82764",
    "jelly._Unjellier._unjelly_dictionary": "30cd5db3f883162c",
    "jelly._Unjellier._unjelly_frozenset": "e2d95f6906576ca2",
    "jelly._Unjellier._unjelly_list": "45989bd5af6ca6f0",
    "jelly._Unjellier._unjelly_reference": "5ffdc73e501ca06d",
    "jelly._Unjellier._unjelly_set": "2d0e96b466144900",
    "jelly._Unjellier._unjelly_tuple": "0dc116c8ef9de55e",
    "jelly._Unjellier._unjelly_unicode": "09dda071c9d4721f 87af190c04d318fd",
    "jelly._Unjellier.unjelly": "f380cf0aac7f0a1e 7e11b04313db4bc7 8a731be77925e2f5",
    "jelly._Unjellier.unjellyFull": "9b5cbb2a1bf48cb1",
    "jelly._Unjellier.unjellyInto": "4ec9d7f132d5ebe7",
    "jelly.jelly": "1f9e5a0087abcb68",
    "jelly.unjelly": "69c6ff5d908f30bd",
}

# Globals that C has as constants.
CONSTANTS = {
    "banana": {
        "LIST": b"\x80", "INT": b"\x81", "STRING": b"\x82", "NEG": b"\x83",
        "FLOAT": b"\x84", "LONGINT": b"\x85", "LONGNEG": b"\x86", "VOCAB": b"\x87",
        "HIGH_BIT_SET": b"\x80",
    },
    "jelly": {
        f"{word}_atom": word.encode() for word in (
            "None", "list", "tuple", "dictionary", "set", "frozenset", "reference",
            "dereference")
    },
}

_UNIMPORTANT = {"ctx", "kind", "type_comment", "type_params", "annotation", "returns"}


def _canonical(node):
    if isinstance(node, list):
        return f"[{' '.join(map(_canonical, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    words = [type(node).__name__]
    for field in node._fields:
        value = getattr(node, field, None)
        absent = value is None and not isinstance(node, ast.Constant)
        if field not in _UNIMPORTANT and not absent and value != []:
            words += [field, _canonical(value)]
    return f"({' '.join(words)})"


def _fingerprint(function):
    if ast.get_docstring(function, clean=False) is not None:
        del function.body[0]
    return hashlib.sha256(_canonical(function).encode()).hexdigest()[:16]


def fingerprints(source, module):
    """(name, first line) -> fingerprint of the functions and methods in the source of a
    module ("jelly") that are in the table."""
    found = {}

    def search(body, prefix):
        for node in body:
            if isinstance(node, ast.FunctionDef) and \
                    f"{module}.{prefix}{node.name}" in KNOWN:
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                found[prefix + node.name, first] = _fingerprint(node)
            elif isinstance(node, ast.ClassDef):
                search(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.If):
                search(node.body, prefix)
                search(node.orelse, prefix)

    search(ast.parse(source).body, "")
    return found


def _compiled(code, prefix, found):
    """(name, first line) -> code of the functions and methods in a code object."""
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            found[prefix + const.co_name, const.co_firstlineno] = const
            if not const.co_flags & 2:  # CO_NEWLOCALS, which classes lack
                _compiled(const, f"{prefix}{const.co_name}.", found)
    return found


_PARTS = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags",
          "co_argcount", "co_posonlyargcount", "co_kwonlyargcount")


def _same_code(a, b):
    """Whether two code objects do the same. Line numbers are not looked at, nor what an
    interpreter has put into the bytecode while it ran."""
    if any(getattr(a, part) != getattr(b, part) for part in _PARTS) or \
            len(a.co_consts) != len(b.co_consts):
        return False
    return all(_same_code(x, y) if isinstance(x, types.CodeType) and
               isinstance(y, types.CodeType) else type(x) is type(y) and x == y
               for x, y in zip(a.co_consts, b.co_consts))


class Module:
    """Compares the loaded parts of a module of twisted.spread with the known ones."""

    def __init__(self, module):
        self._module = module
        self._name = module.__name__.rpartition(".")[2]
        self._why = ""  # nothing of it is known
        self._prints, self._codes = {}, {}
        for name, value in CONSTANTS[self._name].items():
            if getattr(module, name, None) != value:
                self._why = f"{name} is {getattr(module, name, None)!r}"
        try:
            source = module.__spec__.loader.get_source(module.__name__)
        except Exception:
            source = None
        if source is None:
            self._why = self._why or "there is no source to compare it with"
        else:
            self._prints = fingerprints(source, self._name)
            self._codes = _compiled(compile(source, "", "exec", dont_inherit=True), "",
                                    {})

    def why_unknown(self, name):
        """Why a function or method ("Banana.dataReceived") is not known; "" if it is."""
        owner, _, attribute = name.rpartition(".")
        holder = getattr(self._module, owner, None) if owner else self._module
        function = vars(holder).get(attribute) if holder is not None else None
        if self._why or function is None:
            return self._why or "there is none"
        code = getattr(function, "__code__", None)
        place = name, getattr(code, "co_firstlineno", 0)
        if not isinstance(function, types.FunctionType) or \
                function.__globals__ is not vars(self._module) or \
                place not in self._codes or not _same_code(code, self._codes[place]):
            where = f"{getattr(function, '__module__', '?')}." \
                    f"{getattr(function, '__qualname__', type(function).__name__)}"
            return f"it was replaced, by {where}"
        if self._prints.get(place, "?") not in KNOWN[f"{self._name}.{name}"].split():
            return "it differs from that of every Twisted that libpb knows"
        return ""


def _main(paths):
    for path in paths:
        with open(path, encoding="utf-8") as f:
            module = path.rpartition("/")[2].rpartition(".")[0]
            for (name, _), found in fingerprints(f.read(), module).items():
                if found not in KNOWN[f"{module}.{name}"].split():
                    print(f"{path}: {module}.{name} {found}")


if __name__ == "__main__":
    _main(sys.argv[1:])
