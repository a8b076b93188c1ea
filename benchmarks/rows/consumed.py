"""Through to incident state: alerts a second from the first request until every accepted body is consumed.

wrk posts bodies of 20 for a second or so; the clock runs until the journal is empty. New alerts come as Alertmanager
groups them, a body an incident, and besides at their worst, every alert an incident of its own.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3

from benchmarks.figures import Measure, Reading, Readings, Row, Unit, at_least
from benchmarks.ground import BEARER, Database, Ground, pid, plan_for, usage
from benchmarks.load import UNIQUE, alert, body, wrk
from tests.journeys.served import Served
from tests.journeys.waiting import CLOCK, let_pass, until

ALERTS = 20  # a body
BODIES = 100  # a transaction of the floor, as many as a transaction of the service
CONSUMED = re.compile(r'^responder_ingest_bodies_total\{result="(\w+)"\} (\S+)$', re.MULTILINE)

NEW = Measure(name="all new, a body an incident", unit=Unit.ALERTS, budget=at_least(3_000), new=1.0)
APART = Measure(name="all new, each an incident of its own", unit=Unit.ALERTS, new=1.0)
REPEATS = Measure(name="all repeats", unit=Unit.ALERTS, budget=at_least(8_000), new=0.0)


async def measure(ground: Ground) -> Readings:
    numbers = range(ALERTS)
    what = {
        NEW.name: body([alert(f"Group{UNIQUE}", f"node-{one}") for one in numbers]),
        APART.name: body([alert(f"Own{UNIQUE}x{one}", "node-1") for one in numbers]),
        REPEATS.name: body([alert("Known", f"node-{one}") for one in numbers]),
    }
    return {name: await _measured(ground, posted) for name, posted in what.items()}


async def _measured(ground: Ground, posted: object) -> Reading:
    sink = await ground.sink()
    service = await ground.service(plan_for(sink))
    await wrk(service.webhook, posted, folder=ground.home, headers=BEARER, seconds=1, connections=1)
    await until(lambda: _is_consumed(service), "what warmed it up is consumed", within=120)
    await let_pass(1)
    before, began = usage(pid(service)).cpu, CLOCK.now()
    earlier = (await _bodies(service))["consumed"]
    await wrk(service.webhook, posted, folder=ground.home, headers=BEARER, seconds=1, connections=8)
    await until(lambda: _is_consumed(service), "everything is consumed", within=300)
    seconds = (CLOCK.now() - began).total_seconds()
    alerts = ALERTS * ((await _bodies(service))["consumed"] - earlier)
    cpu = usage(pid(service)).cpu - before
    await (
        service.program.kill()
    )  # pages of thousands of incidents are under way, which is another row's question
    floor = await asyncio.to_thread(_floor, ground, json.dumps(posted), int(alerts) // ALERTS)
    return Reading(
        value=alerts / seconds,
        floor=floor,
        cpu=cpu,
        also={"alerts": alerts, "alerts per CPU second": alerts / cpu},
    )


async def _is_consumed(service: Served) -> bool:
    """Looked at seldom: the answer is computed by what is measured."""
    await let_pass(0.1)
    bodies = await _bodies(service)
    return bodies["consumed"] == bodies["accepted"]


async def _bodies(service: Served) -> dict[str, float]:
    found = {"accepted": 0.0, "consumed": 0.0}
    return found | {name: float(count) for name, count in CONSUMED.findall(await service.text("/metrics"))}


def _floor(ground: Ground, posted: str, bodies: int) -> float:
    """The same bodies read from a table, parsed, and one row an alert written, a hundred bodies a transaction."""
    connection = sqlite3.connect(ground.home / f"floor-{ground.folders}.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE body (id INTEGER PRIMARY KEY, body TEXT)")
    connection.execute("CREATE TABLE alert (fingerprint TEXT, number INTEGER, body TEXT)")
    connection.execute("CREATE UNIQUE INDEX known ON alert (fingerprint, number)")
    texts = [(posted.replace(UNIQUE, str(number)),) for number in range(bodies)]
    connection.executemany("INSERT INTO body (body) VALUES (?)", texts)
    began = CLOCK.now()
    for start in range(0, bodies, BODIES):
        connection.execute("BEGIN IMMEDIATE")
        read = connection.execute(
            "SELECT id, body FROM body WHERE id > ? ORDER BY id LIMIT ?", (start, BODIES)
        )
        rows = [
            (one["fingerprint"], id_, json.dumps(one))
            for id_, text in read.fetchall()
            for one in json.loads(text)["alerts"]
        ]
        connection.executemany("INSERT INTO alert VALUES (?, ?, ?)", rows)
        connection.execute("DELETE FROM body WHERE id BETWEEN ? AND ?", (start + 1, start + BODIES))
        connection.execute("COMMIT")
    seconds = (CLOCK.now() - began).total_seconds()
    connection.close()
    return bodies * ALERTS / seconds


ROW = Row(
    name="consumed",
    what=f"through to incident state, {ALERTS} alerts a body",
    floor="bodies parsed and one durable row an alert, without a thought",
    measures=(NEW, APART, REPEATS),
    measure=measure,
    databases=frozenset(Database),
)
