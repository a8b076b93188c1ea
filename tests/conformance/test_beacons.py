"""What every beacon does, the fake one too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest

from responder.adapters.beacon import HttpBeacon
from responder.adapters.sessions import Sessions
from responder.core.errors import Permanent, Transient
from responder.ports.beacon import Beacon
from tests.fakes.beacon import Answer, FakeBeacon
from tests.fakes.channel import Accepts, FailsForGood, FailsForNow, Hangs
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.sink import ACCEPT, FAIL, HANG, Sink, refuse

LATER = NOON + timedelta(seconds=10)
IN_MEMORY: Mapping[str, Answer] = {
    "accept": Accepts(),
    "fail": FailsForNow(),
    "refuse": FailsForGood(),
    "hang": Hangs(),
}
BY_HTTP = {"accept": ACCEPT, "fail": FAIL, "refuse": refuse(404), "hang": HANG}


@dataclass
class Bench:
    beacon: Beacon
    clock: FakeClock
    answers: Callable[[str], None]
    heard: Callable[[], int]


@pytest.fixture(params=["fake", "http"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    clock = FakeClock()
    if request.param == "fake":
        fake = FakeBeacon(clock)
        yield Bench(fake, clock, lambda how: fake.always(IN_MEMORY[how]), lambda: len(fake.beats))
        return
    sessions = Sessions(trust_env=False)
    async with Sink() as sink:
        beacon = HttpBeacon(sink.url, "GET", sessions, clock)
        yield Bench(beacon, clock, lambda how: sink.always(BY_HTTP[how]), lambda: len(sink.ledger))
        await sessions.close()


async def test_a_beat_is_heard(bench):
    await bench.beacon.beat(LATER)
    await bench.beacon.beat(LATER)
    assert bench.heard() == 2


@pytest.mark.parametrize("how, failure", [("fail", Transient), ("refuse", Permanent)])
async def test_a_beat_that_is_not_taken_says_whether_it_passes(bench, how, failure):
    bench.answers(how)
    with pytest.raises(failure, match=r"^outward beat: "):
        await bench.beacon.beat(LATER)


async def test_a_beat_without_an_answer_ends_at_its_deadline(bench):
    bench.answers("hang")
    beating = asyncio.ensure_future(bench.beacon.beat(LATER))
    await bench.clock.until_sleeping()
    bench.clock.advance(seconds=10)
    with pytest.raises(Transient):
        await beating
