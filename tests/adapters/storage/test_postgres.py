"""What only a real server can show: settings, errors, restarts, what is lost and what is not."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import create_async_engine

from responder.adapters.storage.dialing import each_of
from responder.adapters.storage.postgres import (
    READERS,
    SETTINGS,
    WRITERS,
    PostgresStore,
    name_of,
    open_postgres,
    translated,
)
from responder.adapters.storage.tables import METADATA
from responder.core.errors import Conflict, Permanent, Transient, Unsure
from responder.core.identifiers import JournalId
from responder.ports.store import key_of
from tests.builders import I1, body, heartbeat, incident, page
from tests.conformance.store.questions import ask_everything
from tests.conformance.store.steps import append, put, turns
from tests.servers.postgresql import FAST, PASSWORD, Database, Postgresql, pair, running, service_url

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[Postgresql]:
    """One that forgets nothing, for tests that stop it, kill it, or change its settings."""
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def migrated(server: Postgresql) -> str:
    async def migrate(database: Database) -> None:
        await (await open_postgres(database.url)).close()

    template = server.fresh()
    asyncio.run(migrate(template))
    return template.name


@pytest.fixture
def database(server: Postgresql, migrated: str) -> Iterator[Database]:
    made = server.fresh(template=migrated)
    yield made
    server.drop(made)


@pytest.fixture
def empty(server: Postgresql) -> Iterator[Database]:
    made = server.fresh()
    yield made
    server.drop(made)


@pytest_asyncio.fixture
async def store(database: Database) -> AsyncIterator[PostgresStore]:
    opened = await open_postgres(database.url)
    yield opened
    await opened.close()


@asynccontextmanager
async def set_to(database: Database, **settings: str) -> AsyncIterator[PostgresStore]:
    opened = await open_postgres(database.url, settings=settings)
    try:
        yield opened
    finally:
        await opened.close()


async def kept(store: PostgresStore) -> list[bytes]:
    async with store.reading() as reader:
        return [one.body for one in await reader.bodies(JournalId(0), 1_000)]


async def asked(store: PostgresStore, sql: str) -> Any:
    async with store.unit() as unit:
        (row,) = await unit._transaction.rows(text(sql))  # type: ignore[attr-defined]
    return row[0]


async def test_a_connection_that_breaks_while_it_is_set_up_is_not_left_open(database):
    store = await open_postgres(database.url, answering=1e-6)
    with pytest.raises(Transient):
        await store.time()
    await store.close()
    gc.collect()  # one left open would be told here, as a warning, which fails the test


# Settings


@pytest.mark.parametrize("name", SETTINGS)
async def test_every_session_has_our_settings(store, name):
    assert await asked(store, f"SHOW {name}") == SETTINGS[name]


async def test_units_and_readers_have_their_own_isolation(store):
    assert await asked(store, "SHOW transaction_isolation") == "read committed"
    async with store.reading() as reader:
        (row,) = await reader._transaction.rows(text("SHOW transaction_isolation"))
        assert row[0] == "repeatable read"
        with pytest.raises(Transient, match="read-only transaction"):
            await reader._transaction.rows(text("DELETE FROM journal RETURNING 1"))


@pytest.mark.parametrize(
    "servers, ours",
    [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ],
)
async def test_no_commit_is_answered_before_it_is_durable_whatever_the_server_says(
    server, database, servers, ours
):
    server.sql(f"ALTER DATABASE {database.name} SET synchronous_commit = {servers}")
    async with set_to(database) as store:
        assert await asked(store, "SHOW synchronous_commit") == ours


async def test_readers_come_and_go_more_than_there_are_places(store):
    await append(store, b"1")
    assert await asyncio.gather(*(kept(store) for _ in range(3 * READERS))) == [[b"1"]] * 3 * READERS


async def test_units_wait_for_a_place_and_can_be_cancelled_there(store):
    async def hold() -> None:
        async with store.unit():
            await never.wait()

    never = asyncio.Event()
    holding = [asyncio.ensure_future(hold()) for _ in range(WRITERS)]
    waiting = asyncio.ensure_future(append(store, b"never"))
    await turns(50)
    waiting.cancel()
    await asyncio.wait([waiting])
    never.set()
    await asyncio.gather(*holding)
    assert waiting.cancelled()
    assert await kept(store) == []


async def test_the_time_is_the_databases_own(store, server):
    told = await store.time()
    assert told.utcoffset() is not None
    assert abs(told.timestamp() - float(server.sql("SELECT extract(epoch FROM clock_timestamp())"))) < 10


# The schema


async def test_the_migrations_make_the_tables_that_the_code_uses(store, server, database, empty):
    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [one for one in compare_metadata(context, METADATA) if "alembic" not in repr(one)]

    async with store.upgraded() as transaction:
        assert await transaction.run(compare) == []
    engine = create_async_engine(empty.url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await engine.dispose()
    assert schema(server, database) == schema(server, empty)


def schema(server: Postgresql, database: Database) -> list[str]:
    """Columns with their defaults, indexes and constraints, as the server words them."""
    asked_for = (
        "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
    )
    found = [line for sql in asked_for for line in server.sql(sql, database=database.name).splitlines()]
    return sorted(line for line in found if "alembic" not in line)


async def test_those_that_start_at_once_on_an_empty_database_all_get_it(empty):
    stores = await asyncio.gather(*(open_postgres(empty.url) for _ in range(4)))
    for one in stores:
        await append(one, b"1")
        await one.close()


async def test_hot_tables_are_vacuumed_early(store, server, database):
    told = server.sql("SELECT reloptions FROM pg_class WHERE relname = 'journal'", database=database.name)
    assert "autovacuum_vacuum_scale_factor=0.02" in told
    assert "fillfactor=80" in told


# Errors


class Said(Exception):
    """As the driver's errors come: wrapped, with the original behind it."""

    def __init__(self, original: Exception) -> None:
        super().__init__("wrapped")
        self.orig = Wrapped(str(original))
        self.orig.sqlstate = getattr(original, "sqlstate", None)
        self.orig.__cause__ = original


class Wrapped(Exception):
    sqlstate: str | None = None


def not_null(column: str) -> asyncpg.PostgresError:
    return asyncpg.PostgresError.new({"C": "23502", "M": "null value", "c": column})


@pytest.mark.parametrize(
    "error, expected, in_commit",
    [
        pytest.param(asyncpg.SerializationError("x"), Conflict, Conflict, id="serialization"),
        pytest.param(asyncpg.DeadlockDetectedError("x"), Conflict, Conflict, id="deadlock"),
        pytest.param(asyncpg.LockNotAvailableError("x"), Conflict, Conflict, id="lock timeout"),
        pytest.param(asyncpg.UniqueViolationError("x"), Conflict, Conflict, id="a key twice"),
        pytest.param(asyncpg.ForeignKeyViolationError("x"), Conflict, Conflict, id="deleted meanwhile"),
        pytest.param(
            asyncpg.InvalidCachedStatementError("x"), Conflict, Conflict, id="a newer program's schema"
        ),
        pytest.param(asyncpg.OutdatedSchemaCacheError("x"), Conflict, Conflict, id="newer types"),
        pytest.param(asyncpg.ClientConfigurationError("x"), Permanent, Permanent, id="a wrong URL"),
        pytest.param(not_null("version"), Conflict, Conflict, id="not as it was read"),
        pytest.param(not_null("body"), Permanent, Permanent, id="a column that is missing"),
        pytest.param(asyncpg.DiskFullError("x"), Transient, Unsure, id="disk full"),
        pytest.param(asyncpg.TooManyConnectionsError("x"), Transient, Unsure, id="too many connections"),
        pytest.param(asyncpg.ReadOnlySQLTransactionError("x"), Transient, Unsure, id="read-only"),
        pytest.param(asyncpg.AdminShutdownError("x"), Transient, Unsure, id="shutting down"),
        pytest.param(asyncpg.CannotConnectNowError("x"), Transient, Unsure, id="starting up"),
        pytest.param(asyncpg.QueryCanceledError("x"), Transient, Unsure, id="statement timeout"),
        pytest.param(asyncpg.PostgresIOError("x"), Transient, Unsure, id="its disk"),
        pytest.param(asyncpg.ConnectionDoesNotExistError("x"), Transient, Unsure, id="connection lost"),
        pytest.param(asyncpg.InterfaceError("closed"), Transient, Transient, id="never sent"),
        pytest.param(asyncpg.UndefinedTableError("x"), Permanent, Permanent, id="no such table"),
        pytest.param(asyncpg.InvalidPasswordError("x"), Permanent, Permanent, id="wrong password"),
    ],
)
def test_each_error_is_what_it_means_to_who_asked(error, expected, in_commit):
    assert type(translated("db", Said(error))) is expected  # type: ignore[arg-type]
    assert type(translated("db", Said(error), committing=True)) is in_commit  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), TimeoutError()], ids=["reset", "timeout"])
def test_an_error_of_the_network_is_transient_and_in_a_commit_unsure(error):
    assert type(translated("db", error)) is Transient
    assert type(translated("db", error, committing=True)) is Unsure


@pytest.mark.parametrize(
    "error, words",
    [
        (Said(asyncpg.DiskFullError("x")), "the database's disk is full"),
        (Said(asyncpg.ReadOnlySQLTransactionError("x")), "no server of the database takes writes"),
        (Said(asyncpg.TargetServerAttributeNotMatched("x")), "no server of the database takes writes"),
        (Said(asyncpg.QueryCanceledError("x")), "the database takes too long"),
        (Said(asyncpg.OutOfMemoryError("x")), "the database lacks what it needs"),
        (TimeoutError(), "the database cannot be reached"),
        (Said(asyncpg.UndefinedTableError("x")), "the database cannot be used as it is; the log says why"),
    ],
    ids=["full", "read-only", "nobody takes writes", "too long", "no memory", "silent", "no table"],
)
def test_whoever_asked_us_is_told_which_trouble_it_is(error, words):
    assert translated("db", error).outward == words


def test_a_value_that_the_driver_refuses_is_not_shown():
    refused = asyncpg.DataError("invalid input for query argument $1: 'the secret'")
    assert "secret" not in str(translated("db", Said(refused)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url, expected",
    [
        (
            "postgresql://u:p%40ss@db.example:5432/responder?sslmode=require",
            "postgresql://db.example:5432/responder",
        ),
        ("postgresql://u:p@a:1,b:2/responder", "postgresql://a:1,b:2/responder"),
        (
            "postgresql:///responder?host=/var/run/postgresql&password=x",
            "postgresql:///var/run/postgresql/responder",
        ),
        ("postgresql:///responder", "postgresql://localhost/responder"),
    ],
)
def test_a_database_is_named_without_its_secrets(url, expected):
    assert name_of(url) == expected


async def test_a_wrong_password_is_permanent_and_not_shown(database):
    url = database.url.replace("responder:", "responder:wrong-", 1)
    with pytest.raises(Permanent, match="password authentication failed") as refused:
        await open_postgres(url)
    assert "wrong-" not in str(refused.value)
    assert PASSWORD not in str(refused.value)


async def test_a_database_that_is_not_there_is_permanent(database):
    with pytest.raises(Permanent, match=r'database "nowhere" does not exist'):
        await open_postgres(database.url.replace(database.name, "nowhere"))


async def test_a_server_that_is_not_there_is_transient(database):
    with pytest.raises(Transient):
        await open_postgres(database.url.replace(str(database.port), "1"))


async def test_a_table_that_is_gone_is_permanent(store, server, database):
    server.sql("DROP TABLE acts", database=database.name)
    async with store.reading() as reader:
        with pytest.raises(Permanent, match='relation "acts" does not exist'):
            await reader.act("cto", I1, 1, "ack")


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_unit_in_which_a_call_failed_is_not_committed_whoever_caught_it(store, goes_on):
    async def careless() -> None:
        async with store.unit() as unit:
            await unit.append_bodies([body(b"lost")])
            with pytest.raises(Permanent):
                await unit._transaction.rows(text("SELECT * FROM nothing"))
            if goes_on:
                await unit.append_bodies([body(b"lost too")])

    with pytest.raises(Permanent, match="nothing"):
        await careless()
    assert await kept(store) == []
    await append(store, b"kept")


async def test_a_statement_that_takes_too_long_is_transient_and_the_store_works_on(database):
    async with set_to(database, statement_timeout="100ms") as store:
        with pytest.raises(Transient, match="statement timeout"):
            await asked(store, "SELECT 1 FROM pg_sleep(30)")
        await append(store, b"kept")


async def test_a_lock_that_is_not_to_be_had_is_a_conflict(database):
    async with set_to(database, lock_timeout="100ms") as store:
        await put(store, incident())
        async with store.unit() as unit:
            await unit.lock([I1])
            with pytest.raises(Conflict, match="lock timeout"):
                await put(store, page())


async def test_a_unit_that_stands_idle_for_long_loses_its_locks_and_is_not_done(database):
    async with set_to(database, idle_in_transaction_session_timeout="300ms") as store:
        await put(store, incident())

        async def idle() -> None:
            async with store.unit() as unit:
                await unit.append_bodies([body(b"lost")])
                await unit.lock([I1])
                locked.set()
                await go_on.wait()
                await unit.append_bodies([body(b"lost too")])

        locked, go_on = asyncio.Event(), asyncio.Event()
        task = asyncio.ensure_future(idle())
        await locked.wait()
        await put(store, page())  # waits for the lock, and gets it
        go_on.set()
        with pytest.raises(Transient):
            await task
        assert await kept(store) == []
        async with store.reading() as reader:
            assert await reader.records([key_of(page())]) == {key_of(page()): page()}


# Servers that come and go


async def busy(store: PostgresStore) -> None:
    """Every place of the store has a connection."""
    started = [asyncio.Event() for _ in range(WRITERS)]

    async def one(event: asyncio.Event) -> None:
        async with store.unit() as unit:
            await unit.counts()
            event.set()
            for each in started:
                await each.wait()

    await asyncio.gather(*(one(event) for event in started))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_a_server_that_was_restarted_costs_no_unit_that_comes_later(store, server, how):
    await busy(store)
    await append(store, b"before")
    server.restart(how)
    await turns(200)  # the loop hears that the connections are gone
    for _ in range(WRITERS):
        await append(store, b"after")
    assert await kept(store) == [b"before", *[b"after"] * WRITERS]


async def test_a_unit_whose_server_goes_is_transient_and_leaves_nothing(store, server):
    async def interrupted() -> None:
        async with store.unit() as unit:
            await unit.append_bodies([body(b"lost")])
            server.kill()
            await unit.append_bodies([body(b"lost too")])

    await append(store, b"kept")
    try:
        with pytest.raises(Transient):
            await interrupted()
        with pytest.raises(Transient):
            await append(store, b"nobody there")
    finally:
        server.start()
    await append(store, b"after")
    assert await kept(store) == [b"kept", b"after"]


async def test_a_commit_whose_answer_is_lost_is_unsure(store, server, database):
    """It waits for a standby that never comes, and so long its connection breaks."""
    server.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    server.sql("SELECT pg_reload_conf()")
    try:
        task = asyncio.ensure_future(append(store, b"who knows"))
        while not await asyncio.to_thread(
            server.sql, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        ):
            pass
        await asyncio.to_thread(server.terminate_clients, database)
        with pytest.raises(Unsure):
            await task
    finally:
        server.stand_alone()
    assert await kept(store) in ([], [b"who knows"])
    await append(store, b"after")


async def test_a_server_that_takes_no_writes_is_refused_when_the_store_is_opened(server, database):
    server.sql(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    with pytest.raises(Transient, match="takes writes"):
        await open_postgres(database.url)
    server.sql(f"ALTER DATABASE {database.name} RESET default_transaction_read_only")
    await (await open_postgres(database.url)).close()


async def append_for_ever(store: PostgresStore) -> None:
    while True:
        await append(store, b"x")


async def test_a_server_that_begins_to_refuse_writes_loses_all_our_connections(store, server):
    await busy(store)
    assert store._writing.pool.checkedin() == WRITERS
    server.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    server.sql("SELECT pg_reload_conf()")
    try:
        with pytest.raises(Transient, match="read-only"):
            await append_for_ever(store)  # until the setting has reached the session
        with pytest.raises(Transient, match="takes writes"):
            await append(store, b"nobody takes writes")
    finally:
        server.sql("ALTER SYSTEM RESET default_transaction_read_only")
        server.sql("SELECT pg_reload_conf()")
    while await asyncio.to_thread(server.sql, "SHOW default_transaction_read_only") == "on":
        pass
    await append(store, b"last")
    assert (await kept(store))[-1] == b"last"


async def test_a_server_that_answers_nobody_is_given_up_and_used_again_when_it_answers(database, server):
    """As behind a network that drops everything: nothing is refused, nothing comes back."""
    store = await open_postgres(database.url, answering=0.5)
    try:
        await busy(store)
        server.freeze()
        try:
            with pytest.raises(Transient):
                await append(store, b"lost")
            with pytest.raises(Transient):
                await kept(store)
        finally:
            server.thaw()
        await append(store, b"kept")
        assert (await kept(store))[-1] == b"kept"
        server.freeze()
        await store.close()
    finally:
        server.thaw()


async def test_one_answer_that_never_comes_ends_every_connection_and_the_other_server_is_asked():
    """The primary's machine is gone, and closes nothing. Each unit would have to find that out for itself."""
    with pair(FAST) as (primary, standby):
        url = service_url(primary.fresh().name, primary.port, standby.port)
        store = await open_postgres(url, answering=0.5)
        try:
            await busy(store)
            await kept(store)
            primary.freeze()
            standby.promote()
            with pytest.raises(Transient):
                await append(store, b"lost")
            for _ in range(WRITERS):
                await append(store, b"kept")
            assert await kept(store) == [b"kept"] * WRITERS
        finally:
            primary.thaw()
            await store.close()


async def test_a_first_server_that_answers_nobody_leaves_the_second_its_own_time():
    with running(FAST) as silent, running(FAST) as other:
        url = service_url(other.fresh().name, silent.port, other.port)
        silent.freeze()
        try:
            store = await open_postgres(url)
            await append(store, b"kept")
            await store.close()
        finally:
            silent.thaw()


@pytest.mark.parametrize(
    "url, expected",
    [
        ("postgresql://u:p%2F@a/db", ["postgresql://u:p%2F@a/db"]),
        (
            "postgresql://u:p@a:1,[::1]:2/db?x=y,z",
            ["postgresql://u:p@a:1/db?x=y,z", "postgresql://u:p@[::1]:2/db?x=y,z"],
        ),
        ("postgresql:///db?host=a,b", ["postgresql:///db?host=a,b"]),
    ],
    ids=["one", "several", "in the query"],
)
def test_each_server_of_a_url_has_its_own(url, expected):
    assert each_of(url) == expected


async def test_among_several_servers_the_one_that_takes_writes_is_found(database, server):
    with running(FAST) as other:
        made = other.fresh()
        server.sql(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
        other.sql(f"ALTER DATABASE {made.name} RENAME TO {database.name}_too")
        server.sql(f"ALTER DATABASE {database.name} RENAME TO {database.name}_too")
        url = service_url(f"{database.name}_too", server.port, other.port)
        store = await open_postgres(url)
        try:
            await append(store, b"1")
            assert other.sql("SELECT count(*) FROM journal", database=f"{database.name}_too") == "1"
        finally:
            await store.close()
            server.sql(f"ALTER DATABASE {database.name}_too RENAME TO {database.name}")


async def test_what_was_committed_survives_that_the_server_is_killed(store, server):
    for number in range(20):
        await append(store, b"%d" % number)
    await put(store, heartbeat())
    server.kill()
    server.start()
    await turns(200)
    assert await kept(store) == [b"%d" % number for number in range(20)]
    async with store.unit() as unit:
        assert await unit.heartbeats() == [heartbeat()]


# Speed

# Statements that may walk, by what they contain, and why.
WALKS = {
    "FROM tokens ORDER BY": "there are a few",
    "FROM replicas": "there are a few",
}


async def test_no_question_reads_a_whole_table(store, database):
    """Each statement of the port can be answered by an index; small tables are read whole all the same."""
    statements: dict[str, Any] = {}

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        statements[statement] = parameters[0] if isinstance(parameters, list) else parameters

    for engine in (store._writing.sync_engine, store._reading.sync_engine):
        event.listen(engine, "before_cursor_execute", note)
    await ask_everything(store)
    plain = await asyncpg.connect(database.url)
    await plain.execute("SET enable_seqscan = off")
    plans = {
        statement: [row[0] for row in await plain.fetch(f"EXPLAIN {statement}", *given)]
        for statement, given in statements.items()
    }
    await plain.close()
    walking = {one: plan for one, plan in plans.items() if any("Seq Scan" in step for step in plan)}
    assert {one: plan for one, plan in walking.items() if not any(part in one for part in WALKS)} == {}
    assert len(plans) > 40


# Cancellation


@pytest.mark.parametrize("sql", ["SELECT 1 FROM pg_sleep(0.2)"])
async def test_a_cancelled_unit_waits_for_the_call_in_progress(store, sql):
    async def work() -> None:
        async with store.unit() as unit:
            await unit.append_bodies([body(b"lost")])
            inside.set()
            await unit._transaction.rows(text(sql))

    inside = asyncio.Event()
    task = asyncio.ensure_future(work())
    await inside.wait()
    await turns(5)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert await kept(store) == []
    assert store._writing.pool.checkedout() == 0
    await append(store, b"kept")


async def test_closing_waits_for_who_reads_and_writes(store):
    async with store.reading() as reader:
        async with store.unit() as unit:
            closing = asyncio.ensure_future(store.close())
            await unit.append_bodies([body(b"1")])
            assert not closing.done()
        assert await reader.waiting_count() == 1
        assert not closing.done()
    await closing


async def test_an_open_that_fails_changes_nothing_and_leaves_no_connection(server, empty):
    server.sql("CREATE TABLE journal (x int)", database=empty.name)
    with pytest.raises(Permanent, match="already exists"):
        await open_postgres(empty.url)
    assert (
        server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=empty.name)
        == "journal"
    )
    left = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{empty.name}'"  # noqa: S608 - our own name
    while await asyncio.to_thread(server.sql, left) != "0":
        pass
