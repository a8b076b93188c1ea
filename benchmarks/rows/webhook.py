"""The webhook's durable answer: requests a second with one alert each, against a handler that only inserts.

Both are asked by wrk on 32 connections. The service works off what it accepts meanwhile, so it computes more a request
than its answer needs; the dearer the alerts, the more. So the row is measured with repeats and with new alerts.
"""

from __future__ import annotations

from benchmarks.figures import Measure, Reading, Readings, Row, Unit, of_the_floor
from benchmarks.ground import BEARER, Database, Ground, pid, plan_for, usage
from benchmarks.load import UNIQUE, Wrk, alert, body, wrk

SHARE = 0.6
REPEATS = Measure(name="repeats", unit=Unit.REQUESTS, budget=of_the_floor(SHARE), new=0.0)
JOINING = Measure(name="new, of one incident", unit=Unit.REQUESTS, budget=of_the_floor(SHARE), new=1.0)


async def measure(ground: Ground) -> Readings:
    what = {
        REPEATS.name: body([alert("Known", "node-1")]),
        JOINING.name: body([alert("Known", f"node-{UNIQUE}")]),
    }
    return {name: await _measured(ground, posted) for name, posted in what.items()}


async def _measured(ground: Ground, posted: object) -> Reading:
    sink = await ground.sink()
    service = await ground.service(plan_for(sink))
    floor = await ground.floor()
    bare = await _load(ground, f"{floor}/webhooks/alertmanager", posted)
    before = usage(pid(service)).cpu
    full = await _load(ground, service.webhook, posted)
    cpu = usage(pid(service)).cpu - before
    await service.program.kill()  # a backlog of repeats is nobody's to work off
    return Reading(value=full.rate, floor=bare.rate, cpu=cpu, also={"p99 ms": full.p99 * 1000})


async def _load(ground: Ground, url: str, posted: object) -> Wrk:
    seconds = ground.scaled(5, 1)
    return await wrk(url, posted, folder=ground.home, headers=BEARER, seconds=seconds)


ROW = Row(
    name="webhook",
    what="webhook, 1 alert, durable answer",
    floor="a bare aiohttp handler, one durable insert a request",
    measures=(REPEATS, JOINING),
    measure=measure,
    databases=frozenset(Database),
)
