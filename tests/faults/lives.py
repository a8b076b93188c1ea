"""The lives that faults strike: one database, one sink, one Slack, and the processes that serve from them in turn.

The plan is small: incidents are shown on a board, two people are paged one after the other, the operator hears of
alarms, and a heartbeat and a duty wait. By which channel the board and the first person are reached is its `Way`.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from aiohttp import ClientError

from responder.core.policy.levels import SELF_RULE
from tests.fakes.faults import Strike
from tests.fakes.sink import Sink
from tests.fakes.slack import USER, Delivered
from tests.faults.outside import Outside
from tests.faults.places import Place
from tests.journeys.kills import Life, body_of, due_of
from tests.journeys.served import run
from tests.journeys.slack import CRITICAL, Workspace, workspace
from tests.journeys.small import FAR, small_plan, write_plan
from tests.journeys.waiting import until

ALERT, PROOF = "RegionDown", "Proof"  # the alert that is struck, and one after it
LONG = 100.0  # seconds; two leases, and what a busy machine takes
EVERY = timedelta(milliseconds=250)  # many lives look at the same time
ENDED = ("accepted", "failed", "withdrawn")


class Way(StrEnum):
    """How the board and the first person are reached. The first person's second method is always a webhook."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    CONSOLE = "console"


def plan(sink: str, way: Way, *, second: str, duty: str = "", board: bool = False) -> dict[str, Any]:
    """`second`: after how long the second person is paged. `duty`: after how long one comes due, "" = none.

    `board`: incidents are shown there; else nothing but pages goes out, so that a point's next pass is a page's.
    """
    found = small_plan(sink, rungs={"first": "0s", "second": second, "third": FAR})
    channels, contacts = found["channels"]["channels"], found["contacts"]["contacts"]
    policies = found["escalation"]["policies"]
    for ladder in policies["matrix"].values():
        if board:
            ladder["steps"] = [{"after": "0s", "notify": "level_channels"}, *ladder["steps"]]
        if duty:
            ladder["duties"] = [{"after": duty, "duty": "report"}]
    own = {"steps": [{"after": "0s", "page": ["operator"]}], "repeat": {"every": FAR}, "catch_up": "1s"}
    policies["own"] = dict.fromkeys(policies["matrix"], own)
    found["levels"]["self"]["escalation"] = "own"
    found["duties"]["duties"] = {"report": {"name": "Report", "page": ["third"]}}
    pulse = {"period": "10m", "level": 3, "escalation": "matrix", "source": {"http": True}}
    found["heartbeats"]["heartbeats"] = {"pulse": pulse}
    match way:
        case Way.WEBHOOK:
            pass
        case Way.SLACK:
            channels |= {"board": {"slack": {"channel": f"#{CRITICAL}"}}, "slack": {"slack": {}}}
            contacts["first"]["methods"] = [{"slack": USER}, {"webhook": "mail-first"}]
        case Way.CONSOLE:
            channels |= {"board": {"console": {}}, "terminal": {"console": {}}}
            contacts["first"]["methods"] = [{"console": "terminal"}, {"webhook": "mail-first"}]
    return found


@dataclass(slots=True)
class Lived:
    """`posts`: what each post of an alert was answered, None = nothing. `asked`: the same of what a person asked."""

    life: Life
    place: Place
    way: Way
    slack: Workspace | None
    posts: dict[str, list[int | None]] = field(default_factory=dict)
    asked: list[int | None] = field(default_factory=list)
    was_refused_a_start: bool = False
    admin: str = ""

    # -- its processes

    async def start(self, *strikes: Strike) -> None:
        """Armable. Where a strike of the start ends the process before it serves, that is all."""
        try:
            await self.life.serve_armable(*strikes)
        except AssertionError:
            if not strikes:
                raise
            self.was_refused_a_start = True
            self.life.running = None

    async def up(self) -> None:
        """As in earnest, where no process is there."""
        if not self.is_up:
            await self.life.serve()

    @property
    def is_up(self) -> bool:
        return self.life.running is not None and self.life.running.program.is_running

    async def died(self) -> None:
        """Once the process has ended."""
        if self.life.running is not None:
            async with asyncio.timeout(LONG):
                await self.life.running.program.process.wait()

    async def make_admin(self) -> None:
        """Before the first start: the first admin's token is made while no service runs."""
        make = ("token", "create", "root", "--role", "admin", "--offline", "--output", "json")
        ran = await run(*make, environ=self.life.settings)
        assert ran.code == 0, ran.err
        self.admin = ran.json()["secret"]

    # -- what is done to it

    async def post(self, name: str = ALERT, status: str = "firing") -> int | None:
        answer = await self.life.service.post(body_of(status, started=self.life.began, name=name))
        self.posts.setdefault(f"{name} {status}", []).append(answer)
        return answer

    async def post_until_taken(self, name: str = ALERT, status: str = "firing") -> None:
        """As Alertmanager does: what got no 2xx comes again."""

        async def taken() -> bool:
            return 200 in self.posts.get(f"{name} {status}", []) or await self.post(name, status) == 200

        await until(taken, f"{name} {status} is taken", within=LONG, every=EVERY)

    async def ask(self, method: str, path: str, *, token: str = "") -> int | None:
        """`token`: default the local one."""
        self.asked.append(await self.life.service.ask(method, path, token=token))
        return self.asked[-1]

    async def ask_until_done(self, method: str, path: str, *, token: str = "") -> None:
        """As somebody does who got no answer, or was told to come again."""

        async def done() -> bool:
            return await self.ask(method, path, token=token) in (200, 201)

        await until(done, f"{path} is answered", within=LONG, every=EVERY)

    async def said(self, saying: Awaitable[Delivered]) -> int | None:
        """The same in Slack; what breaks its connection is no answer."""
        try:
            self.asked.append((await saying).status)
        except (ClientError, TimeoutError):
            self.asked.append(None)
        return self.asked[-1]

    def reload(self) -> None:
        self.life.service.program.send(signal.SIGHUP)

    # -- what is seen of it

    async def incident(self, name: str) -> str:
        """The incident of an alert, "" where there is none yet."""
        found = [one["incident"] for one in await self.incidents() if f'"{name}"' in one["key"]]
        assert len(found) <= 1, f"{name} became {found}"
        return found[0] if found else ""

    async def incidents(self) -> list[dict[str, Any]]:
        return [one for one in await self.life.service.incidents(200) if one["rule"] != SELF_RULE]

    async def alarms(self) -> list[dict[str, Any]]:
        return [one for one in await self.life.service.incidents(200) if one["rule"] == SELF_RULE]

    async def settled(self, name: str, people: int = 1) -> dict[str, Any]:
        """The incident's story, once so many people were paged and nothing is on its way."""

        async def look() -> dict[str, Any]:
            incident = await self.incident(name)
            story = await self.life.service.story(incident) if incident else {}
            return story if story and is_settled(story, people) else {}

        return await until(look, f"{people} pages of {name} are handed over", within=LONG, every=EVERY)

    async def due(self, who: str) -> datetime:
        return due_of(await self.settled(ALERT), who)

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of every series of this name that has these labels."""
        return figure(await self.life.service.text("/metrics"), name, **labels)

    async def looked_at(self) -> None:
        """Until an auditor has looked once more."""
        series = {"name": "responder_call_seconds_count", "point": "read.audit", "outcome": "ok"}
        before = await self.metric(**series)

        async def look() -> bool:
            return await self.metric(**series) > before

        await until(look, "an auditor looks", within=LONG, every=4 * EVERY)

    @property
    def log(self) -> str:
        """Of all its processes."""
        path = self.life.home / "responder.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""


def is_settled(story: Mapping[str, Any], people: int) -> bool:
    pages = [page for page in story["pages"] if page["state"] in ENDED]
    on_its_way = any(notice["state"] == "sending" for notice in story["notices"])
    return len(pages) == len(story["pages"]) >= people and not on_its_way


def figure(metrics: str, name: str, **labels: str) -> float:
    found = 0.0
    for line in metrics.splitlines():
        series = re.fullmatch(rf"{re.escape(name)}(?:{{(.*)}})? (\S+)", line)
        if series and all(f'{label}="{value}"' in (series[1] or "") for label, value in labels.items()):
            found += float(series[2])
    return found


@asynccontextmanager
async def lived(
    home: Path,
    place: Place,
    starts: asyncio.Semaphore,
    *,
    way: Way = Way.WEBHOOK,
    second: str = FAR,
    duty: str = "",
    board: bool = False,
    watched: bool = False,
) -> AsyncIterator[Lived]:
    """`watched`: an Alertmanager can be asked, and somebody waits for the beat."""
    async with AsyncExitStack() as stack:
        sink = await stack.enter_async_context(Sink())
        slack = await stack.enter_async_context(workspace()) if way is Way.SLACK else None
        policies = write_plan(home / "policies", plan(sink.url, way, second=second, duty=duty, board=board))
        settings = {"RESPONDER_POLICIES": str(policies), **place.settings(home)}
        settings |= slack.settings("FIRST") if slack is not None else {}
        settings |= (await stack.enter_async_context(Outside())).settings if watched else {}
        life = Life(home, sink, settings, starts)
        try:
            yield Lived(life, place, way, slack)
        finally:
            await life.close()
