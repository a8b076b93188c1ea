"""The ground that a round stands on: an empty folder, a database, and the programs that it starts, ended with it.

The service is a process of its own, as operators run it; so are the sink that takes what it hands over, and the floor
that it is held against. What they cost is read from the kernel.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import aiohttp

from tests.journeys.programs import Program, python
from tests.journeys.served import WEBHOOK_TOKEN, Served
from tests.journeys.small import FAR, small_plan, write_plan
from tests.servers.postgresql import Postgresql

GIVE_UP = aiohttp.ClientTimeout(total=60)
SERVING = r"serving on (http://127\.0\.0\.1:\d+)"
TICKS = os.sysconf("SC_CLK_TCK")
BEARER = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}


class Database(StrEnum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of a process since its start: seconds computed; bytes of memory now, and the most there ever were."""

    cpu: float
    resident: int
    peak: int


def usage(process: int) -> Usage:
    times = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    memory = {
        name: int(value.split()[0]) * 1024
        for name, _, value in (line.partition(":") for line in status)
        if name in ("VmRSS", "VmHWM")
    }
    cpu = (int(times[11]) + int(times[12])) / TICKS  # utime and stime, as proc(5) counts them
    return Usage(cpu=cpu, resident=memory["VmRSS"], peak=memory["VmHWM"])


@dataclass(frozen=True, slots=True)
class Handed:
    """A message that the sink took. `at`: seconds since the epoch; `name`: of the alert that it is about."""

    at: float
    path: str
    incident: str
    purpose: str
    name: str


@dataclass(frozen=True, slots=True)
class SinkProgram:
    url: str  # ends in /

    async def ledger(self) -> list[Handed]:
        async with aiohttp.ClientSession(timeout=GIVE_UP) as http, http.get(f"{self.url}ledger") as answer:
            return [Handed(**one) for one in await answer.json()]


@dataclass(slots=True)
class Ground:
    """`home`: empty at first. `lasting`: kept from round to round. `quick`: small and short, no measurement."""

    home: Path
    lasting: Path
    stack: AsyncExitStack
    database: Database = Database.SQLITE
    server: Postgresql | None = None
    quick: bool = False
    programs: list[Program] = field(default_factory=list)
    folders: int = 0

    def scaled(self, usual: int, quick: int) -> int:
        return quick if self.quick else usual

    async def sink(self, *arguments: str) -> SinkProgram:
        return SinkProgram(f"{await self._program('sink', *arguments)}/")

    async def floor(self, *arguments: str) -> str:
        """Its URL."""
        return await self._program("floor", str(self.own_folder("floor") / "floor.db"), *arguments)

    async def bare(self) -> Usage:
        """What the floor takes that nobody has asked for anything."""
        await self.floor()
        return usage(self.programs[-1].process.pid)

    async def _program(self, name: str, *arguments: str) -> str:
        command = python("-m", f"benchmarks.{name}", *arguments)
        program = await Program.start(name, *command, folder=self.own_folder(name), environ={})
        self.programs.append(await self.stack.enter_async_context(program))
        return str((await program.ready(SERVING))[1])

    async def service(
        self, plan: Mapping[str, Any], settings: Mapping[str, str] | None = None, *, home: Path | None = None
    ) -> Served:
        """`home`: where its database lies already; else it begins with an empty one."""
        settings = {**self.settings(), **(settings or {})} if home is None else settings or {}
        home = home or self.own_folder("service")
        policies = write_plan(home / "policies", plan)
        served = await Served.start(home, {"RESPONDER_POLICIES": str(policies), **settings})
        await self.stack.enter_async_context(served)
        return served

    def settings(self) -> dict[str, str]:
        """Of a service on a database of its own; SQLite's lies in its home without a word."""
        if self.database is Database.SQLITE:
            return {}
        return {"RESPONDER_DATABASE_URL": self.fresh_database()}

    def fresh_database(self) -> str:
        """The URL of an empty one in PostgreSQL."""
        assert self.server is not None, (
            "there is no PostgreSQL; tests/servers/postgresql.py says what it needs"
        )
        return self.server.fresh().url

    def own_folder(self, name: str) -> Path:
        self.folders += 1
        folder = self.home / f"{self.folders}-{name}"
        folder.mkdir()
        return folder


def plan_for(sink: SinkProgram) -> dict[str, Any]:
    """One person, paged at once; a second one an hour later. Every alert name is an incident, of level 3."""
    return small_plan(sink.url, rungs={"first": "0s", "second": FAR})


def pid(served: Served) -> int:
    return served.program.process.pid
