"""The time jumps, as when the database's clock is set: what others hold stays theirs for a whole lease more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from responder.core.delivery import LEASE, Outcome
from responder.engine.replicas import Name
from responder.ports.clock import Jump
from responder.ports.store import Standing, Store
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.channel import Hangs


async def sending(store: Store) -> World:
    """Another replica is sending; ours, which it is told of, shares its clock and its store."""
    document = plan.plan()
    document["contacts"]["contacts"]["first"]["methods"] = [{"fake": "to-first"}, {"fake": "to-third"}]
    book = plan.book(document)
    other = await make_world(store, book=book)
    for channel in ("to-first", "board"):
        other.channels[channel].always(Hangs())
    await other.post(other.alert("RegionDown", {"level": "3"}))
    await other.service.intake.consume()
    await other.service.outbox.claim()
    await other.channels["to-first"].until_handed()
    return await make_world(store, book=book, clock=other.clock)


async def outcomes(world: World) -> list[Outcome | None]:
    (page,) = (await world.story()).pages
    return [attempt.outcome for attempt in page.attempts]


async def test_without_a_jump_a_call_is_lost_when_its_lease_has_ended(store: Store) -> None:
    world = await sending(store)
    world.clock.advance(seconds=LEASE.total_seconds())
    await world.settle()
    assert await outcomes(world) == [Outcome.UNKNOWN, Outcome.ACCEPTED]


async def test_a_call_in_flight_is_not_lost_because_the_time_jumped(store: Store) -> None:
    world = await sending(store)
    world.clock.leap(minutes=5)
    await world.settle()
    assert await outcomes(world) == [None]
    world.clock.advance(seconds=LEASE.total_seconds() - 1)
    await world.settle()
    assert await outcomes(world) == [None]
    world.clock.advance(seconds=1)
    await world.settle()
    assert await outcomes(world) == [Outcome.UNKNOWN, Outcome.ACCEPTED]


async def test_timers_go_by_the_new_time_at_once(store: Store) -> None:
    world = await make_world(store)
    await world.fire("RegionDown", level="3")
    world.clock.leap(minutes=16)
    await world.settle()
    assert world.handed("to-second")


async def test_a_body_that_another_claimed_stays_with_it_for_a_lease_after_a_jump(store: Store) -> None:
    world = await make_world(store)
    await world.post(world.alert())
    async with store.unit() as unit:
        now = world.clock.now()
        assert await unit.claim_bodies(10, now, now + LEASE)
    world.clock.leap(minutes=5)
    await world.post(world.alert("Other"))
    assert await world.service.intake.consume() == 1
    world.clock.advance(seconds=LEASE.total_seconds() - 1)
    assert await world.service.intake.consume() == 0
    world.clock.advance(seconds=1)
    assert await world.service.intake.consume() == 1


@pytest.mark.parametrize("by", [300, -300], ids=["forward", "back"])
async def test_a_jump_is_an_alarm_that_ends_by_itself(world: World, by: int) -> None:
    world.clock.jump = Jump(world.clock.now(), timedelta(seconds=by))
    for _ in range(2):
        (alarm,) = await world.service.auditor.look()
        assert f"{by:+.1f} s" in alarm.detail
        await world.settle()
    assert await world.incidents() == ["responder: clock database"]
    await world.advance(minutes=11)
    assert await world.service.auditor.look() == []
    assert (await world.story()).standing is Standing.RESOLVED


async def test_who_has_not_seen_the_jump_ends_nobodys_alarm(store: Store) -> None:
    store.is_exclusive = False  # type: ignore[misc]  # as of a database that others use too
    world = await make_world(store)
    other = await make_world(store, clock=world.clock, name=Name("other", "9.9"))
    world.clock.leap(minutes=5)
    await world.service.auditor.look()
    await world.settle()
    world.clock.jump = None
    await world.service.replicas.tell()
    await other.service.replicas.tell()
    await other.service.auditor.look()
    assert (await world.story()).standing is Standing.OPEN
