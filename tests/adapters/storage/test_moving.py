"""A whole installation goes from SQLite to PostgreSQL: every row, nothing but whole, and what was pending goes on."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Table

from responder import app
from responder.adapters.clock import SystemClock
from responder.adapters.storage.lockfile import InUse
from responder.adapters.storage.moving import OWN, Moved, NotEmpty
from responder.adapters.storage.postgres import open_postgres
from responder.adapters.storage.sqlite import open_sqlite
from responder.adapters.storage.tables import METADATA
from responder.core.errors import Failure, Permanent
from responder.core.identifiers import ContactName
from responder.core.level import Level
from responder.engine.commands import Acknowledge, Actor, Declare, Role
from responder.ports.store import Replica
from responder.settings import Servers, database
from tests.engine.world import World, make_world
from tests.fakes.clock import FakeClock
from tests.servers.postgresql import Database

pytestmark = pytest.mark.postgresql

TABLES = [table for table in METADATA.sorted_tables if table not in OWN]
FIRST = Actor(contact=ContactName("first"), role=Role.RESPONDER, via="a test")
STRANGE = "né\x00\ud800“„"


def servers(of: Database) -> Servers:
    found = database(of.url)
    assert isinstance(found, Servers)
    return found


async def move(path: Path, to: Database, told: Callable[[Moved], None] = lambda one: None) -> list[Moved]:
    return await app.move_database(path, servers(to), told)


async def lived(path: Path) -> World:
    """A life that leaves rows in every table, and then a stop. I2's second person is to be paged in ten minutes."""
    store = await open_sqlite(path, pragmas={"synchronous": "OFF"})
    world = await make_world(store)
    await world.fire("Gone", level="2")
    await world.fire("RegionDown", level="3", note=STRANGE)
    await world.clear("Gone", level="2")
    await world.clear("NeverSeen", level="1")
    await world.post(world.alert("Cloud", {"level": "4"}), truncated=3)
    await world.post_raw(b"\x00 not a body \xff")
    await world.settle()
    await world.ask(Acknowledge(), incident="I3", once="a key of its own")
    await world.ask(Acknowledge(), incident="I4", revision=2)
    await world.service.commands.declare(FIRST, Declare(title="by hand", level=Level.MINOR))
    await world.settle()
    await world.service.tokens.make(name="one", role=Role.VIEWER, contact=None)
    await world.service.replicas.tell()
    await world.advance(minutes=5)
    for name in ("Later", "Last", "Deleted"):
        await world.post(world.alert(name, {"level": "3"}))
    now = world.clock.now()
    async with store.unit() as unit:
        assert await unit.claim_bodies(1, now, now + timedelta(hours=9))
    await store.close()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("DELETE FROM journal WHERE id = (SELECT max(id) FROM journal)")
    return world


def rows_there(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the file, as SQLite has it."""
    with closing(sqlite3.connect(path)) as raw:
        return {table.name: raw.execute(everything(table)).fetchall() for table in TABLES}


async def rows_here(of: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the database, in the same order; nothing where there is no table."""
    raw = await asyncpg.connect(of.url)
    try:
        names = {
            row[0] for row in await raw.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        }
        return {
            table.name: [tuple(row) for row in await raw.fetch(everything(table))]
            for table in TABLES
            if table.name in names
        }
    finally:
        await raw.close()


def everything(table: Table) -> str:
    columns = ", ".join(f'"{column.name}"' for column in table.c)
    key = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    return f"SELECT {columns} FROM {table.name} ORDER BY {key}"  # noqa: S608 - our own names


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, datetime]:
    """The file that a life has left, and when it ended."""
    path = tmp_path_factory.mktemp("life") / "responder.db"
    world = asyncio.run(lived(path))
    return path, world.clock.now()


@pytest.fixture
def path(tmp_path: Path, life: tuple[Path, datetime]) -> Path:
    """A copy of it, to be moved."""
    return Path(shutil.copy(life[0], tmp_path / "responder.db"))


async def test_every_row_of_every_table_is_there_as_it_was(path, postgresql_database):
    told: list[Moved] = []
    moved = await move(path, postgresql_database, told.append)
    there = rows_there(path)
    assert [name for name, rows in there.items() if not rows] == [], "a table is not tried"
    assert await rows_here(postgresql_database) == there
    assert moved == told == [Moved(table.name, len(there[table.name])) for table in TABLES]
    with pytest.raises(NotEmpty, match="is not empty"):
        await move(path, postgresql_database)


async def test_what_was_pending_goes_on_and_no_id_is_given_twice(path, life, postgresql_database):
    await move(path, postgresql_database)
    given = max(row[0] for row in rows_there(path)["journal"]) + 1  # one more was given, and its row deleted
    store = await open_postgres(postgresql_database.url)
    try:
        world = await make_world(store, clock=FakeClock(life[1]))
        known = len(await world.incidents())
        assert await world.post(world.alert("AfterTheMove", {"level": "3"})) == given + 1
        await world.settle()  # whoever had claimed the first of them is no more, whatever its lease
        assert (await world.incidents())[known:] == ["Later", "Last", "AfterTheMove"]
        assert (await world.story(f"I{known + 3}")).incident.title == "AfterTheMove"
        assert world.handed("to-second") == []
        await world.advance(minutes=10)
        assert world.reasons("second", "I2") == ["step"]
        whys = [line.id for line in (await world.story("I2")).audit]
        assert whys == sorted(set(whys))
        assert world.service.tokens is not None
        assert [token.name for token in await world.service.tokens.all()] == ["one"]
    finally:
        await store.close()


async def test_the_source_stays_and_can_be_opened_again(path, postgresql_database):
    await (await open_sqlite(path)).close()
    before = rows_there(path)
    await move(path, postgresql_database)
    assert rows_there(path) == before
    await (await open_sqlite(path)).close()


async def test_where_a_row_does_not_fit_nothing_is_left(path, postgresql_database):
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE due SET failures = 99999999999")
    with pytest.raises(Failure):
        await move(path, postgresql_database)
    assert await rows_here(postgresql_database) == {}


async def test_a_row_that_reads_back_otherwise_is_found(path, postgresql, postgresql_database):
    await (await open_postgres(postgresql_database.url)).close()
    for statement in (
        "CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN NEW.why := 'another'; RETURN NEW; END$$",
        "CREATE TRIGGER change BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION change()",
    ):
        postgresql.sql(statement, database=postgresql_database.name)
    with pytest.raises(Permanent, match=r"audit .* reads back otherwise"):
        await move(path, postgresql_database)
    assert {name for name, rows in (await rows_here(postgresql_database)).items() if rows} == set()


async def test_a_row_that_is_swallowed_is_found(path, postgresql, postgresql_database):
    await (await open_postgres(postgresql_database.url)).close()
    postgresql.sql(
        "CREATE RULE swallow AS ON INSERT TO tokens DO INSTEAD NOTHING", database=postgresql_database.name
    )
    with pytest.raises(Permanent, match="tokens"):
        await move(path, postgresql_database)


async def test_an_installation_that_runs_is_not_moved(path, postgresql_database):
    store = await open_sqlite(path)
    try:
        with pytest.raises(InUse):
            await move(path, postgresql_database)
    finally:
        await store.close()
    assert await rows_here(postgresql_database) == {}


@pytest.mark.parametrize("ago, is_served", [(5, True), (3600, False)], ids=["now", "an hour ago"])
async def test_a_database_that_is_being_served_from_is_refused(path, postgresql_database, ago, is_served):
    store = await open_postgres(postgresql_database.url)
    seen = SystemClock().now() - timedelta(seconds=ago)
    async with store.unit() as unit:
        await unit.put_replica(Replica(id="x", version="1", book="b", loaded_at=seen, seen_at=seen))
    await store.close()
    if is_served:
        with pytest.raises(
            NotEmpty, match=r"served from: the responder x was seen there [5-9] s ago.* ask again 60 s after"
        ):
            await move(path, postgresql_database)
    else:
        await move(path, postgresql_database)
        store = await open_postgres(postgresql_database.url)
        async with store.reading() as reader:
            assert await reader.replicas() == []
        await store.close()
