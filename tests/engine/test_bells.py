"""Bells: who waits is woken by what is due before it would look, and by nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from responder.core.decision import DueKind
from responder.engine.bells import LONGEST, LONGEST_ALONE, Bells
from tests.fakes.clock import FakeClock, let_others_run

SOON, LATER = timedelta(milliseconds=300), timedelta(milliseconds=600)
TICK = timedelta(milliseconds=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def bells(clock: FakeClock) -> Bells:
    return Bells(clock, are_alone=False)


@pytest_asyncio.fixture
async def waiting(clock: FakeClock, bells: Bells) -> AsyncIterator[asyncio.Task[None]]:
    """Somebody who has work in SOON, and waits for it."""
    task = asyncio.create_task(bells.timers.wait(clock.now() + SOON))
    await clock.until_sleeping()
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def woken(task: asyncio.Task[None]) -> bool:
    await let_others_run(10)
    return task.done()


@pytest.mark.parametrize(
    "kind, due, wakes",
    [
        pytest.param(DueKind.TIMER, SOON - TICK, True, id="a timer before that"),
        pytest.param(DueKind.GATHER, SOON - TICK, True, id="a gathering before that"),
        pytest.param(DueKind.TIMER, SOON, False, id="a timer at that moment"),
        pytest.param(DueKind.TIMER, LATER, False, id="a timer after that"),
        pytest.param(DueKind.SEND, -SOON, False, id="a page that is due already"),
    ],
)
async def test_a_commit_wakes_who_would_look_too_late(clock, bells, waiting, kind, due, wakes):
    bells.ring_for({kind: clock.now() + due})
    assert await woken(waiting) is wakes


async def test_what_is_committed_while_nobody_waits_is_looked_for_at_once(clock, bells):
    bells.ring_for({DueKind.SHOW: clock.now() + LATER})
    await bells.sending[DueKind.SHOW].wait()


@pytest.mark.parametrize("are_alone, longest", [(False, LONGEST), (True, LONGEST_ALONE)])
async def test_after_a_while_everybody_looks(clock, are_alone, longest):
    bell = Bells(clock, are_alone=are_alone).timers
    task = asyncio.create_task(bell.wait())
    await clock.until_sleeping()
    clock.advance(seconds=(longest - TICK).total_seconds())
    assert not await woken(task)
    clock.advance(seconds=TICK.total_seconds())
    await task
