"""The field types that every policy document is written in: frozen models, durations, names, times, secrets by name.

Unknown fields are errors. A duration is `90s`, `15m`, `1h30m`, `2d`; a bare number is refused, because nobody reading
`after: 30` at three in the morning knows whether it is seconds or minutes. A secret is never in a document, nor in
the book made of it: `{from_env: NAME}` stays a name until the one who uses it asks `resolve`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import GenerateJsonSchema

from responder.core.level import Level

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

Locale = Literal["en", "ko"]


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class FromEnv(Document):
    """The name of an environment variable, in place of its value."""

    from_env: str = Field(pattern=f"^{_VARIABLE.pattern}$", description="the variable's name")


TextOrEnv = str | FromEnv


def resolve(value: TextOrEnv | None, environ: Mapping[str, str]) -> str | None:
    """The text itself, or the variable's value; None where there is neither, or it is empty."""
    found = environ.get(value.from_env) if isinstance(value, FromEnv) else value
    return found or None


def variables_of(written: object) -> Iterator[str]:
    """The environment variables that `written` names: a document, or a part of one."""
    match written:
        case FromEnv(from_env=name):
            yield name
        case BaseModel():
            for _, each in written:
                yield from variables_of(each)
        case Mapping():
            for each in written.values():
                yield from variables_of(each)
        case list() | tuple():
            for each in written:
                yield from variables_of(each)
        case _:
            pass


def _level(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no level; write 1, 2, 3 or 4, without quotes")
    return value


LevelNumber = Annotated[Level, BeforeValidator(_level)]


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone; write one like Asia/Seoul or Europe/Berlin") from None
    return value


Zone = Annotated[str, AfterValidator(_known_zone)]

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def _clock_time(value: object) -> time:
    if isinstance(value, time):
        return value
    if isinstance(value, str) and (found := _CLOCK.fullmatch(value)):
        return time(int(found[1]), int(found[2]))
    raise ValueError(f'{value!r} is no time of day; write it like "09:00"')


ClockTime = Annotated[
    time,
    BeforeValidator(_clock_time),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$", "examples": ["09:00"]}),
]

_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?", re.ASCII)


def _local_time(value: object) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value
    try:
        if isinstance(value, str) and _LOCAL.fullmatch(value):
            return datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no local time; the calendar has no such day or hour") from None
    raise ValueError(f"{value!r} is no local time; write it like 2026-12-24 09:00, without an offset")


LocalTime = Annotated[
    datetime,
    BeforeValidator(_local_time),
    PlainSerializer(lambda value: value.isoformat(" "), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_LOCAL.pattern}$", "examples": ["2026-12-24 09:00"]}),
]


def text_or_env(raw: object) -> TextOrEnv:
    """`raw` as it is written in a document. Raises ValueError, without repeating what may be a secret."""
    match raw:
        case str() | FromEnv() if raw:
            return raw
        case {"from_env": str(name), **rest} if not rest and _VARIABLE.fullmatch(name):
            return FromEnv(from_env=name)
        case _:
            raise ValueError(
                "this is neither text nor a variable; write it in quotes, or as {from_env: NAME}"
            )


# Schemas


class _Schema(GenerateJsonSchema):
    """Defaults as people write them."""

    def encode_default(self, dft: Any) -> Any:
        match dft:
            case timedelta():
                return format_duration(dft)
            case time():
                return dft.strftime("%H:%M")
            case _:
                return super().encode_default(dft)


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a document as it is written."""
    schema = model.model_json_schema(by_alias=True, mode="validation", schema_generator=_Schema)
    _mend(schema, schema)
    return schema


def _mend(node: object, root: dict[str, Any]) -> None:
    """Keys are text in JSON, those of levels too; a mapping whose names have a pattern has no other names."""
    if isinstance(node, list):
        for each in node:
            _mend(each, root)
    if not isinstance(node, dict):
        return
    if "patternProperties" in node:
        node.setdefault("additionalProperties", False)
    if isinstance(names := node.get("propertyNames"), dict) and "$ref" in names:
        target = root["$defs"][names["$ref"].rpartition("/")[2]]
        node["propertyNames"] = {"enum": [str(each) for each in target["enum"]]}
    for each in node.values():
        _mend(each, root)
