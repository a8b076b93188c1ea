"""Replicas: several services on one PostgreSQL, one sink for all of them, and what their parent keeps outside."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.fakes.faults import Strike, Trigger, written
from tests.fakes.sink import Sink
from tests.journeys.kills import Handed, body_of, pages_of
from tests.journeys.served import SERVE, Served
from tests.journeys.side_by_side import Start
from tests.journeys.small import small_plan, write_plan
from tests.journeys.waiting import CLOCK, until


@dataclass(slots=True)
class Replicas:
    """`url`: the database's. Each replica has a home of its own, where its token and its log lie."""

    home: Path
    url: str
    sink: Sink
    start: Start
    began: datetime = field(default_factory=CLOCK.now)
    running: dict[str, Served] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)

    async def serve(
        self,
        name: str,
        *,
        command: Sequence[str] = SERVE,
        keep: Sequence[int] = (),
        settings: Mapping[str, str] | None = None,
    ) -> Served:
        home = self.home / name
        home.mkdir(parents=True, exist_ok=True)
        where = {"RESPONDER_DATABASE_URL": self.url, "RESPONDER_POLICIES": str(self.home / "policies")}
        async with self.start:
            self.running[name] = await Served.start(
                home, where | dict(settings or {}), command=command, keep=keep
            )
        return self.running[name]

    async def serve_armable(self, name: str, *armed: Strike) -> Served:
        """With faults that can be armed, or are `armed` from the start on."""
        trigger = self.triggers[name] = Trigger()
        command = ["-m", "tests.fakes.serve", str(trigger.child), *map(written, armed)]
        return await self.serve(name, command=command, keep=(trigger.child,))

    async def post(self, to: Served, name: str = "RegionDown", status: str = "firing") -> int | None:
        return await to.post(body_of(status, started=self.began, name=name))

    def pages(self) -> list[Handed]:
        return pages_of(self.sink)

    def where(self) -> list[str]:
        return [f"{page.to} again" if page.is_repeat else page.to for page in self.pages()]

    async def until_paged(self, count: int, *, within: float = 60) -> None:
        await until(lambda: len(self.pages()) >= count, f"{count} pages at the sink", within=within)

    async def until_recorded(self, by: Served) -> dict[str, Any]:
        """I1's story as this replica tells it, once no call is in flight."""

        async def look() -> dict[str, Any]:
            story = await by.story()
            return {} if any(page["state"] in ("owed", "sending") for page in story["pages"]) else story

        return await until(look, "no page is on its way", within=60)

    def errors(self) -> list[str]:
        """Lines of any replica that tell of a promise broken, or of a fault of ours."""
        lines = [line for served in self.running.values() for line in served.program.lines().splitlines()]
        return [line for line in lines if '"level": "error"' in line or "Traceback" in line]

    async def close(self) -> None:
        for trigger in self.triggers.values():
            await trigger.close()
        for served in self.running.values():
            served.program.send(signal.SIGCONT)
            await served.program.kill()


@asynccontextmanager
async def replicas(home: Path, url: str, start: Start, **rungs: str) -> AsyncIterator[Replicas]:
    """On the small plan: the first person is paged at once, the others by `rungs`."""
    async with Sink() as sink:
        write_plan(home / "policies", small_plan(sink.url, rungs={"first": "0s", **rungs}))
        found = Replicas(home, url, sink, start)
        try:
            yield found
        finally:
            await found.close()
