"""A million pending timers: many due at once, many over time, and none at all.

All are the ladders of open incidents; what is due pages people, who are handed their pages meanwhile. The moment at
which a batch's effects are committed is seen by asking the database itself, every few milliseconds, how many of those
that are due are not worked off.
"""

from __future__ import annotations

import asyncio
import sqlite3
from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.crowd import crowd_of, crowd_plan, is_handed_over, let_be_due, waiting
from benchmarks.figures import Measure, Reading, Readings, Row, Unit, below, latency
from benchmarks.ground import Ground, pid, usage
from tests.journeys.served import Served
from tests.journeys.waiting import CLOCK, let_pass, until

PENDING = 1_000_000
AUDITED = 12  # seconds after the start in which the auditor has had its first look
HANDED_OVER = 600  # seconds at the most, for what 10,000 timers have paged
LOOK = timedelta(milliseconds=10)
PER_SECOND = 50  # of those spread over time
BATCH = 500  # of the floor, as many as the service takes

THOUSAND = Measure(name="1,000 due at once, committed", unit=Unit.SECONDS, budget=below(1))
TEN_THOUSAND = Measure(name="10,000 due at once, committed", unit=Unit.SECONDS, budget=below(4))
SPREAD = Measure(
    name=f"{PER_SECOND}/s over time, p99 to the commit", unit=Unit.MILLISECONDS, budget=below(100)
)
IDLE = Measure(name="idle", unit=Unit.CORE, budget=below(1))


async def measure(ground: Ground) -> Readings:
    home = await crowd_of(ground, ground.scaled(PENDING, 2_000))
    found: dict[str, Reading] = {IDLE.name: await _idle(ground, home)}
    spread = _next(home, PER_SECOND * ground.scaled(20, 2))
    found[SPREAD.name] = await _over_time(ground, home, spread)
    for one, count in ((THOUSAND, ground.scaled(1_000, 50)), (TEN_THOUSAND, ground.scaled(10_000, 200))):
        found[one.name] = await _at_once(ground, home, _next(home, count))
    return found


async def _at_once(ground: Ground, home: Path, numbers: range) -> Reading:
    moment = CLOCK.now() + _soon(ground)
    seen, cpu = await _worked_off(ground, home, dict.fromkeys(numbers, moment))
    floor = await asyncio.to_thread(_floor, ground, len(numbers))
    return Reading(value=(seen[-1] - moment).total_seconds(), floor=floor, cpu=cpu)


async def _over_time(ground: Ground, home: Path, numbers: range) -> Reading:
    first = CLOCK.now() + _soon(ground)
    due = {number: first + timedelta(seconds=place / PER_SECOND) for place, number in enumerate(numbers)}
    seen, cpu = await _worked_off(ground, home, due)
    behind = [(at - moment).total_seconds() for at, moment in zip(seen, due.values(), strict=True)]
    return latency(behind, cpu=cpu)


async def _worked_off(
    ground: Ground, home: Path, due: Mapping[int, datetime]
) -> tuple[list[datetime], float]:
    """When each was seen to be committed, in the order in which they were due; and the service's CPU seconds."""
    await asyncio.to_thread(let_be_due, home, due.items())
    service = await _start(ground, home)
    moments = list(due.values())
    await CLOCK.sleep_until(moments[0] - timedelta(milliseconds=100))
    before = usage(pid(service)).cpu
    seen: list[datetime] = []
    with waiting(home) as count:
        assert count(moments[-1]) == len(moments)
        while len(seen) < len(moments):
            now = CLOCK.now()
            past = bisect_right(moments, now)
            seen += [now] * (past - count(now) - len(seen))
            await CLOCK.sleep_until(now + LOOK)
    cpu = usage(pid(service)).cpu - before
    # What they had paged is handed over before anything else is measured.
    await until(lambda: is_handed_over(home), "everything that was paged is handed over", within=HANDED_OVER)
    await service.program.stop()
    return seen, cpu


async def _idle(ground: Ground, home: Path) -> Reading:
    service = await _start(ground, home)
    await let_pass(ground.scaled(AUDITED, 1))
    before, began = usage(pid(service)).cpu, CLOCK.now()
    await let_pass(ground.scaled(30, 2))
    cpu = usage(pid(service)).cpu - before
    passed = (CLOCK.now() - began).total_seconds()
    await service.program.stop()
    return Reading(value=100 * cpu / passed, cpu=cpu)


async def _start(ground: Ground, home: Path) -> Served:
    return await ground.service(crowd_plan(await ground.sink()), home=home)


def _soon(ground: Ground) -> timedelta:
    return timedelta(seconds=ground.scaled(AUDITED + 8, 8))


def _next(home: Path, count: int) -> range:
    """Incidents whose timers no round has used yet."""
    used = home / "used"
    first = int(used.read_text(encoding="utf-8")) if used.exists() else 2
    used.write_text(str(first + count), encoding="utf-8")
    return range(first, first + count)


def _floor(ground: Ground, count: int) -> float:
    """Seconds for as many of as many rows: taken 500 at a time, each moved on, with one effect written beside it."""
    database = ground.lasting / "timers-floor.db"
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS due (id INTEGER PRIMARY KEY, at INTEGER NOT NULL)")
    connection.execute("CREATE TABLE IF NOT EXISTS effect (id INTEGER PRIMARY KEY, due INTEGER NOT NULL)")
    if not connection.execute("SELECT 1 FROM due LIMIT 1").fetchone():
        connection.execute("BEGIN")
        pending = ground.scaled(PENDING, 2_000)
        connection.executemany("INSERT INTO due (at) VALUES (?)", ((1_000 + n,) for n in range(pending)))
        connection.execute("CREATE INDEX soonest ON due (at)")
        connection.execute("COMMIT")
    connection.execute("UPDATE due SET at = 0 WHERE id IN (SELECT id FROM due ORDER BY at LIMIT ?)", (count,))
    began = CLOCK.now()
    while True:
        connection.execute("BEGIN IMMEDIATE")
        rows = connection.execute("SELECT id FROM due WHERE at <= 0 LIMIT ?", (BATCH,)).fetchall()
        connection.executemany("INSERT INTO effect (due) VALUES (?)", rows)
        connection.executemany("UPDATE due SET at = 1000000000 WHERE id = ?", rows)
        connection.execute("COMMIT")
        if not rows:
            break
    seconds = (CLOCK.now() - began).total_seconds()
    connection.close()
    return seconds


ROW = Row(
    name="timers",
    what=f"{PENDING:,} pending timers",
    floor="as many rows of a bare table moved on in batches, each with one effect",
    measures=(THOUSAND, TEN_THOUSAND, SPREAD, IDLE),
    measure=measure,
)
