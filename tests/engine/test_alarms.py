"""What we raise about ourselves: the auditor's looks, heartbeats, and that an alarm pages like anything else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from responder.core.identifiers import Kind, RecordKey
from responder.core.machines.escalation import Escalation
from responder.core.machines.page import Page, Phase
from responder.engine.commands import Acknowledge, Resolve
from responder.ports.store import Standing, Store
from tests.engine.world import World, make_world
from tests.fakes.channel import Accepts, FailsForNow


async def test_the_auditor_finds_nothing_wrong_with_a_sound_store(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=20)
    assert await world.service.auditor.look() == []


async def strand(world: World) -> None:
    """Break the ladder of I1 as no machine would: it waits for nothing."""
    key = RecordKey(Kind.ESCALATION, "I1")
    async with world.store.unit() as unit:
        record = (await unit.records([key]))[key]
        assert isinstance(record, Escalation)
        await unit.put_record(replace(record, since=None), world.clock.now())


async def test_a_stranded_incident_is_an_alarm_that_pages(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await strand(world)
    found = await world.service.auditor.look()
    await world.settle()
    assert "stranded" in {alarm.kind.value for alarm in found}
    assert "responder: stranded I1" in await world.incidents()
    assert world.reasons("first", "I2") == ["step"]


async def test_looking_again_raises_no_second_alarm(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await strand(world)
    for _ in range(3):
        await world.service.auditor.look()
        await world.settle()
    assert (await world.incidents()).count("responder: stranded I1") == 1


async def test_a_page_that_no_channel_takes_for_long_is_an_alarm_and_ends_when_one_does(world: World) -> None:
    world.channels["to-first"].always(FailsForNow())
    await world.fire("RegionDown", level="3")
    await world.advance(seconds=40)
    await world.service.auditor.look()
    await world.settle()
    assert "responder: page-late first" in await world.incidents()
    world.channels["to-first"].always(Accepts())
    await world.advance(minutes=2)
    await world.service.auditor.look()
    await world.settle()
    alarm = next(
        n for n, title in enumerate(await world.incidents(), 1) if title == "responder: page-late first"
    )
    assert (await world.story(f"I{alarm}")).standing is Standing.RESOLVED


async def test_a_page_that_was_withdrawn_on_its_way_is_not_late(world: World) -> None:
    await world.fire("RegionDown", level="3")
    world.clock.advance(seconds=5)
    key = RecordKey(Kind.PAGE, "I1-p1")
    async with world.store.unit() as unit:
        page = (await unit.records([key]))[key]
        assert isinstance(page, Page)
        flying = replace(page.attempts[-1], outcome=None, ended_at=None, claimed_at=world.clock.now())
        withdrawn = replace(page, phase=Phase.WITHDRAWN, attempts=(flying,))
        await unit.put_record(withdrawn, world.clock.now())
    world.clock.advance(seconds=29)
    assert await world.service.auditor.look() == []


async def test_what_another_process_raised_is_cleared_when_it_is_over(store: Store) -> None:
    world = await make_world(store)
    world.channels["to-first"].always(FailsForNow())
    await world.fire("RegionDown", level="3")
    await world.advance(seconds=40)
    await world.service.auditor.look()
    await world.settle()
    born = await make_world(store, clock=world.clock)
    await born.advance(minutes=2)
    await born.service.auditor.look()
    await born.settle()
    assert "responder: page-late first" in await born.incidents()
    names = [f"I{number}" for number, title in enumerate(await born.incidents(), 1) if "page-late" in title]
    assert [(await born.story(name)).standing for name in names] == [Standing.RESOLVED] * len(names)


async def test_what_waited_while_we_were_down_is_worked_off_before_the_auditor_looks(store: Store) -> None:
    world = await make_world(store)
    await world.fire("RegionDown", level="3")
    await world.sleep(hours=3)
    born = await make_world(store, clock=world.clock)
    auditing = asyncio.create_task(born.service.auditor.run())
    await born.clock.until_sleeping()
    auditing.cancel()
    assert len(await born.incidents()) == 1
    await born.settle()
    assert await born.service.auditor.look() == []


async def test_an_alarm_that_a_person_resolves_is_over(world: World) -> None:
    await world.post({"labels": 7})
    await world.settle()
    await world.ask(Resolve(reason="read it"))
    await world.advance(hours=1)
    assert (await world.story()).standing is Standing.CLOSED


async def test_a_missed_heartbeat_opens_an_incident_and_a_beat_ends_it(world: World) -> None:
    await world.fire("Watchdog")
    assert await world.incidents() == []
    await world.advance(minutes=15)
    (title,) = await world.incidents()
    assert title.startswith("heartbeat watchdog missed")
    await world.post(world.alert("Watchdog"))
    await world.settle()
    assert (await world.story()).standing is Standing.RESOLVED


async def test_a_heartbeat_that_never_beat_is_not_missed(world: World) -> None:
    await world.advance(days=2)
    assert await world.incidents() == []


async def test_a_beat_by_http_counts_only_where_the_policy_says_so(world: World) -> None:
    assert await world.service.heartbeats.beat("nightly")
    assert not await world.service.heartbeats.beat("watchdog")
    assert not await world.service.heartbeats.beat("unheard-of")
    await world.advance(minutes=61)
    assert (await world.incidents())[0].startswith("heartbeat nightly missed")


async def test_a_beat_that_came_while_we_were_down_is_not_held_against_the_sender(store: Store) -> None:
    world = await make_world(store)
    await world.fire("Watchdog")
    await world.sleep(hours=3)
    born = await make_world(store, clock=world.clock)
    await born.advance(minutes=14)
    assert await born.incidents() == []
    await born.advance(minutes=1)
    assert len(await born.incidents()) == 1


async def test_a_resolved_watchdog_is_no_beat(world: World) -> None:
    await world.fire("Watchdog")
    await world.advance(minutes=10)
    await world.clear("Watchdog")
    await world.advance(minutes=6)
    assert len(await world.incidents()) == 1


async def test_a_page_handed_over_late_is_an_alarm_that_the_auditor_ends(world: World) -> None:
    await world.post(world.alert("RegionDown", {"level": "3"}))
    await world.service.intake.consume()
    await world.sleep(seconds=3)
    await world.settle()
    assert "responder: page-late handover" in await world.incidents()
    await world.service.auditor.look()
    await world.settle()
    assert (await world.story("I2")).standing is Standing.RESOLVED


async def test_a_broken_invariant_stays_raised_until_a_whole_round_finds_it_whole(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.ask(Acknowledge())
    key = RecordKey(Kind.ESCALATION, "I1")
    async with world.store.unit() as unit:
        whole = (await unit.records([key]))[key]
        assert isinstance(whole, Escalation)
        await unit.put_record(replace(whole, rung=99), world.clock.now())
    kinds = {alarm.kind.value for alarm in await world.service.auditor.look()}
    assert kinds == {"invariant"}
    async with world.store.unit() as unit:
        await unit.put_record(whole, world.clock.now())
    assert [alarm.kind.value for alarm in await world.service.auditor.look()] == ["invariant"]
    assert await world.service.auditor.look() == []
