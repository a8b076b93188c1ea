"""The race table, through the whole engine: late twins, re-opening, flapping, resolving by hand, levels, joins."""

from __future__ import annotations

from datetime import timedelta

import pytest

from responder.core.identifiers import ContactName
from responder.core.level import Level
from responder.core.machines.duty import Phase as DutyPhase
from responder.core.machines.incident import Phase
from responder.engine.commands import Acknowledge, Actor, Declare, Resolve, Role, SetLevel, Snooze
from responder.ports.store import Standing, Store
from tests.engine import plan
from tests.engine.world import World, make_world


async def phase(world: World, incident: str = "I1") -> Phase:
    return (await world.story(incident)).incident.phase


async def test_a_late_twin_at_level_2_is_held_and_passes_with_its_own_resolve(world: World) -> None:
    await world.fire("Disk")
    world.clock.advance(minutes=5)
    await world.clear("Disk")
    await world.advance(seconds=5)
    await world.fire("Disk")  # the slower peer's firing
    assert await phase(world) is Phase.RESOLVED
    await world.advance(seconds=5)
    await world.clear("Disk")  # and its resolve
    await world.advance(minutes=1)
    assert await phase(world) is Phase.RESOLVED
    assert world.reasons("first").count("reopened") == 0


async def test_a_late_twin_at_level_2_that_goes_on_re_opens_after_30_seconds(world: World) -> None:
    await world.fire("Disk")
    world.clock.advance(minutes=5)
    await world.clear("Disk")
    await world.fire("Disk")
    await world.advance(seconds=29)
    assert await phase(world) is Phase.RESOLVED
    await world.advance(seconds=1)
    assert await phase(world) is Phase.OPEN
    assert world.reasons("first")[-1] == "reopened"


async def test_a_late_twin_at_level_3_re_opens_at_once_and_says_what_it_may_be(world: World) -> None:
    await world.fire("RegionDown", level="3")
    world.clock.advance(minutes=5)
    await world.clear("RegionDown", level="3")
    await world.fire("RegionDown", level="3")
    story = await world.story()
    assert (story.incident.phase, story.incident.may_be_twin) == (Phase.OPEN, True)


async def test_a_new_occurrence_within_the_window_is_the_same_incident_unacknowledged(world: World) -> None:
    await world.fire("Disk")
    await world.ask(Acknowledge(), by="first")
    await world.advance(minutes=5)
    await world.clear("Disk")
    await world.advance(minutes=10)
    await world.post(world.alert("Disk", started=world.clock.now()))
    await world.settle()
    story = await world.story()
    assert (story.standing, story.escalation.lease) == (Standing.OPEN, None)
    assert world.reasons("first")[-1] == "reopened"
    assert await world.incidents() == ["Disk"]


async def test_quiet_time_is_not_counted(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=14)
    await world.clear("RegionDown", level="3")
    await world.advance(minutes=20)
    await world.post(world.alert("RegionDown", {"level": "3"}, started=world.clock.now()))
    await world.settle()
    await world.advance(seconds=59)
    assert "step" not in world.reasons("second")
    await world.advance(seconds=1)
    assert world.reasons("second")[-1] == "step"


async def test_after_the_window_it_is_a_new_incident(world: World) -> None:
    await world.fire("Disk")
    world.clock.advance(minutes=1)
    await world.clear("Disk")
    await world.advance(hours=2)
    await world.post(world.alert("Disk", started=world.clock.now()))
    await world.settle()
    assert await world.incidents() == ["Disk", "Disk"]
    assert await phase(world, "I1") is Phase.CLOSED


async def test_a_twin_of_a_closed_incident_is_a_new_incident(world: World) -> None:
    await world.fire("Disk")
    world.clock.advance(minutes=1)
    await world.clear("Disk")
    await world.advance(hours=2)
    await world.fire("Disk")
    assert await world.incidents() == ["Disk", "Disk"]


async def test_several_re_openings_an_hour_become_one_flapping_page(world: World) -> None:
    for _ in range(5):
        await world.post(world.alert("Disk", started=world.clock.now()))
        await world.settle()
        await world.advance(minutes=2)
        await world.clear("Disk")
        await world.advance(minutes=2)
    reasons = [reason for reason in world.reasons("first") if reason in ("reopened", "flapping")]
    assert reasons == ["reopened", "reopened", "flapping"]


async def test_resolved_by_hand_while_it_fires_re_opens_after_half_an_hour(world: World) -> None:
    await world.fire("Disk")
    reply = await world.ask(Resolve(reason="looks fine"))
    assert reply.code == "incident.resolved_still_firing"
    await world.fire("Disk")  # its repeat does not re-open it
    await world.advance(minutes=29)
    assert await phase(world) is Phase.RESOLVED
    await world.advance(minutes=1)
    assert await phase(world) is Phase.OPEN


async def test_resolved_by_hand_stays_so_when_the_alerts_end(world: World) -> None:
    await world.fire("Disk")
    await world.ask(Resolve())
    await world.advance(minutes=5)
    await world.clear("Disk")
    await world.advance(minutes=40)
    assert await phase(world) is Phase.CLOSED


async def test_a_rise_ends_the_lower_lease_and_starts_the_higher_ladder(world: World) -> None:
    await world.fire("Trouble", level="2")
    await world.ask(Acknowledge(), by="second")
    await world.fire("Trouble", level="4")
    story = await world.story()
    assert (story.incident.level, story.escalation.lease) == (Level.FATAL, None)
    assert [duty.name for duty in story.duties] == ["external_notice"]
    await world.advance(minutes=15)
    assert "step" in world.reasons("second")


async def test_a_repeat_never_raises_a_level_that_a_person_has_lowered(world: World) -> None:
    await world.fire("Trouble", level="3")
    await world.ask(SetLevel(level=Level.MINOR, reason="a test cluster"))
    await world.fire("Trouble", level="3")
    assert (await world.story()).incident.level is Level.MINOR


@pytest.mark.parametrize(
    "level, holds",
    [("2", True), ("3", False)],
    ids=["at level 2 the holder is paged", "at level 3 the lease ends"],
)
async def test_an_alert_that_joins_reaches_whoever_holds_it(world: World, level: str, holds: bool) -> None:
    await world.fire("Trouble", level=level, node="n1")
    await world.ask(Acknowledge(), by="third")
    await world.fire("Trouble", level=level, node="n2")
    assert world.reasons("third") == ["joined"]
    assert ((await world.story()).escalation.lease is not None) is holds


async def test_a_snooze_holds_the_ladder_and_its_end_pages_who_asked(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.ask(Snooze(wanted=timedelta(minutes=30)), by="third")
    await world.advance(minutes=29)
    assert world.reasons("second") == []
    assert (await world.story()).standing is Standing.SNOOZED
    await world.advance(minutes=1)
    assert world.reasons("third") == ["snooze_ended"]


async def test_what_people_declare_climbs_like_any_other(world: World) -> None:
    actor = Actor(contact=ContactName("first"), role=Role.RESPONDER, via="a test")
    reply = await world.service.commands.declare(actor, Declare(title="the cloud is gone", level=Level.FATAL))
    await world.settle()
    assert reply.incident == "I1"
    await world.advance(minutes=15)
    assert world.reasons("second") == ["step"]
    await world.ask(Resolve(reason="it is back"))
    assert await phase(world) is Phase.RESOLVED


async def test_rungs_that_came_due_while_we_were_down_come_five_minutes_apart(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.sleep(hours=1)
    await world.settle()
    assert (world.reasons("second"), world.reasons("third")) == (["step"], [])
    await world.advance(minutes=5)
    assert world.reasons("third") == ["step"]


async def test_the_last_page_repeats_every_half_hour_until_somebody_answers(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.advance(hours=2)
    assert world.reasons("third") == ["step", "repeat", "repeat", "repeat"]


async def test_level_1_without_a_remediation_reaches_people_at_once(world: World) -> None:
    await world.fire("Pod", level="1")
    assert world.reasons("first") == ["early"]
    await world.advance(minutes=15)
    assert "not_recovered" in [delivery.message.reason for delivery in world.handed("board")]


async def test_a_channel_that_showed_it_at_another_level_is_told_the_end(store: Store) -> None:
    documents = plan.plan()
    documents["levels"]["levels"][4]["channels"] = ["to-customers"]
    world = await make_world(store, book=plan.book(documents))
    await world.fire("Trouble", level="2")
    await world.ask(SetLevel(level=Level.FATAL, reason="it grows"))
    await world.ask(Resolve())
    for channel in ("board", "to-customers"):
        notices = [d.message.reason for d in world.handed(channel) if d.message.purpose == "notice"]
        assert notices[-1] == "resolved", channel


async def test_a_level_that_is_set_after_the_end_leaves_no_duty_owed(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.ask(Resolve())
    for level in (Level.MODERATE, Level.FATAL):
        await world.ask(SetLevel(level=level, reason="for the record"))
    assert [duty.phase for duty in (await world.story()).duties] == [DutyPhase.ENDED]


async def test_a_duty_that_a_fall_ended_is_owed_anew_from_when_its_level_is_reached_again(
    world: World,
) -> None:
    await world.fire("Trouble", level="4")
    await world.ask(SetLevel(level=Level.MODERATE, reason="one node only"))
    await world.advance(minutes=5)
    await world.clear("Trouble", level="4")
    await world.advance(minutes=5)
    again = world.clock.now()
    await world.post(world.alert("Trouble", {"level": "4"}, started=again))
    await world.settle()
    (duty,) = (await world.story()).duties
    assert (duty.phase, duty.due_at) == (DutyPhase.OWED, again + timedelta(minutes=30))


async def test_the_window_in_which_it_re_opens_is_that_of_the_level_it_has(world: World) -> None:
    """15 minutes at level 2, 30 at level 3."""
    await world.fire("RegionDown", level="2")
    await world.ask(SetLevel(level=Level.SEVERE, reason="all zones"))
    await world.clear("RegionDown", level="2")
    await world.advance(minutes=20)
    assert (await world.story()).standing is Standing.RESOLVED
    await world.ask(SetLevel(level=Level.MODERATE, reason="one zone"))
    await world.settle()
    assert (await world.story()).standing is Standing.CLOSED
