"""Column types that keep exactly what they are given: moments to the microsecond, and text of strangers.

They are types of their own, not TypeDecorators, which cost twice as much for each value of a large batch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Integer
from sqlalchemy.engine import Dialect
from sqlalchemy.types import UserDefinedType

from responder.adapters.storage.escapes import MARK, escaped, plain

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LATEST = datetime.max.replace(tzinfo=UTC)
EARLIEST = datetime.min.replace(tzinfo=UTC)

INDEXED = 200  # characters of a text that an index takes as they are

# A key that the database counts; SQLite counts only INTEGER.
Counter = BigInteger().with_variant(Integer, "sqlite")


class Moment(UserDefinedType[datetime]):
    """An aware datetime as microseconds since 1970, UTC. What no datetime can hold reads as the nearest one."""

    cache_ok = True
    render_bind_cast = True  # PostgreSQL is told the type where it cannot guess it

    def get_col_spec(self, **_: Any) -> str:
        return "BIGINT"

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        return _microseconds

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        return _moment


class Words(UserDefinedType[str]):
    """Any str, with what a database refuses escaped."""

    cache_ok = True
    render_bind_cast = True  # PostgreSQL is told the type where it cannot guess it

    def get_col_spec(self, **_: Any) -> str:
        return "TEXT"

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        return lambda text: None if text is None else escaped(text)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], str | None]:
        return lambda text: None if text is None else plain(text)


class Handle(UserDefinedType[str]):
    """What is looked up by a text of any length: the text itself where it is short, else a digest of it.

    It cannot be read back; what is to be read stands in another column.
    """

    cache_ok = True
    render_bind_cast = True  # PostgreSQL is told the type where it cannot guess it

    def get_col_spec(self, **_: Any) -> str:
        return "TEXT"

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        return handle


class Details(UserDefinedType[Mapping[str, str]]):
    """A mapping of texts, as JSON in ASCII."""

    cache_ok = True
    render_bind_cast = True  # PostgreSQL is told the type where it cannot guess it

    def get_col_spec(self, **_: Any) -> str:
        return "TEXT"

    def bind_processor(self, dialect: Dialect) -> Callable[[Mapping[str, str] | None], str]:
        return lambda details: json.dumps(dict(details), separators=(",", ":")) if details else "{}"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str], Mapping[str, str]]:
        return lambda text: {} if text == "{}" else json.loads(text)


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // MICROSECOND


def _moment(microseconds: int | None) -> datetime | None:
    if microseconds is None:
        return None
    try:
        return EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return LATEST if microseconds > 0 else EARLIEST


def handle(text: str | None) -> str | None:
    """What a `Handle` column holds for `text`."""
    if text is None:
        return None
    text = escaped(text)
    # No escaped text begins with the mark and a #, so that a text can never pass for the digest of another.
    return text if len(text) <= INDEXED else f"{MARK}#{hashlib.sha256(text.encode()).hexdigest()}"
