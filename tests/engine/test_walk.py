"""One alert's walk through the engine: in, up the ladder, acknowledged, let go, resolved."""

from __future__ import annotations

from datetime import timedelta

from responder.core.machines.incident import Phase
from responder.engine.commands import Acknowledge
from responder.ports.store import Standing
from tests.engine.world import World


async def test_an_alert_climbs_until_somebody_acknowledges(world: World) -> None:
    await world.fire("RegionDown", level="3")
    assert world.reasons("first") == ["step"]
    assert [delivery.message.reason for delivery in world.handed("board")] == ["opened"]

    await world.advance(minutes=15)
    assert world.reasons("second") == ["step"]

    await world.ask(Acknowledge(), by="second")
    await world.advance(minutes=59)
    assert world.reasons("third") == []
    assert (await world.story()).standing is Standing.ACKNOWLEDGED

    await world.advance(minutes=1)
    assert world.reasons("second") == ["step", "lease_ended"]

    await world.clear("RegionDown", level="3")
    assert (await world.story()).incident.phase is Phase.RESOLVED
    assert world.reasons("first")[-1] == "resolved"
    assert world.reasons("second")[-1] == "resolved"
    assert world.reasons("third") == []

    await world.advance(hours=1)
    story = await world.story()
    assert story.incident.phase is Phase.CLOSED
    assert story.incident.resolved_at is not None
    assert story.incident.resolved_at - story.incident.opened_at == timedelta(minutes=75)
