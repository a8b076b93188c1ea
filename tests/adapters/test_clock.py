"""The system clock against a wall and a monotonic time of the test's own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from responder.adapters.clock import DatabaseClock, SystemClock
from responder.core.errors import Transient
from responder.ports.clock import Jump
from tests.fakes.clock import NOON, FakeClock, let_others_run


class Times:
    """What the system would say: seconds since 1970, and seconds since some start."""

    def __init__(self) -> None:
        self.wall = NOON.timestamp()
        self.monotonic = 100.0

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.monotonic)

    def pass_by(self, seconds: float, *, on_the_wall: float | None = None) -> None:
        self.monotonic += seconds
        self.wall += seconds if on_the_wall is None else on_the_wall


def test_it_tells_what_the_wall_says():
    times = Times()
    clock = times.clock()
    times.pass_by(60)
    assert clock.now() == NOON + timedelta(minutes=1)


def test_a_wall_that_is_set_forward_is_followed_at_once():
    times = Times()
    clock = times.clock()
    times.pass_by(1, on_the_wall=3600)
    assert clock.now() == NOON + timedelta(hours=1)


def test_a_wall_that_is_set_back_is_met_again_without_going_back_or_standing_still():
    times = Times()
    clock = times.clock()
    times.pass_by(0, on_the_wall=-60)
    told = [clock.now()]
    for _ in range(150):
        times.pass_by(1)
        told.append(clock.now())
    assert told[0] == NOON
    assert all(earlier < later for earlier, later in pairwise(told))
    assert told[60] - told[0] == timedelta(seconds=30)
    assert told[-1] == datetime.fromtimestamp(times.wall, UTC)


class Database:
    """A database's time, the monotonic time here, and how long each question will take."""

    def __init__(self) -> None:
        self.monotonic = 100.0
        self.ahead = NOON.timestamp() - self.monotonic
        self.takes: list[float] = []
        self.skew = 0.0  # how much later than in the middle a slow answer was given
        self.is_away = False

    async def ask(self) -> datetime:
        if self.is_away:
            raise Transient("the database is away")
        took = self.takes.pop(0) if self.takes else 0.0
        self.monotonic += took
        given = self.monotonic - took / 2 + (self.skew if took > 1 else 0)
        return datetime.fromtimestamp(given + self.ahead, UTC)

    async def clock(self) -> DatabaseClock:
        return await DatabaseClock.measured(self.ask, lambda: self.monotonic)


async def test_the_databases_time_is_told_whatever_the_wall_here_says():
    database = Database()
    clock = await database.clock()
    assert clock.now() == NOON
    database.monotonic += 60
    assert clock.now() == NOON + timedelta(minutes=1)
    assert clock.jump is None


async def test_half_of_a_round_trip_lies_before_the_answer():
    database = Database()
    database.takes = [0.4]
    clock = await database.clock()
    assert clock.now() == NOON + timedelta(seconds=0.4)


async def test_the_first_answer_may_wait_for_a_connection():
    database = Database()
    before = database.monotonic
    database.takes, database.skew = [4.0, 0.1], 2.0
    clock = await database.clock()
    assert clock.now() == NOON + timedelta(seconds=database.monotonic - before)


async def test_a_drift_is_followed_and_is_no_jump():
    database = Database()
    clock = await database.clock()
    database.ahead += 1.5
    await clock.measure()
    assert clock.now() == NOON + timedelta(seconds=1.5)
    assert clock.jump is None


async def test_a_jump_forward_is_followed_and_remembered():
    database = Database()
    clock = await database.clock()
    database.ahead += 60
    await clock.measure()
    assert clock.now() == NOON + timedelta(minutes=1)
    assert clock.jump == Jump(at=NOON + timedelta(minutes=1), by=timedelta(minutes=1))
    await clock.measure()
    assert clock.jump == Jump(at=NOON + timedelta(minutes=1), by=timedelta(minutes=1))


async def test_a_jump_back_is_met_without_going_back():
    database = Database()
    clock = await database.clock()
    database.ahead -= 60
    await clock.measure()
    told = [clock.now()]
    for _ in range(130):
        database.monotonic += 1
        told.append(clock.now())
    assert all(earlier < later for earlier, later in pairwise(told))
    assert told[0] == NOON
    assert told[120] - told[0] == timedelta(seconds=60)
    assert clock.jump is not None
    assert clock.jump.by == timedelta(seconds=-60)


async def test_a_slow_answer_is_asked_for_again_and_does_not_count():
    database = Database()
    clock = await database.clock()
    database.ahead += 1
    database.takes = [0.6, 3.0, 0.2]
    await clock.measure()
    assert clock.now() == NOON + timedelta(seconds=1 + 3.8)
    database.ahead += 1
    database.takes = [0.6, 0.6, 0.6]
    await clock.measure()
    assert database.takes == []
    assert clock.now() == NOON + timedelta(seconds=1 + 3.8 + 1.8)


async def test_while_the_database_is_away_time_goes_on():
    database = Database()
    clock = await database.clock()
    database.is_away = True
    with pytest.raises(Transient):
        await clock.measure()
    database.monotonic += 7
    assert clock.now() == NOON + timedelta(seconds=7)


async def test_it_is_measured_anew_at_once_when_connections_are_new():
    database, asked = Database(), asyncio.Event()
    clock = await database.clock()
    database.ahead += 60
    running = asyncio.ensure_future(clock.run(asked))
    await let_others_run(turns=5)
    jumps = [clock.jump]
    asked.set()
    await let_others_run(turns=20)
    running.cancel()
    jumps.append(clock.jump)
    assert [jump.by for jump in jumps if jump] == [timedelta(minutes=1)]
    assert jumps[0] is None
    assert not asked.is_set()


async def test_the_fake_lets_sleepers_go_in_the_order_of_their_moments():
    clock, woken = FakeClock(), []

    async def sleep(minutes: int) -> None:
        await clock.sleep_until(NOON + timedelta(minutes=minutes))
        woken.append(minutes)

    async with asyncio.TaskGroup() as group:
        for minutes in (30, 10, 20, 40):
            group.create_task(sleep(minutes))
        await clock.until_sleeping(4)
        assert clock.waited_for()[0] == NOON + timedelta(minutes=10)
        clock.advance(minutes=30)
        await let_others_run(turns=5)
        assert woken == [10, 20, 30]
        clock.advance(minutes=10)


def test_the_fake_does_not_go_back():
    with pytest.raises(AssertionError):
        FakeClock().advance(seconds=-1)
