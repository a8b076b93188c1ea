"""The store in one SQLite file: one process, one writer, one unit at a time; readers never wait for it.

It owns the files' modes, the lock file, the connections' settings, and what SQLite's errors mean. A commit is on the
disk (WAL, synchronous=FULL) before `unit` returns.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.dialects.sqlite import insert

from responder.adapters.storage import journal as journaled
from responder.adapters.storage.codec import Codec
from responder.adapters.storage.connection import Broken, finished, transaction
from responder.adapters.storage.lockfile import LockFile
from responder.adapters.storage.reader import SqlReader
from responder.adapters.storage.threads import ThreadEngine
from responder.adapters.storage.unit import SqlUnit
from responder.adapters.storage.upgrade import upgrade
from responder.adapters.storage.writes import Writes
from responder.core.errors import Conflict, Failure, Permanent, Transient
from responder.ports.store import Reader, Unit

READERS = 4  # at the same time; more wait for their turn
BUSY = 5_000  # milliseconds to wait for another process that has the file open, such as a backup

WRITER: Mapping[str, int | str] = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "busy_timeout": BUSY,
    "temp_store": "MEMORY",
    "cache_size": -32_768,  # KiB
    "wal_autocheckpoint": 4_000,  # pages: 16 MiB
    "journal_size_limit": 64 * 1024 * 1024,  # bytes that the WAL keeps once it is written back
}
READING = "BEGIN"  # waits for no lock; the first question takes one
READER: Mapping[str, int | str] = {"query_only": "ON", "busy_timeout": BUSY, "temp_store": "MEMORY"}

UNREAD = "a row is not as this unit has read it"

# By SQLite's primary result code: what passes by itself, or when a person makes room. All else wants mending.
PASSING = frozenset({"BUSY", "LOCKED", "NOMEM", "INTERRUPT", "IOERR", "FULL", "CANTOPEN", "PROTOCOL"})
# In words, to whoever asked us.
OUTWARD: Mapping[str, str] = {
    "BUSY": "the database is held by another program",
    "LOCKED": "the database is held by another program",
    "IOERR": "the database's disk fails",
    "FULL": "the database's disk is full",
    "CANTOPEN": "the database cannot be opened",
    "READONLY": "the database takes no writes",
}
NOT_NOW = "the database cannot be used just now"
USELESS = "the database cannot be used as it is; the log says why"


class SqliteStore:
    """Made by `open_sqlite`. `path`: its file."""

    is_exclusive = True  # the lock file says so

    def __init__(self, path: Path, lock: LockFile, *, codec: Codec, pragmas: Mapping[str, int | str]) -> None:
        self.path = path
        self._lock = lock
        self._codec = codec
        self._writes = Writes(insert)
        self._writing = _engine(path, {**WRITER, **pragmas}, begin="BEGIN IMMEDIATE", connections=1)
        self._reading = _engine(path, READER, begin=READING, connections=READERS)
        self._turn = asyncio.Lock()
        self._places = asyncio.Semaphore(READERS)
        self._closed = False

    async def upgrade(self) -> None:
        async with transaction(self._writing, self._translate) as found:
            await found.run(lambda connection: upgrade(connection, str(self.path)))

    async def end_leases(self) -> None:
        """Whoever had claimed a body held the lock file, so it is no more; the body need not wait for the lease."""
        async with transaction(self._writing, self._translate) as found:
            await found.run(journaled.end_leases)

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        async with self._turn:
            self._refuse_closed()
            async with transaction(self._writing, self._translate) as found:
                unit = SqlUnit(found, self._codec, self._writes)
                yield unit
                await unit.flush()
                found.refuse_failed()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        async with self._places:
            self._refuse_closed()
            async with transaction(self._reading, self._translate) as found:
                yield SqlReader(found, self._codec)

    async def hear(self, ring: Callable[[str], None]) -> None:
        """Nobody else writes."""

    async def close(self) -> None:
        """Waits for the unit and the readers in progress; closing again does nothing."""
        async with AsyncExitStack() as nobody:
            for turn in (self._turn, *[self._places] * READERS):
                await nobody.enter_async_context(turn)
            self._closed = True
            await finished(self._reading.dispose())
            await finished(self._writing.dispose())
            self._lock.give_back()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise Permanent(f"{self.path}: the store is closed")

    def _translate(self, error: Broken, *, committing: bool) -> Failure:
        # A commit that fails here is none, so nothing is ever unsure.
        original = getattr(error, "orig", error)
        # The driver's own errors, such as that the connection is closed, have no name.
        name = str(getattr(original, "sqlite_errorname", ""))
        text = f"{self.path}: {original} ({name or 'no connection'})"
        if name == "SQLITE_CONSTRAINT_NOTNULL" and str(original).endswith(".version"):
            return Conflict(f"{self.path}: {UNREAD} ({original})")
        code = name.removeprefix("SQLITE_").partition("_")[0]
        if not code or code in PASSING:
            return Transient(text, outward=OUTWARD.get(code, NOT_NOW))
        return Permanent(text, outward=OUTWARD.get(code, USELESS))


async def open_sqlite(
    path: Path, *, codec: Codec | None = None, pragmas: Mapping[str, int | str] | None = None
) -> SqliteStore:
    """The store in `path`, made or upgraded where needed, with its directory.

    `pragmas`: more settings of the writing connection. Raises InUse where another process has it, Newer where a newer
    responder has made it, Permanent where the file is no database, Transient where the disk fails.
    """
    lock = LockFile(path.with_name(path.name + ".lock"))
    try:
        _make_private(path)
        lock.take(path)
    except OSError as error:
        raise Permanent(f"{path} cannot be opened: {error.strerror} ({error.filename})") from error
    store = SqliteStore(path, lock, codec=codec or Codec(), pragmas=pragmas or {})
    try:
        await store.upgrade()
        await store.end_leases()
    except BaseException:
        await store.close()
        raise
    return store


def _make_private(path: Path) -> None:
    """Only our own user may read it; SQLite gives the files that it puts beside it the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _engine(path: Path, pragmas: Mapping[str, int | str], *, begin: str, connections: int) -> ThreadEngine:
    # isolation_level None: sqlite3 begins no transactions of its own; ours begin below, reads included.
    engine = ThreadEngine(
        URL.create("sqlite", database=str(path)),
        connections=connections,
        connect_args={"isolation_level": None},
        reads_only=begin == READING,
    )

    def on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for name, value in pragmas.items():
            cursor.execute(f"PRAGMA {name}={value}")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)
    return engine
