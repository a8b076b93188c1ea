"""What people ask for: who may, that the same act is one act, and what the races make of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from responder.core.errors import Forbidden, Refused
from responder.core.identifiers import ContactName, IncidentId
from responder.core.level import Level
from responder.core.policy.book import PolicyBook
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
from responder.ports.store import Asked, Reader, Standing, Store, Unit
from tests.engine import plan
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

FIRST = Actor(contact=ContactName("first"), role=Role.RESPONDER, via="a test")
KIM = Actor(contact=None, role=Role.RESPONDER, via="slack", stranger="kim (U024BE7LH)")


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


# Replays


class BlindUnit:
    """A unit that does not see which keys are taken until it takes one itself."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit, name)

    async def asked(self, once: str) -> Asked | None:
        return None


class RacingStore:
    """As a database with many writers has it: none sees another's key before its own is refused."""

    is_exclusive = False

    def __init__(self, real: Store) -> None:
        self._real = real

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        async with self._real.unit() as unit:
            yield cast(Unit, BlindUnit(unit))

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        return self._real.reading()

    async def hear(self, ring: Callable[[str], None]) -> None:
        await self._real.hear(ring)

    async def close(self) -> None:
        await self._real.close()


async def test_a_replay_under_the_same_key_is_one_act_whatever_it_then_says(world: World) -> None:
    await world.fire("Disk")
    first = await world.ask(Acknowledge(), once="slack:1")
    await world.ask(Unacknowledge(), by="second")
    again = [
        await world.ask(Acknowledge(), once="slack:1"),
        await world.ask(Resolve(), by="third", once="slack:1"),
    ]
    assert first.code == "escalation.acknowledged"
    assert [(reply.code, reply.incident) for reply in again] == [(REPEATED, "I1")] * 2
    assert (await world.story()).standing is Standing.OPEN


async def test_a_replay_is_known_after_a_restart(world: World, store: Store) -> None:
    await world.fire("Disk")
    await world.ask(Acknowledge(), once="slack:1")
    after = await make_world(store, clock=world.clock)
    assert (await after.ask(Acknowledge(), once="slack:1")).code == REPEATED


async def test_two_replays_at_once_are_one_act(world: World) -> None:
    await world.fire("Disk")
    asking = [world.service.commands.ask(FIRST, IncidentId("I1"), Acknowledge(), once="k") for _ in range(3)]
    replies = await asyncio.gather(*asking)
    assert sorted(reply.code for reply in replies) == [REPEATED, REPEATED, "escalation.acknowledged"]


async def test_declaring_again_under_the_same_key_opens_nothing_more(world: World) -> None:
    ask = Declare(title="The region is dark", level=Level.SEVERE)
    replies = await asyncio.gather(*(world.service.commands.declare(FIRST, ask, once="k") for _ in range(3)))
    assert sorted(reply.code for reply in replies) == [REPEATED, REPEATED, "incident.declared"]
    assert {reply.incident for reply in replies} == {"I1"}
    assert len(await world.incidents()) == 1


async def test_a_replay_that_two_transactions_race_for_is_one_act(store: Store) -> None:
    world = await make_world(RacingStore(store))
    await world.fire("Disk")
    first = await world.ask(Acknowledge(), once="k")
    second = await world.ask(Resolve(), once="k")
    assert (first.code, second.code, second.incident) == ("escalation.acknowledged", REPEATED, "I1")
    assert (await world.story()).standing is Standing.ACKNOWLEDGED
    await world.service.commands.declare(FIRST, Declare(title="x", level=Level.MINOR), once="d")
    again = await world.service.commands.declare(FIRST, Declare(title="x", level=Level.MINOR), once="d")
    assert (again.code, again.incident, len(await world.incidents())) == (REPEATED, "I2", 2)


async def test_what_was_refused_may_be_asked_again_under_its_key(world: World) -> None:
    await world.fire("Disk")
    with pytest.raises(Refused, match="longer than nothing"):
        await world.ask(Snooze(wanted=timedelta(0)), once="k")
    assert (await world.ask(Snooze(wanted=timedelta(minutes=5)), once="k")).code == "escalation.snoozed"


async def test_a_key_goes_with_its_incident(world: World) -> None:
    await world.fire("Disk")
    await world.ask(Acknowledge(), once="k")
    await world.clear("Disk")
    await world.advance(days=402)
    await world.service.retention.delete_old()
    async with world.store.reading() as reader:
        assert await reader.asked("k") is None


# Strangers


def with_strangers(acknowledge_for: str | None, **contacts: Any) -> PolicyBook:
    documents = plan.plan()
    documents["contacts"]["strangers"] = {"acknowledge_for": acknowledge_for}
    documents["contacts"]["contacts"] |= contacts
    documents["channels"]["channels"]["plain"] = {"console": {}}
    return plan.book(documents)


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: type(ask).__name__)
async def test_a_stranger_is_refused_and_told_how_to_become_a_contact(world: World, ask: Ask) -> None:
    await world.fire("Disk")
    with pytest.raises(
        Forbidden, match=r"kim \(U024BE7LH\) is none; add \{slack: U024BE7LH\} to the methods"
    ):
        await world.service.commands.ask(KIM, IncidentId("I1"), ask)
    with pytest.raises(Forbidden):
        await world.service.commands.declare(KIM, Declare(title="x", level=Level.MINOR))


async def test_in_an_emergency_a_stranger_acknowledges_for_whoever_is_on_shift(store: Store) -> None:
    world = await make_world(store, book=with_strangers("on-call"))
    await world.fire("RegionDown", level="3")
    with capture_logs() as logs:
        reply = await world.service.commands.ask(KIM, IncidentId("I1"), Acknowledge())
    await world.settle()
    assert reply.code == "escalation.acknowledged_by_stranger"
    assert reply.details["by"] == "first"
    assert reply.details["stranger"] == KIM.stranger
    assert world.reasons("first")[-1] == "stranger"
    line = (await world.story()).audit[-1]
    assert (await world.story()).escalation.last_holder == "first"
    assert KIM.stranger in {line.actor for line in (await world.story()).audit}, line
    assert {
        "log_level": "warning",
        "event": "a stranger's command",
        "stranger": KIM.stranger,
    }.items() <= next(line for line in logs if line["event"] == "a stranger's command").items()
    counted = world.service.points.metrics.commands.labels("ack", reply.code)
    assert next(sample.value for metric in counted.collect() for sample in metric.samples) == 1


@pytest.mark.parametrize("ask", [ask for ask in ASKS if not isinstance(ask, Acknowledge)], ids=repr)
async def test_in_an_emergency_a_stranger_may_acknowledge_and_nothing_else(store: Store, ask: Ask) -> None:
    world = await make_world(store, book=with_strangers("on-call"))
    await world.fire("Disk")
    with pytest.raises(Forbidden, match="is for contacts"):
        await world.service.commands.ask(KIM, IncidentId("I1"), ask)


# Who is who


@pytest.mark.parametrize(
    "address, found, all_of_them",
    [
        pytest.param("U1", "ana", ["ana"], id="by the address on a channel"),
        pytest.param("U2", "bo", ["bo"], id="from the environment"),
        pytest.param("U3", None, ["bo", "cy"], id="of two persons: of neither"),
        pytest.param("U9", None, [], id="of nobody"),
        pytest.param("", None, [], id="no address at all"),
        pytest.param("U4", None, [], id="on a channel of another kind"),
        pytest.param("to-first", None, [], id="a channel's name is no address"),
    ],
)
async def test_a_person_is_known_by_an_address(store: Store, address, found, all_of_them) -> None:
    book = with_strangers(
        None,
        ana={"name": "Ana", "methods": [{"fake": "board", "to": "U1"}, {"console": "plain", "to": "U4"}]},
        bo={
            "name": "Bo",
            "methods": [{"fake": "board", "to": {"from_env": "BO"}}, {"fake": "to-first", "to": "U3"}],
        },
        cy={"name": "Cy", "methods": [{"fake": "board", "to": "U3"}, {"fake": "to-first"}]},
        dee={"name": "Dee", "methods": [{"fake": "board", "to": {"from_env": "UNSET"}}]},
    )
    world = await make_world(store, book=book, environ={"BO": "U2"})
    assert world.service.directory.contact_at("fake", address) == found
    assert world.service.directory.contacts_at("fake", address) == all_of_them
