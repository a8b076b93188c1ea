"""The store in PostgreSQL: units of many processes side by side, on whichever server takes writes.

It owns the connections and their settings, and what PostgreSQL's errors mean. A commit is on the server's disk, and on
its synchronous standbys', before `unit` returns.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
from sqlalchemy import ExceptionContext, event, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from responder.adapters.storage.codec import Codec
from responder.adapters.storage.connection import Broken, Transaction, finished, transaction
from responder.adapters.storage.dialing import Dialer
from responder.adapters.storage.hints import Hints, Ring
from responder.adapters.storage.reader import SqlReader
from responder.adapters.storage.shared_unit import Numbers, SharedUnit
from responder.adapters.storage.upgrade import upgrade
from responder.adapters.storage.writes import Writes
from responder.core.errors import Conflict, Failure, Permanent, Transient, Unsure
from responder.ports.clock import Clock
from responder.ports.store import Reader, Unit

WRITERS, READERS = 8, 4  # at the same time; more wait for their turn
ANSWERING = (
    6.0  # seconds for one statement; beyond the server's own limit, so the server or its network is gone
)
UPGRADING = 0x726573706F6E64  # the advisory lock: one upgrade at a time

# Of every session. Milliseconds where no unit is given.
SETTINGS: Mapping[str, str] = {
    "application_name": "responder",
    "timezone": "UTC",
    # None of ours takes long: what is deleted is deleted in chunks, which get smaller where the server is slow.
    "statement_timeout": "5s",
    "lock_timeout": "3s",
    # A process that is stopped, or whose network is gone, keeps its incidents locked no longer than this.
    "idle_in_transaction_session_timeout": "15s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
# Of the session that upgrades: it waits for another that does, and a big table takes its time.
UPGRADER: Mapping[str, str] = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}

# By SQLSTATE; appendix A of PostgreSQL's manual. Another unit came between: the same again will do.
BETWEEN = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "55P03",  # lock_not_available: the lock timeout
        "23505",  # unique_violation: both wrote the same new key
        "23503",  # foreign_key_violation: what a row refers to was deleted meanwhile
    }
)
# A newer program has changed the schema under a prepared statement, which is now prepared anew.
OUTDATED = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)
GUARD = "23502"  # not_null_violation; in a column `version` it is our guard against lost updates
# Classes that pass by themselves, or when somebody makes room: connection, resources, intervention, system.
PASSING = frozenset({"08", "53", "57", "58"})
READ_ONLY = "25006"  # a standby, or a server that is being moved
GONE = frozenset(
    {READ_ONLY, "25P03", "57P01", "57P02", "57P03", "57P05"}
)  # all connections may be like this one


# In words, to whoever asked us: which of these it is, and nothing of the server's own.
AWAY = "the database cannot be reached"
READS_ONLY = "no server of the database takes writes"
USELESS = "the database cannot be used as it is; the log says why"
OUTWARD: Mapping[str, str] = {
    READ_ONLY: READS_ONLY,
    "53": "the database lacks what it needs",
    "53100": "the database's disk is full",
    "53300": "the database takes no more connections",
    "57014": "the database takes too long",
}


class PostgresStore:
    """Made by `open_postgres`. `name`: the database in messages, without secrets."""

    is_exclusive = False

    def __init__(
        self,
        url: str,
        *,
        codec: Codec | None = None,
        settings: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        answering: float = ANSWERING,
    ) -> None:
        self.name = name_of(url)
        self._codec = codec or Codec()
        self._writes = Writes(insert)
        self._numbers = Numbers()
        self._url = url
        self._settings = {**SETTINGS, **(settings or {})}
        dialer = Dialer(url, self._settings, answering=answering)
        self._writing = _engine(dialer, WRITERS, isolation="READ COMMITTED", readonly=False)
        self._reading = _engine(dialer, READERS, isolation="REPEATABLE READ", readonly=True)
        self._hints = Hints(dialer.connect, clock) if clock is not None else None
        self.connected = asyncio.Event()  # set with every new connection, which may be to another server
        for engine in (self._writing, self._reading):
            event.listen(engine.sync_engine, "connect", lambda *_: self.connected.set())
        self._write_places = asyncio.Semaphore(WRITERS)
        self._read_places = asyncio.Semaphore(READERS)
        self._closed = False

    async def upgrade(self) -> None:
        async with self.upgraded():
            pass

    @asynccontextmanager
    async def upgraded(self) -> AsyncIterator[Transaction]:
        """One transaction, in which the schema is this program's; another that begins one waits for its end."""
        dialer = Dialer(self._url, {**self._settings, **UPGRADER}, answering=None)
        engine = _engine(dialer, 1, isolation="READ COMMITTED", readonly=False)
        try:
            async with transaction(engine, self._translate) as found:
                await found.rows(text(f"SELECT pg_advisory_xact_lock({UPGRADING})"))
                await found.rows(text("SELECT set_config('lock_timeout', '10s', true)"))
                await found.run(lambda connection: upgrade(connection, self.name))
                yield found
        finally:
            await finished(engine.dispose())

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        async with self._write_places:
            self._refuse_closed()
            async with transaction(self._writing, self._translate) as found:
                unit = SharedUnit(found, self._codec, self._writes, self._numbers)
                yield unit
                await unit.flush()
                found.refuse_failed()
            if self._hints is not None:
                self._hints.tell(unit.hints)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        async with self._read() as found:
            yield SqlReader(found, self._codec)

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[Transaction]:
        async with self._read_places:
            self._refuse_closed()
            async with transaction(self._reading, self._translate) as found:
                yield found

    async def hear(self, ring: Ring) -> None:
        if self._hints is not None:
            await self._hints.run(ring)

    async def time(self) -> datetime:
        """The database's clock. Raises like `reading`."""
        async with self._read() as found:
            (row,) = await found.rows(text("SELECT clock_timestamp()"))
        moment: datetime = row[0]
        return moment.astimezone(UTC)

    async def close(self) -> None:
        """Waits for the units and the readers in progress; closing again does nothing."""
        async with AsyncExitStack() as nobody:
            for turn in (*[self._write_places] * WRITERS, *[self._read_places] * READERS):
                await nobody.enter_async_context(turn)
            self._closed = True
            await finished(self._reading.dispose())
            await finished(self._writing.dispose())

    def _refuse_closed(self) -> None:
        if self._closed:
            raise Permanent(f"{self.name}: the store is closed")

    def _translate(self, error: Broken, *, committing: bool) -> Failure:
        return translated(self.name, error, committing=committing)


async def open_postgres(
    url: str,
    *,
    codec: Codec | None = None,
    settings: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    answering: float = ANSWERING,
) -> PostgresStore:
    """The store in the database of `url`, made or upgraded where needed.

    url: postgresql://user:password@host:port/database; with several hosts, the one that takes writes is used.
    `settings`: more of each session, over SETTINGS. `clock`: what paces the hints between processes; without one, there
    are none. `answering`: seconds for one statement. Raises Newer where a newer responder has made it and has not left
    it to this one too, Permanent where a person has to mend something, Transient where no server takes writes now.
    """
    store = PostgresStore(url, codec=codec, settings=settings, clock=clock, answering=answering)
    try:
        await store.upgrade()
    except BaseException:
        await store.close()
        raise
    return store


def name_of(url: str) -> str:
    """Which database it is, on which servers: no user, no password, and nothing that the query may hold."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2] or ",".join(parse_qs(parts.query).get("host", ["localhost"]))
    return f"postgresql://{hosts}{parts.path}"


def translated(name: str, error: Broken, *, committing: bool = False) -> Failure:
    """What `error` means to who asked. Nothing of a query or of its values is in the text."""
    original = getattr(error, "orig", error)
    state = getattr(original, "sqlstate", None)
    said = f"{name}: {_said(original)}" + (f" ({state})" if state is not None else "")
    cause = original.__cause__ or original
    if state in BETWEEN or isinstance(cause, OUTDATED) or (state == GUARD and _column(cause) == "version"):
        return Conflict(said)
    if isinstance(cause, asyncpg.ClientConfigurationError):
        return Permanent(said, outward=USELESS)
    if state is None:
        # The driver's own, or the network's. What the driver refuses to send has not been sent.
        unsent = isinstance(cause, asyncpg.InterfaceError)
        away = READS_ONLY if isinstance(cause, asyncpg.TargetServerAttributeNotMatched) else AWAY
        return (Unsure if committing and not unsent else Transient)(said, outward=away)
    if state[:2] in PASSING or state in GONE:
        outward = OUTWARD.get(state) or OUTWARD.get(state[:2], AWAY)
        return (Unsure if committing else Transient)(said, outward=outward)
    return Permanent(said, outward=USELESS)


def _said(original: BaseException) -> str:
    """Without what the driver could not make of a value, for it shows the value."""
    cause = original.__cause__ or original
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, asyncpg.TargetServerAttributeNotMatched):
        return READS_ONLY
    text = "" if isinstance(cause, asyncpg.DataError) else str(original)
    return text or type(cause).__name__


def _column(cause: BaseException) -> str | None:
    return getattr(cause, "column_name", None)


def _engine(dialer: Dialer, connections: int, *, isolation: Any, readonly: bool) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=dialer.connect,
        isolation_level=isolation,
        pool_size=connections,
        max_overflow=0,
        pool_use_lifo=True,
        hide_parameters=True,
    )

    def on_connect(connection: Any, _record: Any) -> None:
        connection.readonly = readonly

    def on_checkout(connection: Any, _record: Any, _proxy: Any) -> None:
        """A connection that the server has closed meanwhile is known to be, without a question."""
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    def on_error(context: ExceptionContext) -> None:
        error = context.original_exception
        state = getattr(error, "sqlstate", None)
        if state in GONE or isinstance(error, OSError):
            context.is_disconnect = True
        if context.connection is not None and (state == READ_ONLY or isinstance(error, TimeoutError)):
            dialer.give_up(context.connection.connection.driver_connection)

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "checkout", on_checkout)
    event.listen(engine.sync_engine, "handle_error", on_error)
    return engine
