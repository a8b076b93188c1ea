"""Memory of the service's process: with nothing to do, and with 100,000 open incidents.

Resident memory after the auditor has looked, the list has been asked for, and the metrics have been read, as a
Prometheus and a person do; the most that there ever was stands beside it.
"""

from __future__ import annotations

from benchmarks.crowd import copy_of, crowd_plan
from benchmarks.figures import Measure, Reading, Readings, Row, Unit, below
from benchmarks.ground import Ground, Usage, pid, usage
from tests.journeys.served import Served
from tests.journeys.waiting import let_pass

INCIDENTS = 100_000
AUDITED = 12  # seconds in which the auditor has had its first look
IDLE = Measure(name="idle", unit=Unit.MEGABYTES, budget=below(120))
CROWDED = Measure(name=f"with {INCIDENTS:,} open incidents", unit=Unit.MEGABYTES, budget=below(250))


async def measure(ground: Ground) -> Readings:
    sink = await ground.sink()
    floor = await ground.bare()
    idle = await ground.service(crowd_plan(sink))
    crowded = await ground.service(
        crowd_plan(sink), home=await copy_of(ground, ground.scaled(INCIDENTS, 1_000))
    )
    await let_pass(ground.scaled(AUDITED, 1))
    return {
        measure.name: _reading(await _used(service), floor)
        for measure, service in ((IDLE, idle), (CROWDED, crowded))
    }


async def _used(service: Served) -> Usage:
    for _ in range(3):
        await service.text("/metrics")
        await service.incidents(limit=50)
    return usage(pid(service))


def _reading(found: Usage, floor: Usage) -> Reading:
    return Reading(
        value=found.resident / 1e6,
        floor=floor.resident / 1e6,
        cpu=found.cpu,
        also={"peak": found.peak / 1e6},
    )


ROW = Row(
    name="memory",
    what="memory of the service",
    floor="a bare aiohttp process with SQLite",
    measures=(IDLE, CROWDED),
    measure=measure,
)
