"""Column types that keep exactly what they are given: moments to the microsecond, and text of strangers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LATEST = datetime.max.replace(tzinfo=UTC)
EARLIEST = datetime.min.replace(tzinfo=UTC)

INDEXED = 200  # characters of a text that an index takes as they are

# NUL (PostgreSQL has none in text), lone surrogates (UTF-8 has none), and the character that escapes them.
_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")

# A key that the database counts; SQLite counts only INTEGER.
Counter = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970, UTC. What no datetime can hold reads as the nearest one."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        try:
            return EPOCH + timedelta(microseconds=value)
        except OverflowError:
            return LATEST if value > 0 else EARLIEST


class Words(TypeDecorator[str]):
    """Any str: the few characters that a database refuses are escaped as \\x1a and four hex digits."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else escaped(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or "\x1a" not in value:
            return value
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)


class Handle(TypeDecorator[str]):
    """What is looked up by a text of any length: the text itself where it is short, else a digest of it.

    It cannot be read back; what is to be read stands in another column.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        value = escaped(value)
        # No escaped text begins with \x1a#, so that a text can never pass for the digest of another.
        return value if len(value) <= INDEXED else "\x1a#" + hashlib.sha256(value.encode()).hexdigest()


class Details(TypeDecorator[Mapping[str, str]]):
    """A mapping of texts, as JSON in ASCII."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, str] | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(dict(value), separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Mapping[str, str] | None:
        return None if value is None else json.loads(value)


def escaped(text: str) -> str:
    return _UNSTORABLE.sub(lambda found: f"\x1a{ord(found[0]):04x}", text)
