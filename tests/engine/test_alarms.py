"""What we raise about ourselves: the auditor's looks, heartbeats, and that an alarm pages like anything else."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace

from responder.adapters.no_faults import NoFaults
from responder.adapters.storage.sqlite import SqliteStore
from responder.core.identifiers import Kind, RecordKey
from responder.core.machines.escalation import Escalation
from responder.core.machines.page import Page, Phase
from responder.engine.commands import Acknowledge, Resolve
from responder.ports.store import Standing, Store, key_of
from tests.engine.world import World, make_world
from tests.fakes.channel import Accepts, FailsForNow, Hangs


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


async def tear(world: World) -> Escalation:
    """Break an invariant of I1; its escalation as it was."""
    key = RecordKey(Kind.ESCALATION, "I1")
    async with world.store.unit() as unit:
        whole = (await unit.records([key]))[key]
        assert isinstance(whole, Escalation)
        await unit.put_record(replace(whole, rung=99), world.clock.now())
    return whole


async def raised(world: World) -> str:
    """What the alarm about late pages told when it was raised; empty where there is none."""
    titles = await world.incidents()
    if "responder: page-late handover" not in titles:
        return ""
    story = await world.story(f"I{titles.index('responder: page-late handover') + 1}")
    return " ".join(one.annotations.get("description", "") for one in story.alerts)


async def test_a_rung_that_was_due_while_we_were_down_is_an_alarm(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.sleep(minutes=20)
    await world.settle()
    assert world.reasons("second") == ["step"]
    assert "300.0 s late: it waited for its turn" in await raised(world)


async def test_a_rung_that_is_due_in_time_is_none(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=20)
    assert world.reasons("second") == ["step"]
    assert await raised(world) == ""


async def test_an_alert_that_waited_in_the_journal_is_an_alarm(world: World) -> None:
    await world.post(world.alert("RegionDown", {"level": "3"}))
    await world.sleep(seconds=3)
    await world.settle()
    assert "3.0 s late: its alert waited in the journal" in await raised(world)


async def test_the_longest_wait_of_bodies_that_are_read_together_counts(world: World) -> None:
    for name in ("RegionDown", "CoreDown"):
        await world.post(world.alert(name, {"level": "3"}))
        await world.sleep(seconds=1)
    await world.settle()
    assert "2.0 s late: its alert waited in the journal" in await raised(world)


async def test_a_channel_that_takes_its_time_is_asked_in_time(world: World) -> None:
    world.channels["to-first"].always(Hangs())
    await world.post(world.alert("RegionDown", {"level": "3"}))
    await world.service.intake.consume()
    await world.service.outbox.claim()
    await world.channels["to-first"].until_handed()
    await world.sleep(seconds=3)
    world.channels["to-first"].release()
    await world.settle()
    assert len(world.channels["to-first"].accepted) == 1
    assert await raised(world) == ""


async def test_many_late_pages_of_one_batch_are_one_alarm(world: World) -> None:
    for name in ("RegionDown", "CloudDown", "CoreDown"):
        await world.post(world.alert(name, {"level": "3"}))
    await world.sleep(seconds=3)
    await world.settle()
    assert (await world.incidents()).count("responder: page-late handover") == 1


async def test_what_pages_nobody_is_never_late(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.ask(Acknowledge())
    await world.clear("RegionDown")
    await world.sleep(minutes=20)
    await world.settle()
    assert await raised(world) == ""


async def test_the_time_that_a_message_takes_to_be_written_counts(store: Store) -> None:
    class SlowWords(NoFaults):
        def __init__(self) -> None:
            self.slow = {"read.message"}

        async def before(self, point: str) -> None:
            if point in self.slow:
                self.slow.remove(point)  # once, whoever asks first: both messages are on their way
                world.clock.advance(seconds=2)

    world = await make_world(store, faults=SlowWords())
    await world.fire("RegionDown", level="3")
    assert "2.0 s late: its call waited" in await raised(world)


async def test_a_record_that_cannot_be_read_is_an_alarm_and_hides_no_other(store: SqliteStore) -> None:
    world = await make_world(store)
    await world.fire("RegionDown", level="3")
    await world.fire("CloudDown", level="3")
    await tear(world)
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("UPDATE records SET body = '{}' WHERE id = 'I2' AND kind = 'escalation'")
        other.commit()
    found = {(alarm.kind.value, alarm.subject): alarm.detail for alarm in await world.service.auditor.look()}
    assert set(found) == {("invariant", "escalation/I1"), ("invariant", "I2")}
    assert "cannot be read" in found["invariant", "I2"]


async def test_a_page_that_cannot_be_read_hides_no_other_that_is_owed(store: SqliteStore) -> None:
    world = await make_world(store)
    world.channels["to-first"].always(FailsForNow())
    await world.fire("RegionDown", level="3")
    await world.advance(seconds=40)
    await world.fire("CloudDown", level="3")
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("UPDATE records SET body = '{}' WHERE id = 'I2-p1'")
        other.commit()
    found = {(alarm.kind.value, alarm.subject) for alarm in await world.service.auditor.look()}
    assert {("page-late", "first"), ("invariant", "I2")} <= found


async def test_a_broken_invariant_stays_raised_until_a_whole_round_finds_it_whole(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.ask(Acknowledge())
    whole = await tear(world)
    kinds = {alarm.kind.value for alarm in await world.service.auditor.look()}
    assert kinds == {"invariant"}
    async with world.store.unit() as unit:
        await unit.records([key_of(whole)])
        await unit.put_record(whole, world.clock.now())
    assert [alarm.kind.value for alarm in await world.service.auditor.look()] == ["invariant"]
    assert await world.service.auditor.look() == []
