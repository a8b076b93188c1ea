"""What every clock keeps: the system's, and the one that tests advance."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from responder.adapters.clock import DatabaseClock, SystemClock
from responder.ports.clock import Clock
from tests.fakes.clock import FakeClock, let_others_run


@dataclass(frozen=True)
class Rig:
    """`shortly`: a wait that ends by itself, or because `pass_time` is called."""

    clock: Clock
    shortly: timedelta
    pass_time: Callable[[], None]


def system() -> Rig:
    return Rig(SystemClock(), timedelta(milliseconds=5), lambda: None)


def fake() -> Rig:
    clock = FakeClock()
    return Rig(clock, timedelta(hours=1), lambda: clock.advance(hours=1))


async def database() -> Rig:
    """Of a database whose time is five minutes ahead of the wall here."""
    wall = SystemClock()

    async def ask() -> datetime:
        return wall.now() + timedelta(minutes=5)

    return Rig(await DatabaseClock.measured(ask), timedelta(milliseconds=5), lambda: None)


@pytest.fixture(params=[system, fake, database], ids=["system", "fake", "database"])
async def rig(request):
    made = request.param()
    return await made if inspect.isawaitable(made) else made


def test_the_time_is_aware_and_utc(rig):
    assert rig.clock.now().tzinfo is UTC


def test_the_time_never_goes_back(rig):
    times = [rig.clock.now() for _ in range(1000)]
    rig.pass_time()
    times.append(rig.clock.now())
    assert times == sorted(times)


async def test_a_sleeper_goes_on_when_its_moment_has_come_and_not_before(rig):
    moment = rig.clock.now() + rig.shortly
    sleeper = asyncio.ensure_future(rig.clock.sleep_until(moment))
    await let_others_run()
    assert not sleeper.done()
    rig.pass_time()
    await sleeper
    assert rig.clock.now() >= moment


async def test_a_moment_that_has_passed_is_not_waited_for(rig):
    async with asyncio.timeout(1):
        await rig.clock.sleep_until(rig.clock.now())
        await rig.clock.sleep_until(rig.clock.now() - timedelta(days=1))


async def test_a_sleeper_can_be_woken_long_before_its_moment(rig):
    wake = asyncio.Event()
    sleeper = asyncio.ensure_future(rig.clock.sleep_until(rig.clock.now() + timedelta(days=1), wake))
    await let_others_run()
    wake.set()
    async with asyncio.timeout(1):
        await sleeper


async def test_one_who_has_been_woken_already_does_not_sleep(rig):
    wake = asyncio.Event()
    wake.set()
    async with asyncio.timeout(1):
        await rig.clock.sleep_until(rig.clock.now() + timedelta(days=1), wake)


async def test_a_sleeper_with_a_bell_that_never_rings_goes_on_at_its_moment(rig):
    moment = rig.clock.now() + rig.shortly
    sleeper = asyncio.ensure_future(rig.clock.sleep_until(moment, asyncio.Event()))
    await let_others_run()
    rig.pass_time()
    async with asyncio.timeout(1):
        await sleeper
    assert rig.clock.now() >= moment


async def test_a_sleeper_can_be_cancelled(rig):
    sleeper = asyncio.ensure_future(
        rig.clock.sleep_until(rig.clock.now() + timedelta(days=1), asyncio.Event())
    )
    await let_others_run()
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
