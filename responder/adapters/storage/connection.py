"""One transaction on one database connection, whose calls always come to their end.

A cancelled task may leave a statement running in the driver, and the connection unusable or, worse, replaced while the
old one still writes. So every call here is waited for, and only then is the cancellation heard. The databases' errors
become `Transient` and `Permanent`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from responder.core.errors import Failure

T = TypeVar("T")
Rows = Sequence[Mapping[str, Any]]
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
    """What a reader or a unit may do with its connection between the beginning and the end."""

    def __init__(self, connection: AsyncConnection, translate: Translate) -> None:
        self._connection = connection
        self._translate = translate

    async def rows(
        self, statement: Executable, parameters: Mapping[str, Any] | Rows | None = None
    ) -> Sequence[Row[Any]]:
        return await self.run(lambda connection: connection.execute(statement, parameters).all())

    async def write(self, statements: Iterable[tuple[Executable, Rows]]) -> None:
        """Each statement once for each of its rows; nothing for no rows."""

        def execute(connection: Connection) -> None:
            for statement, rows in statements:
                if rows:
                    connection.execute(statement, rows)

        await self.run(execute)

    async def run(self, work: Callable[[Connection], T]) -> T:
        try:
            return await finished(self._connection.run_sync(work))
        except DBAPIError as error:
            raise self._translate(error) from error


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
