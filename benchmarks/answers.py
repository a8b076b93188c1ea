"""What a person in Slack waits for: from a signed command to the answer that is committed.

The service is a process of its own, on SQLite with fsync; Slack, Alertmanager and the person are this process. Each
round begins with a new database, measures light load and then the same while alerts pour in, and beside both the floor
(`benchmarks/floor.py`). Commands are sent when their time has come, whether or not the one before was answered.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.load import paced
from tests.fakes.sink import Sink
from tests.fakes.slack import USER
from tests.journeys.programs import Program, python
from tests.journeys.served import Served
from tests.journeys.slack import CRITICAL, SIGNING_SECRET, Workspace, workspace
from tests.journeys.small import FAR, small_plan, write_plan
from tests.journeys.waiting import CLOCK, let_pass, until

COMMANDS = 10  # of each kind a second
ALERTS = 20  # a body
BODIES = 25  # a second, so 500 alerts, each of them new
SETTLES = 3.0  # seconds between two phases, for what is still to be told
PROMISED = {"light": 0.050, "under load": 0.250}  # seconds, p99
KINDS = ("/ack", "/incident list", "floor")
CALL = re.compile(
    r'responder_call_seconds_(sum|count)\{(?:outcome="\w+",)?point="([\w.]+)"(?:,outcome="\w+")?\} (\S+)'
)

Calls = dict[str, tuple[float, float]]  # point -> how many, and their seconds together
Timings = dict[tuple[str, str], list["Spread"]]  # phase and kind -> one a round


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Of one round, in seconds."""

    count: int
    p50: float
    p90: float
    p99: float
    most: float


def spread(took: Sequence[float]) -> Spread:
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return Spread(count=len(took), p50=cuts[49], p90=cuts[89], p99=cuts[98], most=max(took))


@dataclass(slots=True)
class Bench:
    """`joining`: bodies of the load that are about one incident, which the first of them opens.

    `fresh`: incidents that nobody has acknowledged yet; `opened`: how many there have been.
    """

    slack: Workspace
    service: Served
    floor: str
    joining: int
    began: datetime = field(default_factory=CLOCK.now)
    fresh: list[str] = field(default_factory=list)
    opened: int = 0
    bodies: int = 0
    refused: int = 0  # bodies that got no 200

    async def open(self, count: int) -> None:
        """Incidents to acknowledge, and nobody is waiting for anything any more."""
        names = [f"Fresh{self.opened + number}" for number in range(count)]
        self.opened += count
        for start in range(0, count, ALERTS):
            alerts = [self._alert(name, "a") for name in names[start : start + ALERTS]]
            assert await self.service.post(_body(alerts)) == 200
        self.fresh = await until(lambda: self._newest(names), "the incidents are there", within=60)
        await let_pass(SETTLES)

    async def _newest(self, names: Sequence[str]) -> list[str]:
        """The incidents of exactly these alerts; [] while one is not there yet."""
        newest = await self.service.incidents(limit=len(names))
        shown = " ".join(one["title"] for one in newest)
        return [one["incident"] for one in newest] if all(name in shown for name in names) else []

    def _alert(self, name: str, instance: str) -> dict[str, Any]:
        return {
            "status": "firing",
            "labels": {"alertname": name, "instance": instance, "severity": "critical"},
            "annotations": {"summary": f"{name} on {instance}"},
            "startsAt": self.began.isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
        }

    async def pour(self) -> None:
        """One body of the storm."""
        number, self.bodies = self.bodies, self.bodies + 1
        name = f"Storm{number // self.joining}"
        alerts = [self._alert(name, f"node-{number}-{one}") for one in range(ALERTS)]
        self.refused += await self.service.post(_body(alerts)) != 200

    async def acknowledge(self) -> float:
        return await self._ask(self.service.url, "/ack", self.fresh.pop(0), expects="First")

    async def look(self) -> float:
        return await self._ask(self.service.url, "/incident", "list", expects="I")

    async def bare(self) -> float:
        return await self._ask(self.floor, "/ack", "I1", expects="kept")

    async def _ask(self, url: str, command: str, text: str, *, expects: str) -> float:
        answered = await self.slack.slash(url, command, text)
        assert answered.status == 200, answered
        assert expects in answered.body, answered.body
        return answered.took.total_seconds()

    async def calls(self) -> Calls:
        return read_calls(await self.service.text("/metrics"))

    async def phase(self, seconds: int, *, is_loaded: bool) -> dict[str, list[float]]:
        """What each kind took, in the order in which they were sent."""
        times = seconds * COMMANDS
        async with asyncio.TaskGroup() as group:
            if is_loaded:
                group.create_task(paced(self.pour, BODIES, seconds * BODIES))
            asked = [
                group.create_task(paced(ask, COMMANDS, times, late=place / (3 * COMMANDS)))
                for place, ask in enumerate((self.acknowledge, self.look, self.bare))
            ]
        return dict(zip(KINDS, (task.result() for task in asked), strict=True))


def _body(alerts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "groupKey": '{}:{alertname="x"}', "alerts": alerts}


def read_calls(metrics: str) -> Calls:
    found: dict[str, dict[str, float]] = {}
    for what, point, value in CALL.findall(metrics):
        sums = found.setdefault(point, {"count": 0.0, "sum": 0.0})
        sums[what] += float(value)
    return {point: (sums["count"], sums["sum"]) for point, sums in found.items()}


def since(before: Calls, after: Calls) -> Calls:
    return {
        point: (count - before.get(point, (0, 0))[0], seconds - before.get(point, (0, 0))[1])
        for point, (count, seconds) in after.items()
    }


# ----------------------------------------------------------------------------------------- what runs


async def run(seconds: int, rounds: int, incidents: int, console: Console) -> None:
    timings: Timings = {}
    spent: Calls = {}
    refused = 0
    console.print(f"{os.cpu_count()} cores; load of the last minute, before: {os.getloadavg()[0]:.2f}")
    for number in range(rounds):
        async with AsyncExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="answers-")))
            bench = await set_up(stack, home, joining=BODIES // incidents)
            for phase in PROMISED:
                await bench.open(seconds * COMMANDS)
                before = await bench.calls()
                took = await bench.phase(seconds, is_loaded=phase != "light")
                if phase != "light":
                    _add(spent, since(before, await bench.calls()))
                for kind, one in took.items():
                    timings.setdefault((phase, kind), []).append(spread(one))
            refused += bench.refused
        console.print(f"round {number + 1} of {rounds}; load {os.getloadavg()[0]:.2f}, our own in it")
    console.print(_answers(timings))
    console.print(
        f"under load: {BODIES * ALERTS} alerts/s, all new, in bodies of {ALERTS}; {incidents} incidents/s; "
        f"{rounds * seconds * BODIES} bodies, {refused} of them refused"
    )
    console.print(_points(spent))
    for (phase, kind), seen in timings.items():
        if kind != "floor":
            middle = statistics.median(one.p99 for one in seen)
            word = "kept" if middle < PROMISED[phase] else "MISSED"
            console.print(f"{phase}, {kind}: p99 < {PROMISED[phase] * 1000:.0f} ms {word} ({_ms(middle)} ms)")


async def set_up(
    stack: AsyncExitStack, home: Path, *, joining: int, given: Mapping[str, str] | None = None
) -> Bench:
    """`given`: settings of the service beside its own, such as another database."""
    sink = await stack.enter_async_context(Sink())
    slack = await stack.enter_async_context(workspace())
    plan = small_plan(sink.url, rungs={"first": "0s", "second": FAR})
    plan["channels"]["channels"] |= {"board": {"slack": {"channel": f"#{CRITICAL}"}}, "slack": {"slack": {}}}
    plan["contacts"]["contacts"]["first"]["methods"] = [{"slack": USER}, {"webhook": "mail-first"}]
    for ladder in plan["escalation"]["policies"]["matrix"].values():
        ladder["steps"] = [{"after": "0s", "notify": "level_channels"}, *ladder["steps"]]
    settings = slack.settings("FIRST") | {
        "RESPONDER_POLICIES": str(write_plan(home / "policies", plan)),
        **(given or {}),
    }
    service = await stack.enter_async_context(await Served.start(home, settings))
    command = python("-m", "benchmarks.floor", str(home / "floor.db"), "--secret", SIGNING_SECRET)
    floor = await stack.enter_async_context(await Program.start("floor", *command, folder=home, environ={}))
    port = await floor.ready(r"serving on (http://127\.0\.0\.1:\d+)")
    return Bench(slack, service, port[1], joining)


def _add(to: Calls, more: Calls) -> None:
    for point, (count, seconds) in more.items():
        known = to.get(point, (0.0, 0.0))
        to[point] = (known[0] + count, known[1] + seconds)


# ---------------------------------------------------------------------------------------- what is shown


def _answers(timings: Timings) -> Table:
    table = Table(title="From request to committed answer: median of the rounds (least to most), in ms")
    for name in ("load", "asked", "a round", "p50", "p90", "p99", "max"):
        table.add_column(name, justify="left" if name in ("load", "asked") else "right", no_wrap=True)
    for (phase, kind), seen in timings.items():
        figures = [[getattr(one, name) for one in seen] for name in ("p50", "p90", "p99", "most")]
        table.add_row(phase, kind, str(seen[0].count), *(_over(one) for one in figures))
    return table


def _over(rounds: Sequence[float]) -> str:
    return f"{_ms(statistics.median(rounds))} ({_ms(min(rounds))} to {_ms(max(rounds))})"


def _points(spent: Calls) -> Table:
    table = Table(title="Where the service's time went under load, by responder_call_seconds")
    for name in ("point", "calls", "mean ms", "seconds in all"):
        table.add_column(name, justify="left" if name == "point" else "right")
    dearest = sorted(spent.items(), key=lambda one: one[1][1], reverse=True)
    for point, (count, seconds) in [one for one in dearest if one[1][0]][:12]:
        table.add_row(point, f"{count:.0f}", _ms(seconds / count), f"{seconds:.1f}")
    return table


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def main() -> None:
    asked = argparse.ArgumentParser(description="What a person in Slack waits for.")
    asked.add_argument("--seconds", type=int, default=10, help="of each phase, at most 20 (default 10)")
    asked.add_argument("--rounds", type=int, default=5, help="(default 5)")
    asked.add_argument(
        "--incidents", type=int, default=5, help="that the alerts open a second, at most 25 (default 5)"
    )
    given = asked.parse_args()
    asyncio.run(run(given.seconds, given.rounds, given.incidents, Console(width=130)))


if __name__ == "__main__":
    main()
