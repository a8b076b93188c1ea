"""The field types that every policy document is written in: frozen models, durations, names.

Unknown fields are errors. A duration is `90s`, `15m`, `1h30m`, `2d`; a bare number is refused, because nobody reading
`after: 30` at three in the morning knows whether it is seconds or minutes.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

DURATION = re.compile(r"(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_PATTERN = r"^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"
NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"


class Document(BaseModel):
    """A piece of policy: it does not change, and what it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def parse_duration(value: object) -> timedelta:
    """`1h30m` as a timedelta. Raises ValueError, in words, for anything else but a timedelta."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and (found := DURATION.fullmatch(value)):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        try:
            return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        except OverflowError:
            raise ValueError(f"{value!r} is longer than time itself") from None
    raise ValueError(f"{value!r} is no duration; write it like 90s, 15m, 1h30m or 2d")


def format_duration(value: timedelta) -> str:
    """The shortest way to write it: `1h30m`, `0s`. Fractions of a second are dropped."""
    left = int(value.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": ["90s", "15m", "1h30m", "2d"]}),
]


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


# Validators listed later run first, so the text is parsed before it is asked whether it is positive.
PositiveDuration = Annotated[
    timedelta,
    BeforeValidator(lambda value: _positive(parse_duration(value))),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": ["15m", "4h"]}),
]
Name = Annotated[str, StringConstraints(pattern=NAME)]
