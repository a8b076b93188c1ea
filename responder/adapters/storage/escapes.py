"""Text of strangers as text that every database and UTF-8 can hold, and back, exactly.

NUL (PostgreSQL has none in text), lone surrogates (UTF-8 has none) and U+001A, which marks them, are written as U+001A
and four hex digits. All other text stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

MARK = "\x1a"
_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


def escaped(text: str) -> str:
    return _UNSTORABLE.sub(lambda found: f"{MARK}{ord(found[0]):04x}", text)


def plain(text: str) -> str:
    """What `escaped` was given."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if MARK in text else text


def rewritten(value: Any, rewrite: Callable[[str], str]) -> Any:
    """`value` with `rewrite` done to every text in it: in its dataclasses, tuples, sets and mappings, keys included."""
    match value:
        case Enum():
            return value
        case str():
            return rewrite(value)
        case tuple() | frozenset():
            return type(value)(rewritten(one, rewrite) for one in value)
        case Mapping():
            return {rewritten(key, rewrite): rewritten(one, rewrite) for key, one in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(
                value, **{each.name: rewritten(getattr(value, each.name), rewrite) for each in fields(value)}
            )
        case _:
            return value
