"""SQLite on threads of our own: a piece of work makes one trip to a thread, however many statements it has.

A trip and back costs some 100 µs, and up to 5 ms where the event loop computes, because Python lets one thread compute
at a time; aiosqlite makes three or four for each statement. The two classes have the shape of SQLAlchemy's AsyncEngine
and AsyncConnection as far as `connection` uses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine

T = TypeVar("T")


class ThreadEngine:
    def __init__(
        self, url: URL, *, connections: int, connect_args: Mapping[str, Any], reads_only: bool
    ) -> None:
        """`connections`: at most so many at a time, each with a thread to work on.

        `reads_only`: to begin and to end needs no disk and waits for nobody, so that it is done without a trip.
        """
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="sqlite")
        self._reads_only = reads_only
        self.sync_engine = create_engine(
            url,
            connect_args={**connect_args, "check_same_thread": False},
            hide_parameters=True,  # an error names what it could not write; what stood in it is nobody's business
            poolclass=QueuePool,
            pool_size=connections,
            max_overflow=0,
        )

    def connect(self) -> ThreadConnection:
        return ThreadConnection(self.sync_engine, self._threads, reads_only=self._reads_only)

    async def dispose(self) -> None:
        """Closes the connections that nobody uses; again, it does nothing."""
        await asyncio.to_thread(self.sync_engine.dispose)
        self._threads.shutdown()


class ThreadConnection:
    """Its calls follow each other; whoever makes them waits for each to end."""

    def __init__(self, engine: Engine, threads: ThreadPoolExecutor, *, reads_only: bool) -> None:
        self._engine = engine
        self._threads = threads
        self._reads_only = reads_only
        self.sync_connection: Connection | None = None

    async def start(self) -> None:
        """A writer begins its transaction on its first trip, with the first work that there is."""
        if self._reads_only:
            self.sync_connection = self._begun()

    def _begun(self) -> Connection:
        connection = self._engine.connect()
        try:
            connection.begin()
        except BaseException:
            connection.close()
            raise
        return connection

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        return await _on(self._threads, self._done, work)

    def _done(self, work: Callable[[Connection], T]) -> T:
        if self.sync_connection is None:
            self.sync_connection = self._begun()
        return work(self.sync_connection)

    async def commit(self) -> None:
        if self.sync_connection is None:
            return  # nothing was asked or written
        if self._reads_only:
            self.sync_connection.commit()
        else:
            await _on(self._threads, self.sync_connection.commit)

    async def rollback(self) -> None:
        if self.sync_connection is not None:
            await _on(self._threads, self.sync_connection.rollback)

    async def invalidate(self, problem: BaseException | None = None) -> None:
        if self.sync_connection is not None:
            await _on(self._threads, self.sync_connection.invalidate, problem)

    async def close(self) -> None:
        """Without a trip: what there was is committed or rolled back, and this only gives the connection back."""
        if self.sync_connection is not None:
            self.sync_connection.close()


async def _on(threads: ThreadPoolExecutor, work: Callable[..., T], *given: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, work, *given)
