"""The places: where a life's database lies, the axis of the table that is not the fault's.

A `Place` is one database that nobody has used yet: the settings that say where it is, and a way into it that is not
the service's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import ExitStack, closing
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self

from tests.servers import postgresql
from tests.servers.postgresql import Postgresql


class Database(StrEnum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Place(Protocol):
    def settings(self, home: Path) -> Mapping[str, str]:
        """Of a service whose life is in `home`."""
        ...

    def execute(self, home: Path, statement: str) -> None:
        """While no service is there."""
        ...


class OnSqlite:
    """A file in the life's own home."""

    def settings(self, home: Path) -> Mapping[str, str]:
        return {"RESPONDER_DATABASE_URL": f"sqlite:///{home / 'responder.db'}"}

    def execute(self, home: Path, statement: str) -> None:
        with closing(sqlite3.connect(home / "responder.db", isolation_level=None)) as connection:
            connection.execute(statement)


class OnPostgresql:
    """A database of its own on a server that many lives share."""

    def __init__(self, server: Postgresql) -> None:
        self._server = server
        self._database = server.fresh()

    def settings(self, home: Path) -> Mapping[str, str]:
        return {"RESPONDER_DATABASE_URL": self._database.url}

    def execute(self, home: Path, statement: str) -> None:
        self._server.sql(f"SET session_replication_role = replica; {statement}", database=self._database.name)


class Places:
    """`with Places({…}) as places`: what these databases need, for as long as it lasts."""

    def __init__(self, databases: Collection[Database]) -> None:
        self._databases = databases
        self._stack = ExitStack()
        self._server: Postgresql | None = None

    def __enter__(self) -> Self:
        if Database.POSTGRESQL in self._databases:
            # Its machine is not tried here, and many lives share its disk.
            self._server = self._stack.enter_context(postgresql.running(postgresql.FAST))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fresh(self, database: Database) -> Place:
        if database is Database.SQLITE:
            return OnSqlite()
        assert self._server is not None, "no server was asked for"
        return OnPostgresql(self._server)
