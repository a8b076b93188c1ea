"""Our own beat: it goes out while all is well and at no other time, says why it does not, and is missed aloud."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from responder.core.errors import Conflict, Failure, FromNewer, Transient, Unreadable
from responder.core.identifiers import Kind, RecordKey
from responder.core.machines.escalation import Escalation
from responder.engine.outward import EVERY
from responder.ports.store import Standing, Store
from tests.engine.test_replicas import OTHER, Contended
from tests.engine.world import World, make_world
from tests.fakes.beacon import FakeBeacon
from tests.fakes.channel import Accepts, FailsForGood, FailsForNow
from tests.fakes.clock import FakeClock, let_others_run
from tests.web.faults import Trouble

ALARM = "responder: beat outward"


@pytest.fixture
def beacon(clock: FakeClock) -> FakeBeacon:
    return FakeBeacon(clock)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def watched(store: Store, clock: FakeClock, beacon: FakeBeacon) -> World:
    """Content: its auditor has looked, and the store took a commit."""
    world = await make_world(store, clock=clock, beacon=beacon)
    await all_well(world)
    return world


async def all_well(world: World) -> None:
    await world.service.replicas.load()
    await world.service.auditor.look()


async def wrong(world: World) -> set[str]:
    """What keeps the next beat back."""
    await world.service.outward.beat()
    return set(world.service.outward.withheld)


async def standing(world: World) -> Standing:
    number = (await world.incidents()).index(ALARM) + 1
    return (await world.story(f"I{number}")).standing


def figure(world: World, name: str, **labels: str) -> float:
    return world.service.points.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_while_all_is_well_a_beat_goes_out(watched: World, beacon: FakeBeacon) -> None:
    assert await wrong(watched) == set()
    assert beacon.beats == [watched.clock.now()]
    assert watched.service.outward.sent_at == watched.clock.now()
    assert figure(watched, "responder_outward_beats_total", outcome="sent") == 1
    assert figure(watched, "responder_outward_beat_timestamp_seconds") == watched.clock.now().timestamp()


async def test_it_beats_every_half_minute(watched: World, beacon: FakeBeacon) -> None:
    beating = asyncio.create_task(watched.service.outward.run())
    for count in range(1, 4):
        while watched.clock.waited_for() != [watched.clock.now() + EVERY]:
            await let_others_run()
        watched.clock.advance(seconds=20)
        await all_well(watched)
        watched.clock.advance(seconds=10)
        while len(beacon.beats) < count:
            await let_others_run()
    beating.cancel()
    await asyncio.wait([beating])


async def test_before_the_auditor_has_looked_nobody_knows_that_all_is_well(
    store: Store, clock: FakeClock, beacon: FakeBeacon
) -> None:
    world = await make_world(store, clock=clock, beacon=beacon)
    assert await wrong(world) == {"auditor"}
    assert beacon.beats == []


async def test_an_auditor_that_looks_no_more_keeps_the_beat_back(watched: World, beacon: FakeBeacon) -> None:
    watched.clock.advance(seconds=30)
    await watched.service.replicas.tell()
    assert await wrong(watched) == set()
    watched.clock.advance(seconds=1)
    assert await wrong(watched) == {"auditor"}
    assert len(beacon.beats) == 1


async def test_what_the_auditor_has_found_keeps_the_beat_back(watched: World, beacon: FakeBeacon) -> None:
    await watched.fire("RegionDown", level="3")
    key = RecordKey(Kind.ESCALATION, "I1")
    async with watched.store.unit() as unit:
        record = (await unit.records([key]))[key]
        assert isinstance(record, Escalation)
        await unit.put_record(replace(record, since=None), watched.clock.now())
    await watched.service.auditor.look()
    assert await wrong(watched) == {"alarms"}
    assert "stranded I1" in watched.service.outward.withheld["alarms"]
    assert beacon.beats == []


async def test_a_store_that_takes_no_commit_keeps_the_beat_back(watched: World, beacon: FakeBeacon) -> None:
    watched.clock.advance(seconds=16)
    await watched.service.auditor.look()
    assert await wrong(watched) == {"store"}
    assert beacon.beats == []


async def test_a_store_that_has_refused_a_commit_keeps_the_beat_back_until_it_takes_one(
    store: Store, clock: FakeClock, beacon: FakeBeacon
) -> None:
    trouble = Trouble()
    world = await make_world(store, clock=clock, beacon=beacon, faults=trouble)
    await all_well(world)
    trouble.failures = {"commit.journal": Transient("x", outward="the database's disk is full")}
    with pytest.raises(Transient):
        await world.post()
    assert await wrong(world) == {"store"}
    assert world.service.outward.withheld["store"].endswith(": the database's disk is full")
    trouble.failures.clear()
    await world.post()
    assert await wrong(world) == set()


@pytest.mark.parametrize(
    "failure",
    [Conflict("another was first"), FromNewer("I1"), Unreadable("I1")],
    ids=lambda one: type(one).__name__,
)
async def test_what_tells_of_a_record_or_of_somebody_else_is_no_fault_of_the_store(
    store: Store, clock: FakeClock, beacon: FakeBeacon, failure: Failure
) -> None:
    trouble = Trouble()
    world = await make_world(store, clock=clock, beacon=beacon, faults=trouble)
    await all_well(world)
    trouble.failures = {"commit.journal": failure}
    with pytest.raises(type(failure)):
        await world.post()
    assert await wrong(world) == set()


async def test_a_loop_that_fails_keeps_the_beat_back(watched: World, beacon: FakeBeacon) -> None:
    async def fail() -> None:
        raise Transient("the disk is full")

    watched.service.supervisor.start("intake", fail)
    await watched.clock.until_sleeping()
    assert await wrong(watched) == {"loops"}
    assert watched.service.outward.withheld["loops"] == "intake: the disk is full"
    assert beacon.beats == []
    await watched.service.supervisor.stop()


async def test_isolation_keeps_the_beat_back_before_the_auditor_looks(
    watched: World, beacon: FakeBeacon
) -> None:
    for channel in watched.channels.values():
        channel.always(FailsForNow())
    await watched.fire("RegionDown", level="3")
    assert await wrong(watched) == {"isolated"}
    for channel in watched.channels.values():
        channel.always(Accepts())
    await watched.advance(seconds=10)
    await all_well(watched)
    assert await wrong(watched) == set()
    assert len(beacon.beats) == 1


async def test_why_it_is_kept_back_is_told_once(watched: World) -> None:
    watched.clock.advance(minutes=5)
    with capture_logs() as lines:
        for _ in range(3):
            await watched.service.outward.beat()
        await watched.service.auditor.look()
        await watched.service.outward.beat()
        await all_well(watched)
        await watched.service.outward.beat()
    told = [line for line in lines if line["event"].startswith("outward beat")]
    assert [line["event"] for line in told] == [
        "outward beat withheld",
        "outward beat withheld",
        "outward beat goes on",
    ]
    assert {"auditor", "store"} <= set(told[0])
    assert "auditor" not in told[1]
    assert figure(watched, "responder_outward_beats_total", outcome="withheld") == 4


# A beat that does not arrive


async def test_three_beats_that_do_not_arrive_are_an_alarm_until_one_does(
    watched: World, beacon: FakeBeacon
) -> None:
    beacon.always(FailsForNow())
    for _ in range(2):
        assert await wrong(watched) == set()
    assert await watched.incidents() == []
    await watched.service.outward.beat()
    await watched.settle()
    assert await watched.incidents() == [ALARM]
    assert watched.reasons("first") == ["step"]
    assert "scripted to fail" in watched.service.outward.problem
    beacon.always(Accepts())
    await watched.service.outward.beat()
    await watched.settle()
    assert await standing(watched) is Standing.RESOLVED
    assert watched.service.outward.problem == ""


async def test_a_beat_that_is_refused_for_good_is_an_alarm_at_once(
    watched: World, beacon: FakeBeacon
) -> None:
    beacon.always(FailsForGood())
    await watched.service.outward.beat()
    await watched.settle()
    assert await watched.incidents() == [ALARM]
    assert figure(watched, "responder_outward_beats_total", outcome="failed") == 1


async def test_a_failure_now_and_then_is_no_alarm(watched: World, beacon: FakeBeacon) -> None:
    for _ in range(3):
        beacon.always(FailsForNow())
        await watched.service.outward.beat()
        await watched.service.outward.beat()
        beacon.always(Accepts())
        await watched.service.outward.beat()
    assert await watched.incidents() == []


async def test_what_a_process_before_us_raised_ends_with_our_first_beat(
    watched: World, beacon: FakeBeacon
) -> None:
    beacon.always(FailsForGood())
    await watched.service.outward.beat()
    beacon.always(Accepts())
    watched.clock.advance(seconds=1)
    born = await make_world(watched.store, clock=watched.clock, beacon=beacon)
    await all_well(born)
    await born.service.outward.beat()
    await born.settle()
    assert await standing(born) is Standing.RESOLVED


async def test_a_replica_that_is_not_content_beats_for_nobody_and_the_others_for_themselves(
    store: Store, clock: FakeClock, beacon: FakeBeacon
) -> None:
    shared = Contended(store)
    here = await make_world(shared, clock=clock, beacon=beacon)
    there = await make_world(shared, clock=clock, beacon=beacon, name=OTHER)
    await all_well(there)
    assert await wrong(here) == {"auditor"}
    assert await wrong(there) == set()
    assert len(beacon.beats) == 1
