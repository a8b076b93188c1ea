"""No channel takes anything: nobody is passed over, nothing is forgotten, and what is owed goes out when one does."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from responder.core.delivery import Outcome
from responder.core.identifiers import ChannelName
from responder.engine.commands import Acknowledge, Resolve
from responder.ports.store import Standing, Store
from tests.engine import plan
from tests.engine.test_replicas import OTHER, Contended
from tests.engine.world import World, make_world
from tests.fakes.channel import Accepts, FailsForGood, FailsForNow, Scripted

ISOLATED = "responder: isolated channels"
BOARD = ChannelName("board")


def every(world: World, outcome: Scripted) -> None:
    for channel in world.channels.values():
        channel.always(outcome)


async def whom(world: World, incident: str = "I1") -> list[tuple[str, str]]:
    """Who was asked to be paged, in order, and what has become of it."""
    return [(page.contact, page.phase.value) for page in (await world.story(incident)).pages]


async def standing(world: World, title: str) -> Standing | None:
    for number, found in enumerate(await world.incidents(), 1):
        if found == title:
            return (await world.story(f"I{number}")).standing
    return None


def taken(world: World, person: str, incident: str) -> list[str]:
    """Why `person` was reached about `incident`, each time."""
    messages = [delivery.message for delivery in world.channels[f"to-{person}"].accepted]
    return [message.reason for message in messages if message.incident == incident]


async def number_of(world: World, title: str) -> str:
    return f"I{(await world.incidents()).index(title) + 1}"


async def look(world: World) -> None:
    await world.service.auditor.look()
    await world.settle()


async def test_where_every_channel_refuses_for_good_the_ladder_waits_for_its_own_times(world: World) -> None:
    every(world, FailsForGood())
    await world.fire("RegionDown", level="3")
    assert world.service.reach.is_isolated
    await world.advance(minutes=14)
    assert await whom(world) == [("first", "owed")]
    await world.advance(minutes=2)
    assert [name for name, _ in await whom(world)] == ["first", "second"]


async def test_what_is_owed_goes_out_when_a_channel_takes_something_again(world: World) -> None:
    every(world, FailsForGood())
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=5)
    every(world, Accepts())
    await world.advance(minutes=1, seconds=1)
    assert await whom(world) == [("first", "accepted")]
    assert not world.service.reach.is_isolated
    await world.advance(minutes=10)
    assert world.reasons("second") == ["step"]


# The minute after something was taken


@pytest.fixture
async def just_fine(world: World) -> World:
    """All channels of level 3 have taken something about I1, which somebody has; a second later all refuse."""
    await world.fire("RegionDown", level="3")
    await world.ask(Acknowledge(), incident="I1")
    assert await whom(world) == [("first", "accepted")]
    every(world, FailsForGood())
    await world.advance(seconds=1)
    return world


async def test_it_is_isolated_only_after_a_minute_in_which_nothing_was_taken(just_fine: World) -> None:
    await just_fine.fire("AnotherRegionDown", level="3")
    assert not just_fine.service.reach.is_isolated
    await just_fine.advance(seconds=57)
    assert not just_fine.service.reach.is_isolated
    await just_fine.advance(seconds=2)
    assert just_fine.service.reach.is_isolated


async def test_a_page_that_is_refused_within_that_minute_is_lost_to_nobody(just_fine: World) -> None:
    await just_fine.fire("AnotherRegionDown", level="3")
    other = await number_of(just_fine, "AnotherRegionDown")
    await just_fine.advance(seconds=30)
    assert await whom(just_fine, other) == [("first", "owed")]
    await just_fine.advance(minutes=5)
    assert await whom(just_fine, other) == [("first", "owed")]
    every(just_fine, Accepts())
    await just_fine.advance(minutes=1, seconds=1)
    assert await whom(just_fine, other) == [("first", "accepted")]
    assert taken(just_fine, "second", other) == []


async def test_a_person_whom_every_method_refuses_is_passed_over_as_soon_as_another_is_reached(
    just_fine: World,
) -> None:
    just_fine.channels["board"].always(Accepts())
    await just_fine.fire("AnotherRegionDown", level="3")
    await just_fine.advance(seconds=10)
    other = await number_of(just_fine, "AnotherRegionDown")
    assert [name for name, _ in await whom(just_fine, other)] == ["first", "second"]


async def test_calls_under_way_leave_a_refusal_open_unless_something_was_taken_since_it_was_asked_for(
    world: World,
) -> None:
    reach, clock = world.service.reach, world.clock
    reach.heard(BOARD, BOARD, Outcome.ACCEPTED)
    clock.advance(seconds=1)
    with reach.calling():
        asked_at = clock.now()
        reach.heard(ChannelName("to-first"), "first", Outcome.PERMANENT)
        assert reach.may_be_isolated(asked_at)
        reach.heard(BOARD, BOARD, Outcome.ACCEPTED)
        assert not reach.may_be_isolated(asked_at)
        clock.advance(seconds=1)
        assert reach.may_be_isolated(clock.now())
    assert not reach.may_be_isolated(clock.now())


async def test_a_page_that_every_method_refuses_is_tried_again_from_the_first_and_says_so(
    store: Store,
) -> None:
    document = plan.plan()
    methods = [{"fake": "to-first"}, {"fake": "to-second"}]
    document["contacts"]["contacts"]["first"]["methods"] = methods
    world = await make_world(store, book=plan.book(document))
    every(world, FailsForGood())
    await world.fire("RegionDown", level="3")
    await world.advance(seconds=50)
    (page, *_) = (await world.story()).pages
    assert {attempt.channel for attempt in page.attempts[2:]} == {"to-first", "to-second"}
    whys = await world.whys()
    assert "page.held_isolated" in whys
    assert "page.failed" not in whys


async def test_a_single_person_whom_nothing_reaches_is_not_isolation(store: Store) -> None:
    document = plan.plan()
    methods = [{"fake": "to-first"}, {"fake": "to-customers"}]
    document["contacts"]["contacts"]["first"]["methods"] = methods
    world = await make_world(store, book=plan.book(document))
    for name in ("to-first", "to-customers"):
        world.channels[name].always(FailsForGood())
    await world.fire("RegionDown", level="3")
    assert not world.service.reach.is_isolated
    assert world.reasons("second") == ["early"]


async def test_a_channel_that_fails_while_another_takes_everything_is_not_isolation(world: World) -> None:
    world.channels["to-first"].always(FailsForNow())
    world.channels["to-second"].always(FailsForNow())
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=16)
    assert not world.service.reach.is_isolated


async def test_what_prints_reaches_nobody_and_proves_nothing(store: Store) -> None:
    document = plan.plan()
    document["channels"]["channels"]["paper"] = {"console": {}}
    document["levels"]["levels"][3]["channels"] = ["board", "paper"]
    world = await make_world(store, book=plan.book(document))
    every(world, FailsForNow())
    world.channels["paper"].kind = "console"
    world.channels["paper"].always(Accepts())
    await world.fire("RegionDown", level="3")
    assert world.channels["paper"].accepted
    assert world.service.reach.is_isolated


async def test_isolation_is_an_alarm_that_stands_and_ends(world: World) -> None:
    every(world, FailsForNow())
    await world.fire("RegionDown", level="3")
    await look(world)
    assert await standing(world, ISOLATED) is Standing.OPEN
    await look(world)
    assert (await world.incidents()).count(ISOLATED) == 1
    every(world, Accepts())
    await world.advance(minutes=1, seconds=1)
    await look(world)
    assert await standing(world, ISOLATED) is Standing.RESOLVED


async def test_isolation_is_logged_as_an_alarm_once(world: World) -> None:
    every(world, FailsForNow())
    await world.fire("RegionDown", level="3")
    with capture_logs() as lines:
        for _ in range(3):
            await look(world)
            await world.advance(seconds=10)
    told = [line for line in lines if line["event"] == "alarm" and line["kind"] == "isolated"]
    assert len(told) == 1


async def test_isolation_is_one_alarm_and_not_one_for_everybody_who_is_owed_a_page(world: World) -> None:
    every(world, FailsForNow())
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=2)
    await look(world)
    titles = await world.incidents()
    assert ISOLATED in titles
    assert [title for title in titles if "page-late" in title] == []


async def test_a_page_that_was_late_before_stays_an_alarm_while_isolated(world: World) -> None:
    world.channels["to-first"].always(FailsForNow())
    await world.fire("RegionDown", level="3")
    await world.advance(seconds=40)
    await look(world)
    every(world, FailsForNow())
    await world.fire("AnotherRegionDown", level="3")
    await world.advance(minutes=2)
    assert world.service.reach.is_isolated
    await look(world)
    assert await standing(world, "responder: page-late first") is Standing.OPEN


async def test_isolation_that_a_person_resolves_while_it_goes_on_is_raised_again(world: World) -> None:
    every(world, FailsForNow())
    await world.fire("RegionDown", level="3")
    await look(world)
    await world.ask(Resolve(reason="looked at it"), incident="I2")
    assert await standing(world, ISOLATED) is Standing.RESOLVED
    await world.advance(seconds=10)
    await look(world)
    assert await standing(world, ISOLATED) is Standing.OPEN


async def test_whoever_was_paged_again_hears_no_older_page_of_it(store: Store) -> None:
    document = plan.plan()
    document["escalation"]["policies"]["matrix"][3]["steps"][3] = {"after": "30m", "page": ["second"]}
    world = await make_world(store, book=plan.book(document))
    world.channels["to-second"].always(FailsForNow())
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=30)
    assert [each for each in await whom(world) if each[0] == "second"] == [("second", "owed")] * 2
    world.channels["to-second"].always(Accepts())
    await world.advance(minutes=2)
    found = [each for each in await whom(world) if each[0] == "second"]
    assert found == [("second", "withdrawn"), ("second", "accepted")]
    assert taken(world, "second", "I1") == ["step"]
    assert "page.superseded" in await world.whys()


async def test_what_waits_for_another_person_or_of_another_incident_is_still_owed(world: World) -> None:
    every(world, FailsForNow())
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=10)
    await world.fire("AnotherRegionDown", level="3")
    await world.advance(minutes=5)
    world.channels["to-second"].always(Accepts())
    await world.advance(minutes=1)
    assert await whom(world) == [("first", "owed"), ("second", "accepted")]
    world.channels["to-first"].always(Accepts())
    await world.advance(minutes=1)
    other = await number_of(world, "AnotherRegionDown")
    assert await whom(world) == [("first", "accepted"), ("second", "accepted")]
    assert await whom(world, other) == [("first", "accepted")]


# Early moves that are wanted while it lasts


@pytest.fixture
async def short_handed(store: Store) -> World:
    """At level 3 `first` is paged, and `third`, whom no method reaches: the ladder wants to move on at once."""
    document = plan.plan()
    document["levels"]["levels"][3]["contacts"] = ["first", "third"]
    document["contacts"]["contacts"]["third"]["methods"] = []
    return await make_world(store, book=plan.book(document))


@pytest.fixture
async def cut_off(short_handed: World) -> World:
    """The same, isolated by an incident of level 2 (I1)."""
    every(short_handed, FailsForGood())
    await short_handed.fire("Disk")
    assert short_handed.service.reach.is_isolated
    return short_handed


async def test_while_channels_work_no_early_move_is_held(short_handed: World) -> None:
    await short_handed.fire("RegionDown", level="3")
    assert short_handed.reasons("second") == ["early"]


async def test_an_early_move_is_held_while_a_page_is_owed_and_made_when_isolation_ends(
    cut_off: World,
) -> None:
    await cut_off.fire("RegionDown", level="3")
    held = await number_of(cut_off, "RegionDown")
    await cut_off.advance(minutes=10)
    assert await whom(cut_off, held) == [("first", "owed")]
    assert (await cut_off.whys(held)).count("escalation.early_held") == 1
    every(cut_off, Accepts())
    await cut_off.advance(minutes=2)
    assert await whom(cut_off, held) == [("first", "accepted"), ("second", "accepted")]
    assert taken(cut_off, "second", held) == ["early"]


async def test_a_held_early_move_outlives_the_process(cut_off: World) -> None:
    await cut_off.fire("RegionDown", level="3")
    held = await number_of(cut_off, "RegionDown")
    await look(cut_off)
    born = await make_world(cut_off.store, book=cut_off.shelf.book, clock=cut_off.clock)
    await born.service.auditor.resume()
    every(born, FailsForGood())
    await born.advance(minutes=5)
    assert await whom(born, held) == [("first", "owed")]
    every(born, Accepts())
    await born.advance(minutes=2)
    assert taken(born, "second", held) == ["early"]


async def test_the_step_that_comes_in_its_time_makes_a_held_move(cut_off: World) -> None:
    await cut_off.fire("RegionDown", level="3")
    held = await number_of(cut_off, "RegionDown")
    await cut_off.advance(minutes=20)
    assert [name for name, _ in await whom(cut_off, held)] == ["first", "second"]
    every(cut_off, Accepts())
    await cut_off.advance(minutes=5)
    assert taken(cut_off, "second", held) == ["step"]


async def test_a_ladder_that_owes_nobody_a_page_yet_still_moves(cut_off: World) -> None:
    await cut_off.fire("Pod", level="1")
    pod = await number_of(cut_off, "Pod")
    assert await whom(cut_off, pod) == [("first", "owed")]


async def test_an_early_move_is_held_in_the_minute_after_something_was_taken_too(short_handed: World) -> None:
    await short_handed.fire("Disk")
    every(short_handed, FailsForGood())
    await short_handed.advance(seconds=1)
    await short_handed.fire("Network")
    await short_handed.fire("RegionDown", level="3")
    assert not short_handed.service.reach.is_isolated
    held = await number_of(short_handed, "RegionDown")
    await short_handed.advance(minutes=10)
    assert await whom(short_handed, held) == [("first", "owed")]
    every(short_handed, Accepts())
    await short_handed.advance(minutes=2)
    assert taken(short_handed, "second", held) == ["early"]


async def test_an_acknowledgement_ends_a_held_move(cut_off: World) -> None:
    await cut_off.fire("RegionDown", level="3")
    held = await number_of(cut_off, "RegionDown")
    await cut_off.ask(Acknowledge(), incident=held)
    every(cut_off, Accepts())
    await cut_off.advance(minutes=5)
    assert taken(cut_off, "second", held) == []


# Other processes


async def test_a_new_process_is_isolated_where_the_alarm_still_stands(world: World) -> None:
    every(world, FailsForNow())
    await world.fire("RegionDown", level="3")
    await look(world)
    born = await make_world(world.store, clock=world.clock)
    assert born.service.reach.isolated_since is None
    await born.service.auditor.resume()
    assert born.service.reach.is_isolated
    await born.advance(minutes=2)
    await look(born)
    assert born.service.reach.isolated_since is None
    assert await standing(born, ISOLATED) is Standing.RESOLVED


async def test_a_new_process_is_not_isolated_where_no_alarm_stands(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.service.auditor.resume()
    assert not world.service.reach.is_isolated


async def test_a_replica_that_has_reached_nobody_since_ends_no_alarm(store: Store) -> None:
    shared = Contended(store)
    here = await make_world(shared)
    there = await make_world(shared, clock=here.clock, name=OTHER)
    await there.fire("Disk")
    every(here, FailsForNow())
    here.clock.advance(minutes=10)
    await here.fire("RegionDown", level="3")
    await look(here)
    await there.service.auditor.look()
    assert await standing(here, ISOLATED) is Standing.OPEN


async def test_a_replica_that_reaches_people_ends_the_alarm_and_it_is_not_raised_at_every_look(
    store: Store,
) -> None:
    shared = Contended(store)
    here = await make_world(shared)
    there = await make_world(shared, clock=here.clock, name=OTHER)
    every(here, FailsForNow())
    await here.fire("RegionDown", level="3")
    await look(here)
    await there.advance(minutes=1)
    await look(there)
    assert await standing(there, ISOLATED) is Standing.RESOLVED
    assert here.service.reach.is_isolated
    here.clock.advance(seconds=10)
    await look(here)
    assert await standing(there, ISOLATED) is Standing.RESOLVED
    here.clock.advance(minutes=4)
    await here.fire("AnotherRegionDown", level="3")
    await look(here)
    assert await standing(there, ISOLATED) is Standing.OPEN


async def test_a_replica_that_only_heard_of_it_is_isolated_no_longer_than_the_alarm_stands(
    store: Store,
) -> None:
    shared = Contended(store)
    here = await make_world(shared)
    every(here, FailsForNow())
    await here.fire("RegionDown", level="3")
    await look(here)
    there = await make_world(shared, clock=here.clock, name=OTHER)
    await there.service.auditor.resume()
    await there.service.auditor.look()
    assert there.service.reach.is_isolated
    every(here, Accepts())
    await here.advance(minutes=2)
    await look(here)
    await there.service.auditor.look()
    assert there.service.reach.isolated_since is None


async def test_a_replica_that_is_cut_off_again_before_it_looked_ends_nothing(store: Store) -> None:
    world = await make_world(Contended(store))
    every(world, FailsForNow())
    await world.fire("RegionDown", level="3")
    await look(world)
    every(world, Accepts())
    await world.advance(minutes=1, seconds=1)
    every(world, FailsForNow())
    await world.advance(minutes=2)
    await world.fire("AnotherRegionDown", level="3")
    assert world.service.reach.is_isolated
    for _ in range(2):
        await look(world)
        assert await standing(world, ISOLATED) is Standing.OPEN
