"""New policies: what is in force for whom, when a reload is refused, and what re-pinning changes."""

from __future__ import annotations

from typing import Any

import pytest

from responder.core.errors import Fault, PolicyFaults, Refused
from responder.core.identifiers import IncidentId, PinHash
from responder.engine.commands import Repin
from tests.engine import plan
from tests.engine.world import World


def faster() -> dict[str, Any]:
    """The same plan with `third` after one minute where `second` stood after 15."""
    documents = plan.plan()
    steps = documents["escalation"]["policies"]["matrix"][3]["steps"]
    steps[2] = {"after": "1m", "page": ["third"]}
    return documents


async def test_an_edit_moves_no_incident_in_flight(world: World) -> None:
    await world.fire("RegionDown", level="3")
    world.shelf.book = plan.book(faster())
    assert (await world.service.reload.reload()).faults == ()
    await world.advance(minutes=14)
    assert world.reasons("third") == []
    await world.fire("OtherRegion", level="3")
    await world.advance(minutes=1)
    assert world.reasons("third", "I2") == ["step"]
    assert world.reasons("second") == ["step"]


async def test_faulty_policies_leave_the_old_ones_in_force(world: World) -> None:
    before = world.service.policies.book.hash
    world.shelf.faults = PolicyFaults((Fault("levels.yaml", 3, "unknown field", "remove it"),))
    loaded = await world.service.reload.reload()
    assert (loaded.hash, len(loaded.faults)) == (before, 1)
    await world.fire("Disk")
    assert world.reasons("first") == ["step"]


async def test_a_name_that_an_open_incident_relies_on_cannot_go(world: World) -> None:
    await world.fire("RegionDown", level="3")
    documents = plan.plan()
    del documents["contacts"]["contacts"]["third"]
    for steps in documents["escalation"]["policies"]["matrix"].values():
        steps["steps"] = [step for step in steps["steps"] if step.get("page") != ["third"]]
    world.shelf.book = plan.book(documents)
    (fault,) = (await world.service.reload.reload()).faults
    assert "third is gone" in fault.what
    assert "I1" in fault.what
    await world.clear("RegionDown", level="3")
    await world.advance(hours=1)
    assert (await world.service.reload.reload()).faults == ()


async def test_contacts_are_live(world: World) -> None:
    await world.fire("RegionDown", level="3")
    documents = plan.plan()
    documents["contacts"]["contacts"]["second"]["methods"] = [{"fake": "to-customers"}]
    world.shelf.book = plan.book(documents)
    await world.service.reload.reload()
    await world.advance(minutes=15)
    assert world.reasons("customers") == ["step"]


async def test_re_pinning_shows_the_difference_and_moves_the_ladder(world: World) -> None:
    await world.fire("RegionDown", level="3")
    world.shelf.book = plan.book(faster())
    await world.service.reload.reload()
    shown = await world.service.views.difference(IncidentId("I1"))
    assert shown is not None
    assert [line[:18] for line in shown.lines] == ["- level 3: step af", "+ level 3: step af"]
    assert (shown.next_before, shown.next_after) == ("Second in 15 min", "Third in 1 min")
    with pytest.raises(Refused, match="changed since"):
        await world.ask(Repin(pin=PinHash("0" * 32)))
    await world.ask(Repin(pin=shown.pin))
    await world.advance(minutes=1)
    assert world.reasons("third") == ["step"]
    assert world.reasons("second") == []


async def test_nothing_to_re_pin_is_an_empty_difference(world: World) -> None:
    await world.fire("RegionDown", level="3")
    shown = await world.service.views.difference(IncidentId("I1"))
    assert shown is not None
    assert list(shown.lines) == []


async def test_a_channel_without_its_credential_prints_instead(world: World) -> None:
    world.unconfigured.add("board")
    documents = plan.plan()
    documents["channels"]["channels"]["board"] = {"fake": {"changed": True}}
    world.shelf.book = plan.book(documents)
    await world.service.reload.reload()
    assert world.service.catalogue.fallbacks == {"board": "channel board: its address is not set"}
    await world.fire("Disk")
    assert [delivery.message.reason for delivery in world.handed("board")] == ["opened"]
