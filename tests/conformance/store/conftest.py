"""Every store there is; each test of this folder is run with each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from responder.adapters.storage.postgres import PostgresStore, open_postgres
from responder.adapters.storage.sqlite import open_sqlite
from responder.adapters.storage.tables import METADATA, NUMBERS, reach
from responder.ports.store import Store
from tests.fakes.store import MemoryStore
from tests.servers.postgresql import Database, Postgresql

Open = Callable[[], Awaitable[Store]]


EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
TRUNCATE {tables} RESTART IDENTITY CASCADE;
ALTER SEQUENCE {numbers} RESTART;
"""


@pytest.fixture(scope="session")
def migrated(postgresql: Postgresql) -> Database:
    """One database for all tests: to empty it takes a moment, to make one takes longer than most of them."""

    async def migrate(database: Database) -> None:
        await (await open_postgres(database.url)).close()

    made = postgresql.fresh()
    asyncio.run(migrate(made))
    return made


@pytest.fixture
def database(postgresql: Postgresql, migrated: Database) -> Database:
    tables = ", ".join(f'"{table.name}"' for table in METADATA.sorted_tables if table is not reach)
    postgresql.sql(EMPTY.format(tables=tables, numbers=NUMBERS), database=migrated.name)
    return migrated


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    match request.param:
        case "memory":

            async def memory() -> Store:
                return MemoryStore()

            return memory
        case "sqlite":
            return lambda: open_sqlite(tmp_path / "responder.db")
        case _:
            database: Database = request.getfixturevalue("database")

            async def postgres() -> Store:
                return PostgresStore(database.url)

            return postgres


@pytest_asyncio.fixture
async def store(opening: Open) -> AsyncIterator[Store]:
    opened = await opening()
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def shared(database: Database) -> AsyncIterator[PostgresStore]:
    """One that others may have open too."""
    opened = PostgresStore(database.url)
    yield opened
    await opened.close()
