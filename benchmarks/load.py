"""Load: alerts as Alertmanager sends them, posted as fast as wrk can, or at a rate of our own.

wrk answers how many a second are taken. What must come at its time whether or not the one before was answered is sent
by `paced`, because wrk only sends when it has an answer.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.journeys.waiting import CLOCK

SCRIPT = Path(__file__).with_name("load.lua")
UNIQUE = "@"  # in a body for wrk: what differs from request to request
GRACE = 30  # seconds, for wrk to end after its time


def alert(name: str, instance: str) -> dict[str, Any]:
    """A firing one; what tells it from all others is its name and its instance."""
    return {
        "status": "firing",
        "labels": {"alertname": name, "instance": instance, "cluster": "c1", "severity": "critical"},
        "annotations": {"summary": f"{name} on {instance}", "description": "It has been so for a while."},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example/graph?g0.expr=up",
        "fingerprint": f"{name}{instance}".replace("-", ""),
    }


def body(alerts: list[dict[str, Any]], group: str = "x") -> dict[str, Any]:
    return {
        "version": "4",
        "status": "firing",
        "receiver": "responder",
        "groupKey": f'{{}}:{{alertname="{group}"}}',
        "groupLabels": {"alertname": group},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example",
        "truncatedAlerts": 0,
        "alerts": alerts,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrk:
    """What it saw. `refused`: answers that were no 2xx or 3xx; `broken`: no answers."""

    requests: int
    seconds: float
    refused: int
    broken: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


async def wrk(
    url: str,
    what: object,
    *,
    folder: Path,
    headers: Mapping[str, str],
    seconds: int,
    connections: int = 32,
) -> Wrk:
    """Post `what` again and again on some connections. Raises AssertionError where anything was refused or broke."""
    template = folder / "body.json"
    template.write_text(json.dumps(what), encoding="utf-8")
    given = [f"-H{name}: {value}" for name, value in {"Content-Type": "application/json", **headers}.items()]
    process = await asyncio.create_subprocess_exec(
        *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", f"-s{SCRIPT}", *given),
        *(url, "--", str(template)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds + GRACE):
            said, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    found = re.search(rb"^wrk: (.+)$", said, re.MULTILINE)
    assert found is not None, said.decode()
    read = Wrk(**json.loads(found[1]))
    assert read.refused == read.broken == 0, read
    return read


async def paced(
    ask: Callable[[], Coroutine[Any, Any, Any]], rate: float, times: int, *, late: float = 0
) -> list[Any]:
    """Begin `ask` `rate` times a second; its results, in the order of their beginning."""
    start = CLOCK.now() + timedelta(seconds=late)
    async with asyncio.TaskGroup() as group:
        asked = []
        for number in range(times):
            await CLOCK.sleep_until(start + timedelta(seconds=number / rate))
            asked.append(group.create_task(ask()))
    return [task.result() for task in asked]
