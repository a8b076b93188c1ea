"""What becomes of a page when channels fail, hang, or the process dies in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from responder.core.decision import DueKind
from responder.core.delivery import Outcome
from responder.engine.commands import Acknowledge
from responder.engine.outbox import FEW, PLACES
from responder.engine.timers import BATCH as TIMERS
from responder.ports.store import Standing, Store
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.channel import Accepts, Breaks, FailsForGood, FailsForNow, Hangs
from tests.fakes.clock import let_others_run
from tests.fakes.store import MemoryStore


def two_methods() -> dict[str, Any]:
    documents = plan.plan()
    methods = [{"fake": "to-first"}, {"fake": "to-second"}]
    documents["contacts"]["contacts"]["first"]["methods"] = methods
    return documents


async def outcomes(world: World, incident: str = "I1") -> list[tuple[str, str]]:
    pages = (await world.story(incident)).pages
    return [
        (a.channel, a.outcome.value if a.outcome else "in flight") for page in pages for a in page.attempts
    ]


async def test_a_failure_for_now_goes_to_the_next_method_at_once(store: Store) -> None:
    world = await make_world(store, book=plan.book(two_methods()))
    world.channels["to-first"].script(FailsForNow())
    await world.fire("Disk")
    assert await outcomes(world) == [("to-first", "transient"), ("to-second", "accepted")]


async def test_a_single_method_that_fails_for_now_is_tried_until_it_accepts(world: World) -> None:
    world.channels["to-first"].always(FailsForNow())
    await world.fire("Disk")
    await world.advance(minutes=2)
    assert {outcome for _, outcome in await outcomes(world)} == {"transient"}
    before = len(world.handed("to-first"))
    assert 4 <= before <= 8  # 5 s, 10 s, 20 s, 40 s, then each minute
    world.channels["to-first"].always(Accepts())
    await world.advance(minutes=1, seconds=1)
    assert (await outcomes(world))[-1] == ("to-first", "accepted")


async def test_a_refusal_for_good_climbs_at_once_and_raises_alarms(world: World) -> None:
    world.channels["to-first"].always(FailsForGood())
    await world.fire("RegionDown", level="3")
    assert world.reasons("second") == ["early"]
    titles = await world.incidents()
    assert "responder: channel to-first" in titles
    assert "responder: contact first" in titles


async def test_the_step_that_moved_early_is_not_repeated_at_its_own_time(world: World) -> None:
    world.channels["to-first"].always(FailsForGood())
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=16)
    assert world.reasons("second") == ["early"]
    await world.advance(minutes=15)
    assert world.reasons("third") == ["step"]


async def test_an_alarm_about_a_channel_avoids_that_channel(store: Store) -> None:
    world = await make_world(store, book=plan.book(two_methods()))
    world.channels["to-first"].always(FailsForGood())
    await world.fire("Disk")
    story = await world.story("I2")
    assert story.incident.title == "responder: channel to-first"
    assert {attempt.channel for page in story.pages for attempt in page.attempts} == {"to-second"}


async def test_a_channel_that_works_again_ends_its_alarm(world: World) -> None:
    world.channels["board"].script(FailsForGood())
    await world.fire("A")
    assert "responder: channel board" in await world.incidents()
    await world.fire("B")
    alarm = await world.story("I2")
    assert alarm.standing is Standing.RESOLVED


async def test_a_hanging_channel_is_given_up_at_the_deadline(world: World) -> None:
    world.channels["to-first"].script(Hangs())
    await world.post(world.alert("Disk"))
    await world.service.intake.consume()
    await world.service.outbox.claim()
    await world.channels["to-first"].until_handed(1)
    world.clock.advance(seconds=11)
    await world.settle()
    assert await outcomes(world) == [("to-first", "unknown")]
    await world.advance(seconds=6)
    assert (await outcomes(world))[-1] == ("to-first", "accepted")
    assert world.handed("to-first")[-1].message.is_repeat


async def test_a_page_never_waits_behind_another_call_that_hangs(world: World) -> None:
    world.channels["to-first"].always(Hangs())
    await world.post(world.alert("Slow"))
    await world.service.intake.consume()
    await world.service.outbox.claim()
    await world.channels["to-first"].until_handed(1)
    world.channels["to-first"].always(Accepts())
    await world.post(world.alert("Urgent", {"level": "4"}))
    await world.service.intake.consume()
    await world.service.outbox.claim()
    await world.channels["to-first"].until_handed(2)
    assert [d.message.incident for d in world.channels["to-first"].accepted] == ["I2"]
    world.channels["to-first"].release()
    await world.service.outbox.settle()


async def claim_and_die(world: World) -> None:
    """What a crash leaves: the attempt is committed, the call was made, its result is never written."""
    world.channels["to-first"].always(Hangs())
    await world.service.outbox.claim()
    await world.channels["to-first"].until_handed(1)


async def test_a_send_without_a_result_is_unknown_and_goes_by_another_method(store: Store) -> None:
    book = plan.book(two_methods())
    dead = await make_world(store, book=book)
    await dead.post(dead.alert("Disk"))
    await dead.service.intake.consume()
    await claim_and_die(dead)

    born = await make_world(store, book=book, clock=dead.clock)
    await born.settle()
    assert born.handed("to-second") == []  # the lease is still running
    dead.channels["to-first"].release()  # it had arrived; nobody lives to write that down in time
    born.clock.advance(seconds=30)
    await born.settle()
    (delivery,) = born.handed("to-second")
    assert delivery.message.is_repeat
    assert await outcomes(born) == [("to-first", "unknown"), ("to-second", "accepted")]
    assert "page.unknown" in await born.whys()
    await dead.service.outbox.settle()
    late = (await born.story()).pages[0].attempts[0]
    assert (late.late, late.outcome) == (True, Outcome.ACCEPTED)


async def test_what_was_claimed_before_the_acknowledgement_is_told_and_not_sent_again(store: Store) -> None:
    dead = await make_world(store)
    await dead.post(dead.alert("Disk"))
    await dead.service.intake.consume()
    await claim_and_die(dead)
    born = await make_world(store, clock=dead.clock)
    await born.ask(Acknowledge(), by="second")
    born.clock.advance(seconds=31)
    await born.settle()
    assert born.handed("to-first") == []
    assert "page.unknown_withdrawn" in await born.whys()
    dead.channels["to-first"].release()
    await dead.service.outbox.settle()


async def test_no_page_that_was_not_claimed_goes_out_after_an_acknowledgement(world: World) -> None:
    await world.post(world.alert("Disk"))
    await world.service.intake.consume()
    await world.ask(Acknowledge(), by="second")
    assert world.reasons("first") == []
    assert "page.withdrawn" in await world.whys()


async def test_a_fault_of_ours_in_a_channel_does_not_lose_the_page(world: World) -> None:
    world.channels["to-first"].script(Breaks())
    await world.fire("Disk")
    await world.advance(seconds=6)
    assert await outcomes(world) == [("to-first", "transient"), ("to-first", "accepted")]


async def test_a_method_that_left_the_policies_is_no_way_any_more(world: World) -> None:
    world.channels["to-first"].script(FailsForNow())
    await world.fire("Disk")
    documents = plan.plan()
    documents["contacts"]["contacts"]["first"]["methods"] = [{"fake": "to-third"}]
    world.shelf.book = plan.book(documents)
    assert (await world.service.reload.reload()).faults == ()
    await world.advance(seconds=6)
    assert (await outcomes(world))[:2] == [("to-first", "transient"), ("to-first", "permanent")]
    assert world.reasons("second") == ["early"]


async def test_nobody_on_shift_moves_the_ladder_and_raises_an_alarm(store: Store) -> None:
    documents = plan.plan()
    documents["contacts"]["contacts"]["first"]["methods"] = []
    world = await make_world(store, book=plan.book(documents))
    await world.fire("RegionDown", level="3")
    assert world.reasons("second") == ["early"]
    assert "responder: contact first" in await world.incidents()


async def test_notices_that_queue_up_behind_a_slow_call_become_one(world: World) -> None:
    world.channels["board"].script(Hangs())
    await world.post(world.alert("Disk", {"node": "n1"}))
    await world.service.intake.consume()
    await world.service.outbox.claim()
    await world.channels["board"].until_handed(1)
    for node in ("n2", "n3", "n4"):
        await world.post(world.alert("Disk", {"node": node}))
        await world.service.intake.consume()
    world.channels["board"].release()
    await world.settle()
    await world.advance(seconds=1)
    assert [delivery.message.reason for delivery in world.handed("board")] == ["opened", "joined"]


@pytest.mark.parametrize("person", ["first", "second"])
async def test_everybody_who_was_paged_is_told_the_end(world: World, person: str) -> None:
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=15)
    await world.clear("RegionDown", level="3")
    assert world.reasons(person)[-1] == "resolved"
    assert world.reasons("third") == []


async def test_a_stop_in_the_middle_of_a_claim_still_makes_its_calls() -> None:
    world = await make_world(MemoryStore())  # whose every step takes a turn of the loop, and no thread
    await world.post(world.alert("Disk"))
    await world.service.intake.consume()
    running = asyncio.create_task(world.service.outbox.run_pages())
    async with world.store.unit():  # the claim waits for its turn
        await let_others_run(50)
        running.cancel()
        await asyncio.wait({running})
    await world.service.outbox.settle()
    assert world.reasons("first") == ["step"]
    assert await outcomes(world) == [("to-first", "accepted")]


async def test_while_very_many_timers_are_due_a_few_pages_go_out_at_a_time(world: World) -> None:
    severe = {"level": "3"}  # which no storm holds up
    await world.post(*(world.alert(f"Disk{number}", severe) for number in range(FEW + 1)))
    await world.service.intake.consume()
    await world.service.timers.fire_due()
    outbox, bells = world.service.outbox, world.service.points.bells
    bells.timers_are_behind = True
    await outbox.claim()
    await outbox.settle()
    assert len(world.handed("to-first")) == FEW
    bells.timers_are_behind = False
    await outbox.claim()
    await outbox.settle()
    assert len(world.handed("to-first")) == FEW + 1


async def test_who_waits_for_a_place_is_sent_when_one_is_free() -> None:
    world = await make_world(MemoryStore())
    count = PLACES[DueKind.SEND]
    world.channels["to-first"].always(Hangs())
    await world.post(*(world.alert(f"Disk{number}", {"level": "3"}) for number in range(count + 1)))
    await world.service.intake.consume()
    running = asyncio.create_task(world.service.outbox.run_pages())
    assert len(await world.channels["to-first"].until_handed(count)) == count
    await world.clock.until_sleeping()
    await let_others_run(50)
    world.channels["to-first"].release()  # and no time passes
    assert len(await world.channels["to-first"].until_handed(count + 1)) == count + 1
    running.cancel()
    await asyncio.wait({running})
    await world.service.outbox.settle()


async def test_timers_are_behind_as_long_as_each_batch_is_full(world: World) -> None:
    severe = {"level": "3"}
    await world.post(*(world.alert(f"Disk{number}", severe) for number in range(TIMERS + 1)))
    await world.service.intake.consume()
    world.clock.advance(hours=1)
    bells, behind = world.service.points.bells, []
    while await world.service.timers.fire_due():
        behind.append(bells.timers_are_behind)
    assert behind == [True, False]
