"""The system clock against a wall and a monotonic time of the test's own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from responder.adapters.clock import SystemClock
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
