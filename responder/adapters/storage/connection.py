"""One transaction on one database connection, whose calls always come to their end.

A cancelled task may leave a statement running in the driver, and the connection unusable or, worse, replaced while the
old one still writes. So every call here is waited for, and only then is the cancellation heard. The databases' errors
become `Transient`, `Unsure` and `Permanent`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from responder.adapters.storage.batch import Batch, Rows
from responder.adapters.storage.threads import ThreadConnection, ThreadEngine
from responder.core.errors import Failure

T = TypeVar("T")

# What a driver raises: its own errors, as SQLAlchemy wraps them, and the network's, as they are.
Broken = DBAPIError | OSError | NoConnectionFree
BROKEN = (DBAPIError, OSError, NoConnectionFree)


class Translate(Protocol):
    """`committing`: it happened in the commit, which may have been done all the same."""

    def __call__(self, error: Broken, *, committing: bool) -> Failure: ...


async def finished(call: Coroutine[Any, Any, T]) -> T:
    """The call's result. A cancellation meanwhile is raised once the call has ended, whatever its result was."""
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # asked for, so that nobody reports it as forgotten: the cancellation tells more
        raise


class Transaction:
    """What a reader or a unit may do with its connection between the beginning and the end.

    After a call has failed every other raises the same: the database may have rolled back what there was, and would
    keep what comes after, so that half of a unit were committed where somebody has caught the exception.
    """

    def __init__(self, connection: AsyncConnection | ThreadConnection, translate: Translate) -> None:
        self._connection = connection
        self._translate = translate
        self._failure: BaseException | None = None

    async def rows(self, statement: Executable, given: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """`given`: what the statement's bindparams stand for."""
        return await self.run(lambda connection: connection.execute(statement, given).all())

    async def write(self, batches: Iterable[tuple[Batch, Rows]]) -> None:
        """Each statement once for each of its rows; nothing for no rows."""

        def execute(connection: Connection) -> None:
            for batch, rows in batches:
                batch.execute(connection, rows)

        await self.run(execute)

    async def run(self, work: Callable[[Connection], T]) -> T:
        self.refuse_failed()
        try:
            return await _translated(self._connection.run_sync(work), self._translate)
        except BaseException as error:
            self._failure = error
            raise

    @property
    def has_failed(self) -> bool:
        return self._failure is not None

    def refuse_failed(self) -> None:
        if self._failure is not None:
            raise self._failure


@asynccontextmanager
async def transaction(engine: AsyncEngine | ThreadEngine, translate: Translate) -> AsyncIterator[Transaction]:
    """Committed when the block ends, rolled back when it raises."""
    connection = engine.connect()
    try:
        await _translated(connection.start(), translate)
        if isinstance(connection, AsyncConnection):
            await _translated(connection.begin().start(), translate)
        try:
            held = Transaction(connection, translate)
            yield held
            if held.has_failed:  # a reader may have caught it and be done
                await finished(connection.rollback())
            else:
                await _translated(connection.commit(), translate, committing=True)
        except BaseException as error:
            await _roll_back(connection, error)
            raise
    finally:
        if connection.sync_connection is not None:
            await finished(connection.close())


async def _translated(call: Coroutine[Any, Any, T], translate: Translate, *, committing: bool = False) -> T:
    try:
        return await finished(call)
    except BROKEN as error:
        raise translate(error, committing=committing) from error


async def _roll_back(connection: AsyncConnection | ThreadConnection, error: BaseException) -> None:
    """A connection that cannot even do that is thrown away, and with it what it had written."""
    try:
        await finished(connection.rollback())
    except BROKEN as second:
        await finished(connection.invalidate(second))
        problem = getattr(second, "orig", second)
        error.add_note(f"store: the roll-back failed too ({problem}); its connection was replaced")
