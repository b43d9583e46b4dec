# SPDX-License-Identifier: MIT
"""Banana without a connection: expressions to bytes and back. An expression is an int, a
float, bytes, or a list of expressions (encode also takes tuples). Mirrors
twisted.spread.banana.encode and decode, whose dialect is "none"."""
from __future__ import annotations

from typing import Any

from libpb import _core
from libpb._core import BananaError

__all__ = ["BananaError", "decode", "encode"]


def _words(dialect: str) -> bool:
    if dialect not in ("pb", "none"):
        raise ValueError(f"the dialect must be 'pb' or 'none', not {dialect!r}")
    return dialect == "pb"


def encode(expression: Any, dialect: str = "none") -> bytes:
    """Encodes an expression. Raises BananaError for an object that banana cannot send."""
    return _core.banana_encode(expression, _words(dialect))


def decode(data: bytes, dialect: str = "none") -> Any:
    """Decodes bytes that hold exactly one expression. Raises BananaError for other
    bytes."""
    return _core.banana_decode(data, _words(dialect))
