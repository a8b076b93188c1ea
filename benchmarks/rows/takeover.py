"""The takeover of a killed replica: what it was to do is done by the other, soon after nobody can be doing it any more.

Replicas on one PostgreSQL. A send: the first is killed while its call to a channel hangs, so nobody knows whether
the page arrived; the other has to hand it over by the next method when the lease ends. A timer: the first is killed
just before a rung is due; timers are claimed within one transaction and have no lease, so the rung's time counts.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from benchmarks.figures import Measure, Reading, Readings, Row, Unit, below
from benchmarks.ground import Database, Ground, Handed, SinkProgram
from benchmarks.load import alert, body
from responder.core.delivery import LEASE
from tests.journeys.small import small_plan
from tests.journeys.waiting import CLOCK, until

RUNG = timedelta(seconds=20)
EARLY = timedelta(milliseconds=500)  # before the rung is due, the replica is killed
WITHIN = LEASE.total_seconds() + 60

SEND = Measure(name="a send, past its lease", unit=Unit.SECONDS, budget=below(1))
TIMER = Measure(name="a timer, past its time", unit=Unit.SECONDS, budget=below(1))


async def measure(ground: Ground) -> Readings:
    send, timer = await asyncio.gather(_send(ground), _timer(ground))
    return {SEND.name: Reading(value=send), TIMER.name: Reading(value=timer)}


async def _send(ground: Ground) -> float:
    sink = await ground.sink("--hang", "/sms/first")
    plan = small_plan(sink.url, rungs={"first": "0s", "second": "1h"})
    url = ground.fresh_database()
    first = await ground.service(plan, {"RESPONDER_DATABASE_URL": url})
    assert await first.post(body([alert("Cut", "node")])) == 200
    began = await _came(sink, "/sms/first")
    await first.program.kill()
    # Not before: either replica may make the call, and a call ends by itself long before its lease.
    await ground.service(plan, {"RESPONDER_DATABASE_URL": url})
    again = await _came(sink, "/mail/first")
    # The lease began with the claim, some milliseconds before the call that the sink saw; that counts against us.
    return again.at - (began.at + LEASE.total_seconds())


async def _timer(ground: Ground) -> float:
    sink = await ground.sink()
    plan = small_plan(sink.url, rungs={"first": "0s", "second": f"{RUNG.seconds}s"})
    url = ground.fresh_database()
    first = await ground.service(plan, {"RESPONDER_DATABASE_URL": url})
    assert await first.post(body([alert("Left", "node")])) == 200
    opened = (await until(first.incidents, "it is open"))[0]["opened_at"]
    await ground.service(plan, {"RESPONDER_DATABASE_URL": url})
    due = datetime.fromisoformat(opened) + RUNG
    assert CLOCK.now() < due - EARLY, "the second replica took too long to start"
    await CLOCK.sleep_until(due - EARLY)
    await first.program.kill()
    return (await _came(sink, "/sms/second")).at - due.timestamp()


async def _came(sink: SinkProgram, path: str) -> Handed:
    async def look() -> Handed | None:
        return next((one for one in await sink.ledger() if one.path == path), None)

    found = await until(look, f"something comes to {path}", within=WITHIN)
    assert found is not None
    return found


ROW = Row(
    name="takeover",
    what="takeover of a killed replica",
    measures=(SEND, TIMER),
    measure=measure,
    databases=frozenset({Database.POSTGRESQL}),
)
