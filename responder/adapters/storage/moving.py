"""Moves a stopped SQLite installation into an empty PostgreSQL database, in one transaction there.

Every row is read back and held against what was sent; the counters go on above all that was ever given. Whatever fails,
the target is as it was before. The source keeps its rows, and may be started again; it is only brought up to this
program's schema first, as every start does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    MetaData,
    Row,
    Table,
    Text,
    func,
    insert,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.types import TypeEngine, UserDefinedType

from responder.adapters.storage.columns import Moment
from responder.adapters.storage.connection import Transaction
from responder.adapters.storage.tables import (
    INCIDENTS,
    METADATA,
    NUMBERS,
    bodies,
    counters,
    reach,
    replicas,
    summaries,
)
from responder.core.errors import Permanent

BATCH = 500  # rows, or …
BYTES = 8 * 1024 * 1024  # … so many of them, whichever is less
OWN = (reach, replicas)  # each database says by itself what it is and who serves from it
RECENT = timedelta(minutes=1)  # in which a replica has said that it serves


@dataclass(frozen=True, slots=True)
class Moved:
    table: str
    rows: int


class NotEmpty(Permanent):
    """The target holds something already."""


async def move(path: Path, into: Transaction, shown: str, told: Callable[[Moved], None]) -> list[Moved]:
    """Every row of the SQLite file, which nobody else has open, into a database at this program's schema.

    `shown`: the target, in messages; `told` hears of each table when it is done. Raises NotEmpty, or Permanent where a
    row does not read back as it was.
    """
    await _refuse_used(into, shown)
    moved = []
    async with _reading(path) as source:
        for table in METADATA.sorted_tables:
            if table not in OWN:
                moved.append(Moved(table.name, await _move_table(source, into, plain(table))))
                told(moved[-1])
        await _raise_counters(source, into)
    return moved


async def _refuse_used(into: Transaction, shown: str) -> None:
    now = (await into.rows(select(func.clock_timestamp())))[0][0]
    recent = select(replicas.c.id, replicas.c.seen_at).where(replicas.c.seen_at > now - RECENT)
    for row in await into.rows(recent.order_by(replicas.c.seen_at.desc()).limit(1)):
        ago = round(max(now - row.seen_at, timedelta(0)).total_seconds())
        raise NotEmpty(
            f"{shown} is being served from: the responder {row.id} was seen there {ago} s ago; stop all of them, and "
            f"use a database of its own. Where they have stopped, ask again {RECENT.seconds} s after that"
        )
    for table in METADATA.sorted_tables:
        if table not in OWN and await _count(into, select(func.count()).select_from(table)):
            raise NotEmpty(
                f"{shown} is not empty: its table {table.name} has rows; use a database of its own"
            )
    await into.run(lambda connection: connection.execute(replicas.delete()))


async def _move_table(source: AsyncConnection, into: Transaction, table: Table) -> int:
    moved = 0
    async for rows in _batches(source, table):
        await into.run(partial(_send, table=table, rows=rows))
        moved += len(rows)
    kept = await _count(into, select(func.count()).select_from(table))
    if kept != moved:
        raise Permanent(f"{table.name}: {moved} rows were sent and {kept} are there; nothing was kept")
    return moved


def _send(connection: Connection, *, table: Table, rows: Sequence[Row[Any]]) -> None:
    """Insert, read back, compare."""
    connection.execute(insert(table), [dict(row._mapping) for row in rows])
    key = tuple_(*table.primary_key.columns)
    places = [table.c.keys().index(column.name) for column in table.primary_key.columns]
    sent = {tuple(row[place] for place in places): tuple(row) for row in rows}
    there = connection.execute(select(table).where(key.in_(list(sent))))
    found = {tuple(row[place] for place in places): tuple(row) for row in there}
    if found != sent:
        wrong = next(one for one in sent if found.get(one) != sent[one])
        raise Permanent(f"{table.name} {wrong}: it reads back otherwise than it was sent; nothing was kept")


async def _raise_counters(source: AsyncConnection, into: Transaction) -> None:
    """What the target counts goes on above what the source has given, be its row long gone."""
    given = {row.name: row.seq for row in await source.execute(text("SELECT name, seq FROM sqlite_sequence"))}
    for table in METADATA.sorted_tables:
        column = table.autoincrement_column
        if column is None or table in OWN:
            continue
        highest = await into.rows(select(func.max(column)))
        last = max(highest[0][0] or 0, given.get(table.name, 0))
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        await _raise(into, sequence, last)
    counted = await into.rows(select(counters.c.value).where(counters.c.name == INCIDENTS))
    numbered = await into.rows(select(func.max(summaries.c.number)))
    await _raise(into, NUMBERS, max(counted[0][0] if counted else 0, numbered[0][0] or 0))


async def _raise(into: Transaction, sequence: Any, last: int) -> None:
    if last:
        await into.rows(select(func.setval(sequence, last)))


async def _count(into: Transaction, statement: Any) -> int:
    found: int = (await into.rows(statement))[0][0]
    return found


@asynccontextmanager
async def _reading(path: Path) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)))
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def _batches(source: AsyncConnection, table: Table) -> AsyncIterator[list[Row[Any]]]:
    """In the order of their keys, so that what refers to an earlier row of its table comes behind it."""
    rows: list[Row[Any]] = []
    size = 0
    at_once = 1 if table.name == bodies.name else BATCH  # a single body may have 64 MiB
    asked = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=at_once)
    async for row in await source.stream(asked):
        rows.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(rows) == BATCH or size >= BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def plain(table: Table) -> Table:
    """The table as the database sees it: what is kept in a column, not what it is made of."""
    columns = [
        Column(column.name, _stored(column.type), primary_key=column.primary_key, autoincrement=False)
        for column in table.c
    ]
    return Table(table.name, MetaData(), *columns)


def _stored(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(type_, Moment):
        return BigInteger()
    return Text() if isinstance(type_, UserDefinedType) else type_
