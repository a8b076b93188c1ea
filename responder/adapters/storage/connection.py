"""One transaction on one database connection, whose calls always come to their end.

A cancelled task may leave a statement running in the driver, and the connection unusable or, worse, replaced while the
old one still writes. So every call here is waited for, and only then is the cancellation heard. The databases' errors
become `Transient` and `Permanent`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from responder.adapters.storage.batch import Batch, Rows
from responder.core.errors import Failure

T = TypeVar("T")
Translate = Callable[[DBAPIError], Failure]


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

    def __init__(self, connection: AsyncConnection, translate: Translate) -> None:
        self._connection = connection
        self._translate = translate
        self._failure: BaseException | None = None

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        return await self.run(lambda connection: connection.execute(statement).all())

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

    def refuse_failed(self) -> None:
        if self._failure is not None:
            raise self._failure


@asynccontextmanager
async def transaction(engine: AsyncEngine, translate: Translate) -> AsyncIterator[Transaction]:
    """Committed when the block ends, rolled back when it raises."""
    connection = engine.connect()
    try:
        await _translated(connection.start(), translate)
        await _translated(connection.begin().start(), translate)
        try:
            yield Transaction(connection, translate)
            await _translated(connection.commit(), translate)
        except BaseException as error:
            await _roll_back(connection, error)
            raise
    finally:
        if connection.sync_connection is not None:
            await finished(connection.close())


async def _translated(call: Coroutine[Any, Any, T], translate: Translate) -> T:
    try:
        return await finished(call)
    except DBAPIError as error:
        raise translate(error) from error


async def _roll_back(connection: AsyncConnection, error: BaseException) -> None:
    """A connection that cannot even do that is thrown away, and with it what it had written."""
    try:
        await finished(connection.rollback())
    except DBAPIError as second:
        await finished(connection.invalidate(second))
        error.add_note(f"store: the roll-back failed too ({second.orig}); its connection was replaced")
