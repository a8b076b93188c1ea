"""Heartbeats: keeps the stored switches in step with the policies, and hears beats that come by HTTP.

A beat that comes as an alert is told by `intake`, in the transaction of its body.
"""

from __future__ import annotations

from responder.core.identifiers import Kind, RecordKey
from responder.core.machines import heartbeat
from responder.core.machines.heartbeat import Beat, Configured, Heartbeat, Removed
from responder.core.policy.heartbeats import FromHttp
from responder.engine.handle import Handle
from responder.engine.points import Points
from responder.engine.policies import Policies
from responder.engine.turn import Turn
from responder.ports.store import Unit


class Heartbeats:
    def __init__(self, points: Points, policies: Policies, handle: Handle) -> None:
        self._points = points
        self._policies = policies
        self._handle = handle

    async def configure(self, *, at_start: bool) -> None:
        """Make the switches what the policies say. At start the periods count from now: we could not hear before."""

        async def work(unit: Unit) -> None:
            turn = Turn(unit, self._points.clock.now())
            known = {record.name for record in await unit.heartbeats()}
            wanted = self._policies.book.heartbeats
            for name, rule in wanted.items():
                event = Configured(
                    period=rule.period, expected=rule.expected, deaf_until=turn.now if at_start else None
                )
                if name in known:
                    turn.tell(RecordKey(Kind.HEARTBEAT, name), event)
                else:
                    blank = Heartbeat(name=name, period=rule.period)
                    turn.decide("Configured", heartbeat.advance(blank, event, turn.now))
            for name in known - set(wanted):
                turn.tell(RecordKey(Kind.HEARTBEAT, name), Removed())
            await self._handle.finish(turn)

        await self._points.commit("commit.heartbeats", work)

    async def beat(self, name: str) -> bool:
        """Hear a beat. False where no heartbeat of this name is heard by HTTP."""
        rule = self._policies.book.heartbeats.get(name)
        if rule is None or not isinstance(rule.source, FromHttp):
            return False

        async def work(unit: Unit) -> None:
            turn = Turn(unit, self._points.clock.now())
            turn.tell(RecordKey(Kind.HEARTBEAT, name), Beat())
            await self._handle.finish(turn)

        await self._points.commit("commit.beat", work)
        self._points.metrics.beats.labels(name).inc()
        return True
