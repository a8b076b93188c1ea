"""A start with 100,000 open incidents: from the process being started to the first overdue page at its receiver.

One rung was due while the service was down. Its page takes the whole way: opening the database, the timer, the page,
the claim and the call.
"""

from __future__ import annotations

from datetime import timedelta

from benchmarks.crowd import copy_of, crowd_plan, let_be_due
from benchmarks.figures import Measure, Reading, Readings, Row, Unit, below
from benchmarks.ground import Ground, pid, usage
from tests.journeys.waiting import CLOCK, until

INCIDENTS = 100_000
OVERDUE = 5  # rungs that were due when the service was down
FIRST_PAGE = Measure(name="to the first overdue page handed over", unit=Unit.SECONDS, budget=below(3))


async def measure(ground: Ground) -> Readings:
    home = await copy_of(ground, ground.scaled(INCIDENTS, 1_000))
    past = CLOCK.now() - timedelta(minutes=5)
    let_be_due(home, [(number, past) for number in range(2, 2 + OVERDUE)])
    sink = await ground.sink()
    began = CLOCK.now()
    service = await ground.service(crowd_plan(sink), home=home)
    came = await until(sink.ledger, "the first overdue page is handed over", within=60)
    took = came[0].at - began.timestamp()
    cpu = usage(pid(service)).cpu
    began = CLOCK.now()
    await ground.floor()
    return {FIRST_PAGE.name: Reading(value=took, floor=(CLOCK.now() - began).total_seconds(), cpu=cpu)}


ROW = Row(
    name="start",
    what=f"start with {INCIDENTS:,} open incidents",
    floor="a bare aiohttp process, until it listens",
    measures=(FIRST_PAGE,),
    measure=measure,
)
