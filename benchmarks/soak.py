"""Soak: the service under mixed load for minutes or hours, stopped and killed again and again. `make soak MINUTES=10`.

Alerts come, repeat, join and clear, people acknowledge, snooze and forget, rungs and leases come due; meanwhile the
process (or one of two, on PostgreSQL) is killed or restarted every half minute. Whoever posts tries again until it is
accepted, as Alertmanager does. What counts is kept here, outside of the service: what was accepted, what is owed from
when on, and what arrived. Told are loss, lateness, memory and the database's growth. The exit code is 1 where anything
was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.ground import Database, usage
from tests.journeys.served import WEBHOOK_TOKEN, Served
from tests.journeys.small import small_plan, write_plan
from tests.journeys.waiting import CLOCK, let_pass
from tests.servers.postgresql import Postgresql, running

SECOND_RUNG, THIRD_RUNG, LEASE, SNOOZE = 6, 12, 8, 5  # seconds
CROWD = 20  # alerts of one body that are one incident
KEPT = 60  # seconds, of bodies that are done and incidents that are closed
GIVEN_UP = 120  # seconds after which what has not arrived is lost
QUIET = (20, 40)  # seconds between two deaths
SAMPLED = 5  # seconds
GIVE_UP = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True)
class Loss:
    what: str
    title: str
    due: float


@dataclass(frozen=True, slots=True)
class Late:
    """Something that was owed and came. `disturbed`: while it was owed, a process was down or died."""

    what: str
    seconds: float
    disturbed: bool


@dataclass(frozen=True, slots=True)
class Sample:
    at: float  # seconds since the begin
    resident: int  # bytes, of all processes
    database: int  # bytes


@dataclass(slots=True)
class Sink:
    """What arrived, by title, person and reason, with the moments at which it did."""

    came: dict[tuple[str, str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    repeats: int = 0  # what said that it may have come before
    messages: int = 0
    some: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        found = await request.json()
        way, _, person = request.path.strip("/").partition("/")
        self.messages += 1
        if way != "board":
            self.repeats += bool(found.get("is_repeat"))
            self.came[found["facts"]["title"], person, found["reason"]].append(now())
            self.some.set()
            self.some = asyncio.Event()
        return web.Response()

    async def until(
        self, title: str, person: str, reasons: Sequence[str], count: int, deadline: float
    ) -> float | None:
        """When the `count`-th page for one of these reasons came; None where it does not by the deadline."""
        while len(found := self._pages(title, person, reasons)) < count:
            left = deadline - now()
            if left <= 0:
                return None
            try:
                async with asyncio.timeout(left):
                    await self.some.wait()
            except TimeoutError:
                continue
        return found[count - 1]

    def _pages(self, title: str, person: str, reasons: Sequence[str]) -> list[float]:
        return sorted(at for reason in reasons for at in self.came[title, person, reason])


@dataclass(slots=True)
class Fleet:
    """The processes, one after the other or two at a time; each place has a home that outlives its process."""

    home: Path
    settings: Mapping[str, str]
    places: int
    chance: random.Random
    there: dict[int, Served] = field(default_factory=dict)
    down: list[tuple[float, float]] = field(default_factory=list)  # from a death to being back
    kills: int = 0
    stops: int = 0

    async def start(self, place: int) -> None:
        home = self.home / f"place-{place}"
        home.mkdir(exist_ok=True)
        self.there[place] = await Served.start(home, self.settings)

    async def somebody(self) -> Served:
        while not self.there:
            await let_pass(0.05)
        return self.chance.choice(list(self.there.values()))

    async def die_and_return(self, end: float) -> None:
        while (wait := self.chance.uniform(*QUIET)) < end - now():
            await let_pass(wait)
            place = self.chance.choice(list(self.there))
            served, began = self.there.pop(place), now()
            if self.chance.random() < 2 / 3:
                self.kills += 1
                await served.program.kill()
            else:
                self.stops += 1
                await served.program.stop()
            await self.start(place)
            self.down.append((began, now()))

    def disturbed(self, since: float, until: float) -> float | None:
        """When the last of those who were away between these moments was back."""
        return max((back for away, back in self.down if away <= until and back >= since), default=None)

    def resident(self) -> int:
        total = 0
        for served in list(self.there.values()):
            try:
                total += usage(served.program.process.pid).resident
            except (OSError, KeyError):  # it has just died
                continue
        return total


@dataclass(slots=True)
class Soak:
    fleet: Fleet
    sink: Sink
    http: aiohttp.ClientSession
    chance: random.Random
    began: float
    lost: list[Loss] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    lives: Counter[str] = field(default_factory=Counter)
    accepted: int = 0  # alerts
    tries: int = 0  # posts that were not, and came again
    samples: list[Sample] = field(default_factory=list)
    alarms: set[str] = field(default_factory=set)
    unlike: list[str] = field(default_factory=list)  # what raised in a life of ours

    # What is done to it

    async def post(self, *alerts: Mapping[str, Any], status: str = "firing") -> float:
        """Until it is accepted; when it was."""
        body = {
            "version": "4",
            "status": status,
            "receiver": "responder",
            "groupKey": f'{{}}:{{alertname="{alerts[0]["labels"]["alertname"]}"}}',
            "truncatedAlerts": 0,
            "alerts": list(alerts),
        }
        headers = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}
        while await self._status((await self.fleet.somebody()).webhook, headers, body) != 200:
            self.tries += 1
            await let_pass(0.2)
        self.accepted += len(alerts)
        return now()

    async def command(self, incident: str, verb: str, **body: object) -> float:
        """Until it is answered; when it was."""
        while True:
            served = await self.fleet.somebody()
            headers = {"Authorization": f"Bearer {token_of(served)}"}
            at = f"{served.url}/api/v1/incidents/{incident}/{verb}"
            if await self._status(at, headers, body) == 200:
                return now()
            await let_pass(0.2)

    async def _status(self, url: str, headers: Mapping[str, str], body: object) -> int | None:
        """None where no answer came, and what became of it is not known."""
        try:
            async with self.http.post(url, headers=headers, json=body) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    async def incident(self, title: str, since: float) -> dict[str, Any]:
        """The incident of what was accepted. Raises _Lost where there is none."""
        while now() < since + GIVEN_UP:
            if found := await self.listed(f"?limit=1&text={title}"):
                return found[0]
            await let_pass(0.3)
        self.lost.append(Loss("incident", title, since))
        raise _Lost

    async def listed(self, query: str) -> list[dict[str, Any]]:
        served = await self.fleet.somebody()
        try:
            headers = {"Authorization": f"Bearer {token_of(served)}"}
            async with self.http.get(f"{served.url}/api/v1/incidents{query}", headers=headers) as answer:
                return (await answer.json())["incidents"] if answer.status == 200 else []
        except (aiohttp.ClientError, TimeoutError, OSError):
            return []

    async def owed(
        self, title: str, person: str, reason: str, due: float, count: int = 1, *, or_else: str = ""
    ) -> None:
        """It arrives, sooner or later, or else (`or_else`) another does. Raises _Lost where none does."""
        reasons = [reason, or_else] if or_else else [reason]
        came = await self.sink.until(title, person, reasons, count, max(due, now()) + GIVEN_UP)
        if came is None:
            self.lost.append(Loss(f"page to {person}: {reason}", title, due))
            raise _Lost
        back = self.fleet.disturbed(due, came)
        since = due if back is None else max(due, min(back, came))
        self.late.append(Late(reason, max(0.0, came - since), back is not None))

    # Lives of an incident

    async def climbs(self, title: str) -> None:
        """Nobody answers, and it repeats all the while; then it clears."""
        alert = firing(title)
        since = await self.post(alert)
        await self.owed(title, "first", "step", since)
        await self.post(alert)
        await self.owed(title, "second", "step", since + SECOND_RUNG)
        await self.post(alert)
        await self.owed(title, "third", "step", since + THIRD_RUNG)
        await self._clear(alert, "first", "second", "third")

    async def is_held(self, title: str) -> None:
        """Somebody takes it, more alerts join, and all of it clears."""
        alert = firing(title)
        since = await self.post(alert)
        await self.owed(title, "first", "step", since)
        incident = await self.incident(title, since)
        await self.command(incident["incident"], "ack")
        await self.post(alert)
        await self._clear(alert, "first")

    async def is_forgotten(self, title: str) -> None:
        """Whoever took it falls asleep."""
        alert = firing(title)
        since = await self.post(alert)
        await self.owed(title, "first", "step", since)
        incident = await self.incident(title, since)
        taken = await self.command(incident["incident"], "ack")
        await self.owed(title, "operator", "lease_ended", taken + LEASE)
        await self._clear(alert, "first", "operator")

    async def is_snoozed(self, title: str) -> None:
        alert = firing(title)
        since = await self.post(alert)
        await self.owed(title, "first", "step", since)
        incident = await self.incident(title, since)
        asked = await self.command(incident["incident"], "snooze", **{"for": f"{SNOOZE}s"})
        await self.owed(title, "operator", "snooze_ended", asked + SNOOZE)
        await self._clear(alert, "first", "operator")

    async def comes_back(self, title: str) -> None:
        alert = firing(title)
        since = await self.post(alert)
        await self.owed(title, "first", "step", since)
        await self._clear(alert, "first")
        alert = firing(title)
        again = await self.post(alert)
        # Where nobody was there for the whole reopen window, it is a new incident: one more first step.
        await self.owed(title, "first", "step", again, count=2, or_else="reopened")
        await self._clear(alert, "first", count=2)

    async def is_a_crowd(self, title: str) -> None:
        """Many alerts of one trouble; none of them is missing."""
        alerts = [firing(title, f"node-{number}") for number in range(CROWD)]
        since = await self.post(*alerts)
        await self.owed(title, "first", "step", since)
        incident = await self.incident(title, since)
        if incident["firing"] != CROWD:
            self.lost.append(Loss(f"alerts: {incident['firing']} of {CROWD}", title, since))
        cleared = await self.post(*(ended(alert) for alert in alerts), status="resolved")
        await self.owed(title, "first", "resolved", cleared)

    async def _clear(self, alert: Mapping[str, Any], *told: str, count: int = 1) -> None:
        cleared = await self.post(ended(alert), status="resolved")
        title = alert["labels"]["alertname"]
        await asyncio.gather(*(self.owed(title, who, "resolved", cleared, count) for who in told))

    # How it goes

    async def load(self, rate: float, end: float) -> None:
        """`rate` lives a second, until `end`; then those that have begun go on to their own."""
        kinds = (
            self.climbs,
            self.is_held,
            self.is_forgotten,
            self.is_snoozed,
            self.comes_back,
            self.is_a_crowd,
        )
        async with asyncio.TaskGroup() as group:
            number = 0
            while now() < end:
                number += 1
                kind = self.chance.choice(kinds)
                self.lives[kind.__name__] += 1
                group.create_task(self._live(kind, f"Soak{number}x"))
                await let_pass(self.chance.expovariate(rate))

    async def _live(self, kind: Callable[[str], Awaitable[None]], title: str) -> None:
        try:
            await kind(title)
        except (_Lost, ExceptionGroup):
            return
        except (KeyError, ValueError, aiohttp.ClientError) as problem:
            self.unlike.append(f"{title}: {problem!r}")

    async def watch(self, size: Callable[[], Awaitable[int]]) -> None:
        while True:
            self.samples.append(Sample(now() - self.began, self.fleet.resident(), await size()))
            self.alarms |= {one["key"] for one in await self.listed("?limit=50&rule=responder-self")}
            await let_pass(SAMPLED)


class _Lost(Exception):
    """Nothing that comes after it can be waited for."""


def now() -> float:
    return CLOCK.now().timestamp()


def token_of(served: Served) -> str:
    return (served.home / "token").read_text(encoding="utf-8").strip()


def firing(title: str, instance: str = "node") -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": title, "instance": instance},
        "annotations": {},
        "startsAt": CLOCK.now().isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
    }


def ended(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {**alert, "status": "resolved", "endsAt": CLOCK.now().isoformat()}


def soak_plan(sink: str) -> dict[str, Any]:
    rungs = {"first": "0s", "second": f"{SECOND_RUNG}s", "third": f"{THIRD_RUNG}s"}
    plan = small_plan(sink, rungs=rungs, ack_lease=f"{LEASE}s")
    for level in plan["levels"]["levels"].values():
        level["reopen_window"] = "15s"
    return plan


@asynccontextmanager
async def receiving() -> AsyncIterator[Sink]:
    sink = Sink()
    app = web.Application()
    app.router.add_post("/{path:.*}", sink.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    sink.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield sink
    finally:
        await runner.cleanup()


async def soak(minutes: float, rate: float, number: int, home: Path, server: Postgresql | None) -> Soak:
    settings = {
        "RESPONDER_POLICIES": str(home / "policies"),
        "RESPONDER_KEEP_BODIES": f"{KEPT}s",
        "RESPONDER_KEEP_INCIDENTS": f"{KEPT}s",
    }
    file = home / "soak.db"
    beside = [file.with_name(f"{file.name}-{what}") for what in ("wal", "shm")]
    settings["RESPONDER_DATABASE_URL"] = f"sqlite:///{file}"
    if server is not None:
        database = server.fresh()
        settings["RESPONDER_DATABASE_URL"] = database.url

    async def size() -> int:
        if server is None:
            return sum(each.stat().st_size for each in (file, *beside) if each.exists())
        asked = f"SELECT pg_database_size('{database.name}')"
        return int(await asyncio.to_thread(server.sql, asked))

    async with receiving() as sink, aiohttp.ClientSession(timeout=GIVE_UP) as http:
        write_plan(home / "policies", soak_plan(sink.url))
        chance = random.Random(number)  # noqa: S311 - of a load, not of a secret
        fleet = Fleet(home, settings, 1 if server is None else 2, chance)
        for place in range(fleet.places):
            await fleet.start(place)
        found = Soak(fleet, sink, http, chance, now())
        watching = asyncio.create_task(found.watch(size))
        try:
            end = found.began + minutes * 60
            await asyncio.gather(found.load(rate, end), fleet.die_and_return(end))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            for served in fleet.there.values():
                await served.program.stop()
        return found


# What it came to


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """Seconds from being due to having arrived."""

    count: int
    median: float
    p99: float
    most: float


def lateness(late: Sequence[Late]) -> Lateness:
    took = sorted(one.seconds for one in late)
    if len(took) < 2:
        return Lateness(count=len(took), median=sum(took), p99=sum(took), most=sum(took))
    p99 = statistics.quantiles(took, n=100, method="inclusive")[98]
    return Lateness(count=len(took), median=statistics.median(took), p99=p99, most=took[-1])


def result(found: Soak) -> dict[str, Any]:
    quarters = [found.samples[len(found.samples) * part // 4 - 1] for part in (1, 2, 3, 4) if found.samples]
    return {
        "lost": [asdict(loss) for loss in found.lost],
        "unlike": found.unlike,
        "lives": dict(found.lives),
        "alerts_accepted": found.accepted,
        "posts_tried_again": found.tries,
        "messages": found.sink.messages,
        "said_to_be_repeats": found.sink.repeats,
        "kills": found.fleet.kills,
        "stops": found.fleet.stops,
        "away_seconds": round(sum(back - away for away, back in found.fleet.down), 1),
        "lateness_seconds": {
            "undisturbed": asdict(lateness([one for one in found.late if not one.disturbed])),
            "over_a_death": asdict(lateness([one for one in found.late if one.disturbed])),
        },
        "alarms": sorted(key.partition("/")[2] for key in found.alarms),
        "by_quarter": [
            {"minute": round(one.at / 60, 1), "resident": one.resident, "database": one.database}
            for one in quarters
        ],
        "most_resident": max((one.resident for one in found.samples), default=0),
        "samples": [[round(one.at), one.resident, one.database] for one in found.samples],
    }


def shown(told: Mapping[str, Any]) -> Table:
    table = Table(title="Soak", show_header=False)
    table.add_row("lost", str(len(told["lost"])), style="red" if told["lost"] else None)
    table.add_row("lives of an incident", f"{sum(told['lives'].values())}")
    table.add_row(
        "alerts accepted", f"{told['alerts_accepted']} ({told['posts_tried_again']} posts tried again)"
    )
    table.add_row("messages arrived", f"{told['messages']}, {told['said_to_be_repeats']} said to be repeats")
    away = f"{told['away_seconds']} s away in all"
    table.add_row("deaths", f"{told['kills']} kills, {told['stops']} stops, {away}")
    for name, late in told["lateness_seconds"].items():
        figures = f"{late['median']:.3f} / {late['p99']:.3f} / {late['most']:.3f} s"
        table.add_row(
            f"late, {name.replace('_', ' ')}", f"{figures} (median / p99 / most of {late['count']})"
        )
    for one in told["by_quarter"]:
        memory, database = one["resident"] / 1e6, one["database"] / 1e6
        table.add_row(f"minute {one['minute']}", f"{memory:.0f} MB of memory, {database:.1f} MB of database")
    table.add_row("alarms about itself", ", ".join(told["alarms"]) or "none")
    return table


def main() -> int:
    asked = argparse.ArgumentParser(prog="make soak", description="Mixed load, deaths, and what came of it.")
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--rate", type=float, default=2, help="lives of an incident a second (default 2)")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--database", type=Database, choices=list(Database), default=Database.SQLITE)
    asked.add_argument("--output", choices=("table", "json"), default="table")
    asked.add_argument("--keep", type=Path, help="write the JSON there too")
    given = asked.parse_args()
    about = {
        "date": f"{CLOCK.now():%Y-%m-%d}",
        "machine": machine.machine(),
        "versions": machine.versions(),
        "database": given.database.value,
        "minutes": given.minutes,
        "rate": given.rate,
        "seed": given.seed,
    }
    is_shared = given.database is Database.POSTGRESQL
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as home,
        running() if is_shared else nullcontext() as server,
    ):
        found = asyncio.run(soak(given.minutes, given.rate, given.seed, Path(home), server))
    told = about | result(found)
    if given.keep is not None:
        given.keep.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if given.output == "json":
        print(json.dumps(told, indent=1))
    else:
        Console(width=None if sys.stdout.isatty() else 110).print(shown(told))
    return 1 if told["lost"] or told["unlike"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
