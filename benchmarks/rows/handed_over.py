"""From the webhook to the channel: a new alert's page, as the process that receives it sees it come.

Light load is five incidents a second. Under load 500 new alerts a second come in bodies of 20, a body an incident, as
Alertmanager groups them. Bodies are sent when their time has come, whether or not the one before was answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp

from benchmarks.figures import Measure, Reading, Readings, Row, Unit, below, latency
from benchmarks.ground import BEARER, GIVE_UP, Database, Ground, Handed, SinkProgram, pid, plan_for, usage
from benchmarks.load import alert, body, paced
from tests.journeys.waiting import CLOCK, until

ALERTS = 20  # a body, under load
WITHIN = 120  # seconds, for the last page

LIGHT = Measure(name="light, p99", unit=Unit.MILLISECONDS, budget=below(100), new=1.0)
LOADED = Measure(name="at 500 new alerts/s, p99", unit=Unit.MILLISECONDS, budget=below(1_000), new=1.0)
RATES = {LIGHT: (5, 1), LOADED: (500 // ALERTS, ALERTS)}  # bodies a second, alerts a body


async def measure(ground: Ground) -> Readings:
    found = {}
    for measure, (rate, alerts) in RATES.items():
        sink = await ground.sink()
        service = await ground.service(plan_for(sink))
        floor = await ground.floor("--sink", sink.url)
        for url, what in ((f"{floor}/passed-on", "Warm"), (service.webhook, "Warm")):
            await _sent(url, what, 10, 10, 1)
        await _handed(sink, "/sms/first", 10)
        times = rate * ground.scaled(20, 2)
        before = usage(pid(service)).cpu
        took = await _measured(sink, service.webhook, "/sms/first", (rate, alerts, times))
        cpu = usage(pid(service)).cpu - before
        # The floor keeps a body and hands over one message for it.
        bare = await _measured(sink, f"{floor}/passed-on", "/floor", (rate, 1, times))
        found[measure.name] = _reading(took, bare, cpu)
        await service.program.stop()
    return found


def _reading(took: Sequence[float], bare: Sequence[float], cpu: float) -> Reading:
    return latency(took, floor=bare, cpu=cpu)


async def _measured(sink: SinkProgram, url: str, path: str, load: tuple[int, int, int]) -> list[float]:
    """Seconds from each body's sending to its page."""
    already = await _handed(sink, path, 0)
    rate, alerts, times = load
    sent = await _sent(url, "Alert", rate, times, alerts)
    came = await _handed(sink, path, len(already) + times)
    first = {one.name: one.at for one in reversed(came)}
    return [first[name] - at for name, at in sent.items()]


async def _handed(sink: SinkProgram, path: str, count: int) -> list[Handed]:
    """What has come there, once it is as many."""

    async def look() -> list[Handed] | None:
        came = [one for one in await sink.ledger() if one.path == path]
        return came if len(came) >= count else None

    found = (
        await until(look, f"{count} messages have come to {path}", within=WITHIN) if count else await look()
    )
    return found or []


async def _sent(url: str, word: str, rate: int, times: int, alerts: int) -> dict[str, float]:
    """When the body of each name was sent."""
    sent: dict[str, float] = {}

    async with aiohttp.ClientSession(
        timeout=GIVE_UP, headers=BEARER, connector=aiohttp.TCPConnector(limit=0)
    ) as http:

        async def send() -> None:
            name = f"{word}{len(sent)}"
            what: dict[str, Any] = body([alert(name, f"node-{one}") for one in range(alerts)], name)
            sent[name] = CLOCK.now().timestamp()
            async with http.post(url, json=what) as answer:
                assert answer.status == 200, answer

        await paced(send, rate, times)
    return sent


ROW = Row(
    name="handed-over",
    what="webhook → page handed to its channel",
    floor="a bare handler: one durable insert, then one message to the same receiver",
    measures=tuple(RATES),
    measure=measure,
    databases=frozenset(Database),
)
