# SPDX-License-Identifier: MIT
"""Banana by itself: expressions to bytes and back. An expression is an int, a float, bytes,
or a list (when it is encoded, also a tuple) of expressions. Mirrors
twisted.spread.banana.encode and decode, whose dialect is "none" there."""
from __future__ import annotations

from typing import Any

from libpb import _core
from libpb._core import BananaError

__all__ = ["BananaError", "decode", "encode"]


def _words(dialect: str) -> bool:
    if dialect not in ("pb", "none"):
        raise ValueError(f"the dialect is 'pb' or 'none', not {dialect!r}")
    return dialect == "pb"


def encode(expression: Any, dialect: str = "none") -> bytes:
    """The bytes of an expression. BananaError for what banana cannot take."""
    return _core.banana_encode(expression, _words(dialect))


def decode(data: bytes, dialect: str = "none") -> Any:
    """The expression of bytes that hold exactly one, else BananaError."""
    return _core.banana_decode(data, _words(dialect))
