"""Rejections: how many of whom are an alarm, and how many alarms there may be."""

from __future__ import annotations

import pytest

from responder.engine.commands import Resolve
from responder.engine.rejections import ALARMS, MANY, PEERS
from responder.ports.store import SummaryQuery
from tests.engine.world import World, make_world
from tests.fakes.store import MemoryStore


@pytest.fixture
async def world() -> World:
    return await make_world(MemoryStore())


async def refuse(world: World, peer: str, times: int = MANY, status: int = 401) -> None:
    for _ in range(times):
        await world.service.rejections.refused(peer, status)
    await world.settle()


async def alarms(world: World) -> dict[str, str]:
    """The state of the alarm about each peer."""
    found, _ = await world.service.views.incidents(SummaryQuery(text="rejected", limit=500))
    return {summary.key.rpartition("/")[2]: summary.standing.value for summary in found}


async def test_each_peer_is_counted_by_itself(world):
    for peer in ("10.0.0.1", "10.0.0.2"):
        await refuse(world, peer, MANY - 1)
    assert await alarms(world) == {}
    await refuse(world, "10.0.0.1", 1)
    assert await alarms(world) == {"10.0.0.1": "open"}


async def test_the_alarm_says_who_what_and_where_to_look(world):
    await refuse(world, "10.0.0.1", status=413)
    [alert] = (await world.story()).alerts
    said = alert.annotations["description"]
    assert "10.0.0.1" in said
    assert "413" in said
    assert "RESPONDER_WEBHOOK_TOKEN" in said


@pytest.mark.parametrize("minutes, raised", [(4, True), (6, False)])
async def test_only_refusals_of_five_minutes_count_together(world, minutes, raised):
    await refuse(world, "10.0.0.1", 1)
    world.clock.advance(minutes=minutes)
    await refuse(world, "10.0.0.1", MANY - 1)
    assert bool(await alarms(world)) is raised


async def test_an_alarm_that_a_person_ended_is_raised_again_after_an_hour_of_refusals(world):
    peer = "10.0.0.1"
    await refuse(world, peer)
    await world.ask(Resolve(reason="it was a test"))
    await refuse(world, peer)
    assert await alarms(world) == {peer: "resolved"}
    world.clock.advance(hours=1)
    await refuse(world, peer)
    assert await alarms(world) == {peer: "open"}


async def test_being_accepted_ends_the_alarm_and_the_count(world):
    peer = "10.0.0.1"
    await refuse(world, peer)
    await world.service.rejections.accepted(peer)
    assert await alarms(world) == {peer: "resolved"}
    await refuse(world, peer, MANY - 1)
    assert await alarms(world) == {peer: "resolved"}


async def test_a_crowd_of_peers_is_not_an_incident_each(world):
    for number in range(ALARMS + 5):
        await refuse(world, f"10.0.0.{number}")
    assert len(await alarms(world)) == ALARMS
    world.clock.advance(hours=1)
    await refuse(world, "10.0.1.0")
    assert len(await alarms(world)) == ALARMS + 1


async def test_no_more_than_a_bounded_number_of_peers_is_remembered(world):
    await refuse(world, "10.0.0.1", MANY - 1)
    for number in range(PEERS):
        await world.service.rejections.refused(f"crowd {number}", 401)
    await refuse(world, "10.0.0.1", 1)
    assert await alarms(world) == {}


async def test_the_figures_count_the_alarm_once(world):
    await refuse(world, "10.0.0.1", 3 * MANY)
    figures = world.service.points.metrics.registry
    assert figures.get_sample_value("responder_alarms_total", {"kind": "rejected"}) == 1
