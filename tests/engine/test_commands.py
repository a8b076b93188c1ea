"""What people ask for: who may, that the same act is one act, and what the races make of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from responder.core.errors import Refused
from responder.core.identifiers import ContactName, IncidentId
from responder.core.level import Level
from responder.engine.commands import (
    NOT_RECORDED_YET,
    REPEATED,
    Acknowledge,
    Actor,
    Ask,
    Declare,
    DutySent,
    DutyWaived,
    Escalate,
    Note,
    Resolve,
    Role,
    SetLevel,
    Snooze,
    Unacknowledge,
)
from responder.ports.store import Standing, Store
from tests.engine.world import World, make_world

ASKS: list[Ask] = [
    Acknowledge(),
    Unacknowledge(),
    Resolve(),
    SetLevel(level=Level.SEVERE, reason="it grows"),
    Escalate(),
    Snooze(wanted=timedelta(minutes=5)),
    Note(text="looking"),
]


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: type(ask).__name__)
async def test_a_viewer_may_ask_for_nothing(world: World, ask: Ask) -> None:
    await world.fire("Disk")
    with pytest.raises(Refused, match="needs the role responder"):
        await world.ask(ask, role=Role.VIEWER)


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: type(ask).__name__)
async def test_an_unknown_incident_is_said_so(world: World, ask: Ask) -> None:
    with pytest.raises(Refused, match="no incident I9"):
        await world.ask(ask, incident="I9")


async def test_somebody_who_could_not_be_paged_as_the_holder_is_refused(world: World) -> None:
    await world.fire("Disk")
    with pytest.raises(Refused, match="no person"):
        await world.ask(Acknowledge(), by="stranger")
    nobody = Actor(contact=None, role=Role.ADMIN, via="token robot")
    with pytest.raises(Refused, match="belongs to none"):
        await world.service.commands.ask(nobody, IncidentId("I1"), Acknowledge())


async def test_the_same_act_on_the_same_revision_is_one_act(world: World) -> None:
    await world.fire("Disk")
    seen = (await world.story()).incident.revision
    first = await world.ask(Acknowledge(), revision=seen)
    await world.advance(minutes=5)
    again = await world.ask(Acknowledge(), revision=seen)
    assert (first.code, again.code) == ("escalation.acknowledged", REPEATED)
    lease = (await world.story()).escalation.lease
    assert lease is not None
    assert lease.until - lease.since == timedelta(hours=2)


async def test_without_a_revision_the_same_person_renews(world: World) -> None:
    await world.fire("Disk")
    await world.ask(Acknowledge())
    await world.advance(minutes=5)
    assert (await world.ask(Acknowledge())).code == "escalation.renewed"


async def test_acknowledging_what_is_resolved_is_a_note(world: World) -> None:
    await world.fire("Disk")
    await world.clear("Disk")
    reply = await world.ask(Acknowledge())
    assert reply.code == "escalation.acknowledged_late"
    assert (await world.story()).standing is Standing.RESOLVED


async def test_a_reason_is_kept_and_a_missing_one_refused(world: World) -> None:
    await world.fire("Disk")
    with pytest.raises(Refused, match="a reason for the level is needed"):
        await world.ask(SetLevel(level=Level.SEVERE, reason="  "))
    await world.ask(SetLevel(level=Level.SEVERE, reason="two zones now"))
    line = next(line for line in (await world.story()).audit if line.why == "incident.level_set")
    assert (line.actor, line.details["text"]) == ("first", "two zones now")


async def test_a_duration_must_be_longer_than_nothing(world: World) -> None:
    await world.fire("Disk")
    with pytest.raises(Refused, match="longer than nothing"):
        await world.ask(Snooze(wanted=timedelta(0)))


async def test_a_shorter_lease_is_had_and_a_longer_one_capped(world: World) -> None:
    await world.fire("Disk")
    await world.ask(Acknowledge(wanted=timedelta(minutes=30)))
    await world.advance(minutes=30)
    assert world.reasons("first")[-1] == "lease_ended"
    await world.ask(Acknowledge(wanted=timedelta(days=3)))
    lease = (await world.story()).escalation.lease
    assert lease is not None
    assert lease.until - world.clock.now() == timedelta(hours=2)


async def test_taking_it_over_tells_who_had_it(world: World) -> None:
    await world.fire("Disk")
    await world.ask(Acknowledge(), by="first")
    await world.ask(Acknowledge(), by="second")
    assert world.reasons("first")[-1] == "taken_over"
    assert (await world.story()).escalation.last_holder == "second"


async def test_undoing_an_acknowledgement_pages_at_once(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.ask(Acknowledge(), by="third")
    await world.ask(Unacknowledge(), by="third")
    assert world.reasons("third") == ["unacknowledged"]
    assert world.reasons("first")[-1] == "unacknowledged"


async def test_escalating_brings_the_next_page_step_now(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.ask(Escalate())
    assert world.reasons("second") == ["escalated"]


async def test_a_duty_ends_only_with_proof_or_a_reason(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.advance(hours=2)
    assert world.reasons("customers") == ["duty"]
    await world.ask(Acknowledge())
    await world.clear("RegionDown", level="3")
    await world.advance(minutes=30)
    assert world.reasons("customers") == ["duty", "resolved", "duty_reminder"]
    with pytest.raises(Refused, match="proof"):
        await world.ask(DutySent(duty="external_notice", proof=""))
    await world.ask(DutySent(duty="external_notice", proof="status page entry 12"))
    await world.advance(hours=1)
    assert world.reasons("customers") == ["duty", "resolved", "duty_reminder"]


async def test_a_duty_that_was_not_due_ends_with_the_incident(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.advance(hours=1)
    await world.clear("RegionDown", level="3")
    await world.advance(hours=2)
    assert world.reasons("customers") == []


async def test_a_waived_duty_names_who_waived_it_and_why(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.ask(DutyWaived(duty="external_notice", reason="no customer was touched"), by="second")
    (duty,) = (await world.story()).duties
    assert (duty.done_by, duty.proof) == ("second", "no customer was touched")
    with pytest.raises(Refused, match="no duty 'media'"):
        await world.ask(DutyWaived(duty="media", reason="x"))


async def test_a_higher_level_keeps_the_earlier_of_two_times(world: World) -> None:
    await world.fire("Trouble", level="3")
    await world.advance(minutes=10)
    await world.fire("Trouble", level="4")
    (duty,) = (await world.story()).duties
    assert duty.due_at == world.clock.now() + timedelta(minutes=30)


async def test_a_reply_that_takes_too_long_is_not_recorded_yet_and_is_done_all_the_same(world: World) -> None:
    await world.fire("Disk")
    actor = Actor(contact=ContactName("first"), role=Role.RESPONDER, via="a test")
    async with world.store.unit():  # somebody else's transaction, which takes long
        asking = asyncio.ensure_future(world.service.commands.ask(actor, IncidentId("I1"), Acknowledge()))
        await world.clock.until_sleeping()
        world.clock.advance(seconds=2)
        reply = await asking
    assert reply.code == NOT_RECORDED_YET
    await world.service.commands.settle()
    assert (await world.story()).standing is Standing.ACKNOWLEDGED


async def test_two_people_at_once_both_count_and_the_later_commit_holds(store: Store) -> None:
    world = await make_world(store)
    await world.fire("Disk")
    replies = await asyncio.gather(
        *(
            world.service.commands.ask(
                Actor(contact=ContactName(name), role=Role.RESPONDER, via="a test"),
                IncidentId("I1"),
                Acknowledge(),
            )
            for name in ("first", "second")
        )
    )
    assert sorted(reply.code for reply in replies) == ["escalation.acknowledged", "escalation.taken_over"]


async def test_declaring_needs_a_title(world: World) -> None:
    actor = Actor(contact=ContactName("first"), role=Role.RESPONDER, via="a test")
    with pytest.raises(Refused, match="title"):
        await world.service.commands.declare(actor, Declare(title=" ", level=Level.SEVERE))
