"""Checkups: a channel that could not send is told of before anybody has to be paged through it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from responder.core.errors import Busy, Permanent, Transient
from responder.engine.checkups import EVERY, WITHIN
from responder.engine.commands import Resolve
from responder.ports.store import Store
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.channel import FailsForGood
from tests.fakes.clock import let_others_run

REVOKED = Permanent("board: Slack says the token was revoked; make a new one")


async def look(world: World, times: int = 1) -> None:
    for _ in range(times):
        await world.service.checkups.look()
        await world.settle()
        world.clock.advance(seconds=EVERY.total_seconds())


async def alarms(world: World) -> list[str]:
    return [title for title in await world.incidents() if "channel" in title]


async def test_channels_that_are_well_raise_nothing(world: World) -> None:
    await look(world, 5)
    assert await world.incidents() == []


async def test_what_fails_for_good_is_an_alarm_at_once_with_its_words(world: World) -> None:
    world.channels["board"].unwell = REVOKED
    await look(world)
    assert await alarms(world) == ["responder: channel board"]
    (alert,) = (await world.story()).alerts
    assert alert.annotations["description"] == str(REVOKED)
    assert [delivery.message.incident for delivery in world.handed("board")] == []


async def test_it_is_one_alarm_however_long_it_lasts_and_ends_when_the_channel_is_well(world: World) -> None:
    world.channels["board"].unwell = REVOKED
    await look(world, 4)
    assert len(await alarms(world)) == 1
    world.channels["board"].unwell = None
    await look(world)
    assert (await world.story()).incident.resolved_at is not None


async def test_what_fails_for_now_is_an_alarm_when_it_goes_on(world: World) -> None:
    world.channels["board"].unwell = Transient("board: no answer")
    await look(world, 2)
    assert await alarms(world) == []
    await look(world)
    assert len(await alarms(world)) == 1


async def test_a_look_that_finds_it_well_begins_the_count_anew(world: World) -> None:
    for _ in range(2):
        world.channels["board"].unwell = Transient("board: no answer")
        await look(world, 2)
        world.channels["board"].unwell = None
        await look(world)
    assert await alarms(world) == []


async def test_what_is_not_well_again_is_an_alarm_again(world: World) -> None:
    for _ in range(2):
        world.channels["board"].unwell = REVOKED
        await look(world)
        assert (await world.story()).incident.resolved_at is None
        world.channels["board"].unwell = None
        await look(world)
        assert (await world.story()).incident.resolved_at is not None


async def test_a_channel_that_refused_to_send_is_not_called_well_for_being_there(world: World) -> None:
    world.channels["board"].script(FailsForGood())
    await world.fire("RegionDown", level="3")
    assert await alarms(world) == ["responder: channel board"]
    await look(world)
    assert (await world.story("I2")).incident.resolved_at is None


async def next_look(world: World) -> datetime:
    """When the one that runs will look again; what it waits for while it looks is sooner."""
    while not (
        later := [moment for moment in world.clock.waited_for() if moment > world.clock.now() + WITHIN]
    ):
        await let_others_run()
    return later[0]


async def test_it_looks_again_and_again(world: World) -> None:
    looking = asyncio.create_task(world.service.checkups.run())
    assert await next_look(world) == world.clock.now() + EVERY
    world.channels["board"].unwell = REVOKED
    world.clock.advance(seconds=EVERY.total_seconds())
    assert await next_look(world) == world.clock.now() + EVERY
    looking.cancel()
    await asyncio.wait([looking])
    await world.settle()
    assert await alarms(world) == ["responder: channel board"]


async def test_a_channel_that_is_only_busy_is_well(world: World) -> None:
    world.channels["board"].unwell = Busy("board: in a moment", retry_after=timedelta(seconds=3))
    await look(world, 5)
    assert await alarms(world) == []


async def test_a_person_who_is_not_there_any_more_is_an_alarm_before_a_page_needs_them(store: Store) -> None:
    document = plan.plan()
    document["channels"]["channels"]["fake"] = {"fake": {}}
    document["contacts"]["contacts"]["second"]["methods"] = [{"fake": "U0SECOND01"}, {"fake": "to-third"}]
    world = await make_world(store, book=plan.book(document))
    world.channels["fake"].gone.add("U0SECOND01")
    await look(world, 2)
    assert await world.incidents() == ["responder: contact second by fake"]
    world.channels["fake"].gone.clear()
    await look(world)
    assert (await world.story()).incident.resolved_at is not None


async def test_nobody_is_asked_after_by_a_channel_that_is_not_well_itself(store: Store) -> None:
    document = plan.plan()
    document["channels"]["channels"]["fake"] = {"fake": {}}
    document["contacts"]["contacts"]["second"]["methods"] = [{"fake": "U0SECOND01"}]
    world = await make_world(store, book=plan.book(document))
    world.channels["fake"].unwell = REVOKED
    await look(world)
    assert await world.incidents() == ["responder: channel fake"]


# One cause, one alarm


def revoked(*names: str) -> dict[str, Permanent]:
    """As Slack's channels say it, each by its own name."""
    return {name: Permanent(f"{name}: the token was revoked: install the app again") for name in names}


async def unwell(world: World, failures: dict[str, Permanent]) -> None:
    for name, channel in world.channels.items():
        channel.unwell = failures.get(name)
    await look(world)


async def test_channels_that_fail_for_one_cause_are_one_alarm_that_names_them_all(world: World) -> None:
    await unwell(world, revoked("board", "to-second", "to-third"))
    assert await alarms(world) == ["responder: channel board"]
    alerts = (await world.story()).alerts
    assert [alert.labels["subject"] for alert in alerts] == ["board", "to-second", "to-third"]
    assert {delivery.message.reason for delivery in world.handed("to-first")} == {"step"}


async def test_channels_that_fail_for_causes_of_their_own_are_alarms_of_their_own(world: World) -> None:
    other = Permanent("to-third: channel #sre-pages archived")
    await unwell(world, revoked("board", "to-second") | {"to-third": other})
    assert await alarms(world) == ["responder: channel board", "responder: channel to-third"]


async def test_it_is_over_when_the_last_of_them_is_well(world: World) -> None:
    await unwell(world, revoked("board", "to-second"))
    await unwell(world, revoked("to-second"))
    assert (await world.story()).incident.resolved_at is None
    await unwell(world, {})
    assert (await world.story()).incident.resolved_at is not None


async def test_one_that_fails_later_and_for_the_same_cause_joins_them(world: World) -> None:
    await unwell(world, revoked("board"))
    await unwell(world, revoked("board", "to-second"))
    assert len(await alarms(world)) == 1
    assert (await world.story()).incident.firing == 2


async def test_what_refuses_to_send_joins_what_a_checkup_found(world: World) -> None:
    failure = Permanent("to-second: scripted to refuse")
    await unwell(world, {"to-second": failure})
    world.channels["board"].script(FailsForGood())
    await world.fire("Disk")
    assert await alarms(world) == ["responder: channel to-second"]


async def test_a_person_who_resolves_it_has_resolved_all_of_it(world: World) -> None:
    await unwell(world, revoked("board", "to-second"))
    await world.ask(Resolve(reason="mended"))
    assert (await world.story()).incident.firing == 0
    await unwell(world, revoked("board", "to-second"))
    assert (await world.story()).incident.firing == 2


async def test_an_alarm_about_a_channel_avoids_all_that_have_one(store: Store) -> None:
    document = plan.plan()
    document["contacts"]["contacts"]["first"]["methods"] = [{"fake": "to-second"}, {"fake": "to-third"}]
    document["levels"]["levels"][2]["channels"] = ["board", "to-customers"]
    world = await make_world(store, book=plan.book(document))
    await unwell(world, revoked("board") | {"to-second": Permanent("to-second: no such host")})
    assert await world.incidents() == ["responder: channel board", "responder: channel to-second"]
    assert {name for name in world.channels if world.handed(name)} == {"to-third", "to-customers"}


async def test_a_channel_that_is_well_again_tells_of_the_next(world: World) -> None:
    await unwell(world, revoked("board"))
    await unwell(world, {})
    await unwell(world, {"to-second": Permanent("to-second: no such host")})
    assert {delivery.message.incident for delivery in world.handed("board")} == {"I2"}
