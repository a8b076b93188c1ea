"""Kills: a service that is killed at a named point, started again, and judged by what its parent keeps outside of it.

The parent knows what it posted and what was answered, and the sink what was handed over. `Life` is one database's life:
one sink, one home, and the processes that serve from it one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.fakes.faults import Strike, Trigger, written
from tests.fakes.sink import Received, Sink
from tests.journeys.served import Ran, Served
from tests.journeys.small import small_plan, write_plan
from tests.journeys.waiting import CLOCK, until

STARTS = 3  # processes that start at the same time; more would only wait for each other
ALERT = {"alertname": "RegionDown"}
TITLE = "no answer from any zone"
LATE = "responder: page-late handover"  # the title of the alarm


@dataclass(frozen=True, slots=True)
class Handed:
    """One page as the sink got it. `to`: like sms/first."""

    to: str
    is_repeat: bool
    reason: str
    key: str

    @property
    def page(self) -> str:
        """Which page it was; the key also says by which method."""
        return self.key.rpartition(".")[0]


def handed(received: Received) -> Handed:
    body = received.json()
    assert received.headers["Idempotency-Key"] == body["key"]
    return Handed(received.path.strip("/"), body["is_repeat"], body["reason"], body["key"])


def of_troubles(sink: Sink) -> list[Received]:
    """What the sink got, in its order, without the alarms about pages that a death or a slow machine made late."""
    return [received for received in sink.ledger if received.json()["facts"]["title"] != LATE]


def pages_of(sink: Sink) -> list[Handed]:
    return [handed(received) for received in of_troubles(sink) if received.json()["purpose"] == "page"]


def body_of(status: str = "firing", *, started: datetime, name: str = ALERT["alertname"]) -> dict[str, Any]:
    """What Alertmanager posts; the same again, and again, until it is answered."""
    alert = {
        "status": status,
        "labels": {**ALERT, "alertname": name},
        "annotations": {"summary": TITLE},
        "startsAt": started.isoformat(),
        "endsAt": CLOCK.now().isoformat() if status == "resolved" else "0001-01-01T00:00:00Z",
    }
    return {"version": "4", "status": status, "groupKey": '{}:{alertname="x"}', "alerts": [alert]}


@dataclass(slots=True)
class Life:
    """`answers`: the status that each post of an alert got, None = no answer."""

    home: Path
    sink: Sink
    settings: Mapping[str, str]
    starts: asyncio.Semaphore
    answers: list[int | None] = field(default_factory=list)
    began: datetime = field(default_factory=CLOCK.now)
    running: Served | None = None
    trigger: Trigger | None = None

    @property
    def service(self) -> Served:
        assert self.running is not None, "nothing was started yet"
        return self.running

    async def serve(self) -> Served:
        """As in earnest."""
        async with self.starts:
            self.running = await Served.start(self.home, self.settings)
        return self.service

    async def serve_armable(self, *armed: Strike) -> Served:
        """With faults that can be armed, or are `armed` from the start on."""
        await self._drop_trigger()
        self.trigger = Trigger()
        fd = self.trigger.child
        async with self.starts:
            command = ["-m", "tests.fakes.serve", str(fd), *map(written, armed)]
            self.running = await Served.start(self.home, self.settings, command=command, keep=(fd,))
        return self.service

    async def arm(self, strike: Strike) -> None:
        assert self.trigger is not None
        await self.trigger.arm(strike)

    async def pulled(self) -> None:
        assert self.trigger is not None
        await self.trigger.pulled(within=40)

    async def kill(self) -> None:
        await self.service.program.kill()

    async def post(self) -> int | None:
        """The alert of this life."""
        self.answers.append(await self.service.post(body_of(started=self.began)))
        return self.answers[-1]

    async def post_until_taken(self) -> None:
        """As Alertmanager does: what got no 2xx comes again."""
        if 200 not in self.answers:
            assert await self.post() == 200

    async def cli(self, *arguments: str) -> Ran:
        return await self.service.cli(*arguments)

    async def story(self) -> dict[str, Any]:
        return await self.service.story()

    def pages(self) -> list[Handed]:
        return pages_of(self.sink)

    async def until_paged(self, count: int, *, within: float = 60) -> None:
        await until(lambda: len(self.pages()) >= count, f"{count} pages at the sink", within=within)

    async def until_recorded(self) -> dict[str, Any]:
        """The incident's story, once no call is in flight."""

        async def look() -> dict[str, Any]:
            story = await self.story()
            return {} if any(page["state"] in ("owed", "sending") for page in story["pages"]) else story

        return await until(look, "no page is on its way", within=60)

    async def close(self) -> None:
        await self._drop_trigger()
        if self.running is not None:
            await self.running.program.kill()

    async def _drop_trigger(self) -> None:
        if self.trigger is not None:
            await self.trigger.close()
            self.trigger = None


@asynccontextmanager
async def life(
    home: Path, starts: asyncio.Semaphore, *, rungs: Mapping[str, str], folds: bool = False
) -> AsyncIterator[Life]:
    """On the small plan with these rungs."""
    async with Sink() as sink:
        policies = write_plan(home / "policies", small_plan(sink.url, rungs=rungs, folds=folds))
        found = Life(home, sink, {"RESPONDER_POLICIES": str(policies)}, starts)
        try:
            yield found
        finally:
            await found.close()


def due_of(story: Mapping[str, Any], who: str) -> datetime:
    """When the ladder reaches `who`, if nobody answers."""
    (at,) = [rung["at"] for rung in story["ladder"] if rung["names"] == [who]]
    return datetime.fromisoformat(at)
