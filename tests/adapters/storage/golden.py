"""The golden texts: a value of each stored type with every field set, as text that lies beside this file.

`python -m tests.adapters.storage.golden` writes those of today's versions. Once a version has been released its text
never changes again: a new shape is a new version, and a new text beside the old one.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from responder.adapters.storage.codec import TYPES, VERSIONS, Codec
from responder.core.identifiers import ChannelName
from responder.core.level import Level
from responder.core.policy.escalation import Expect, Notify, Page, Promise, Remediate, Terms
from tests.builders import CTO, DEVOPS, HOUR, MINUTE, NOON, terms

TEXTS = Path(__file__).with_name("golden")

TERMS = terms(
    steps=(
        Notify(after=timedelta(0), notify="level_channels"),
        Notify(after=timedelta(0), notify=(ChannelName("pagerduty-critical"),)),
        Remediate(after=timedelta(0), remediate="bound"),
        Expect(after=15 * MINUTE, expect="recovered"),
        Page(after=30 * MINUTE, page=(CTO, DEVOPS)),
    )
)


def full(of: Any, name: str = "") -> Any:
    """A value of `of` with nothing left at None, empty, zero or false; `name` is what its texts are."""
    plain: dict[Any, Any] = {
        str: name,
        bool: True,
        int: len(name),
        datetime: NOON + timedelta(microseconds=len(name)),
        timedelta: HOUR + timedelta(microseconds=len(name)),
        Terms: TERMS,
        Promise: Promise(policy="matrix", levels={Level.MINOR: terms(Level.MINOR), Level.SEVERE: TERMS}),
    }
    if of in plain:
        return plain[of]
    if isinstance(of, NewType):
        return full(of.__supertype__, name)
    if isinstance(of, type) and issubclass(of, Enum):
        return list(of)[-1]
    parts = [full(part, name) for part in get_args(of) if part not in (Ellipsis, type(None))]
    origin = get_origin(of)
    if origin in (types.UnionType, Union):
        return parts[0]
    if origin in (tuple, frozenset):
        return origin(parts)
    if origin is not None and issubclass(origin, Mapping):
        return {parts[0]: parts[1]}
    hints = get_type_hints(of)
    return of(**{each.name: full(hints[each.name], each.name) for each in fields(of)})


FULL: Mapping[str, Any] = {what: full(type_) for what, type_ in TYPES.items()}


def encode(what: str, value: Any, codec: Codec | None = None) -> str:
    codec = codec or Codec()
    match what:
        case "occurrence":
            return codec.encode_occurrence(value)
        case "promise":
            return codec.encode_promise(value)
        case _:
            return codec.encode(value)


def decode(what: str, text: str, codec: Codec | None = None) -> Any:
    codec = codec or Codec()
    match what:
        case "occurrence":
            return codec.decode_occurrence(text)
        case "promise":
            return codec.decode_promise(text)
        case _:
            return codec.decode(what, text)


def text_of(what: str) -> Path:
    return TEXTS / f"{what}.{VERSIONS[what]}.json"


if __name__ == "__main__":
    for stored in TYPES:
        text_of(stored).write_text(encode(stored, FULL[stored]) + "\n", encoding="utf-8")
