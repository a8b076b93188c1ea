"""Checkups: asks every channel now and then whether it could send, so that a revoked token is found by day.

What a channel answers is an alarm through the others; that it is well again ends the alarm. A channel that cannot be
asked without sending says nothing here.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised
from responder.core.errors import Busy, Failure, Permanent
from responder.core.identifiers import ChannelName
from responder.engine.bells import Bells
from responder.engine.catalogue import Catalogue
from responder.engine.handle import Handle
from responder.engine.points import Points
from responder.engine.turn import Turn

EVERY = timedelta(minutes=5)
WITHIN = timedelta(seconds=20)  # for one channel's answer
ALARM_AFTER = 3  # looks in a row that failed for now; what fails for good is told at once

log = structlog.get_logger("checkups")


class Checkups:
    def __init__(self, points: Points, catalogue: Catalogue, handle: Handle, bells: Bells) -> None:
        self._points = points
        self._catalogue = catalogue
        self._handle = handle
        self._bells = bells
        self._failures: dict[ChannelName, int] = {}  # looks in a row

    async def run(self) -> None:
        while True:
            await self.look()
            await self._points.clock.sleep_until(self._points.clock.now() + EVERY)

    async def look(self) -> None:
        """Ask every channel, one beside the other, and tell what changed."""
        names = self._catalogue.names()
        found = await asyncio.gather(*(self._ask(name) for name in names))
        told = [
            one for name, failure in zip(names, found, strict=True) if (one := self._judge(name, failure))
        ]
        if not told:
            return
        async with self._points.unit("commit.checkup") as unit:
            turn = Turn(unit, self._points.clock.now())
            for one in told:
                turn.emit(one)
            await self._handle.finish(turn)
        self._bells.ring_due()

    async def _ask(self, name: ChannelName) -> Failure | None:
        try:
            await self._points.check(name, self._points.clock.now() + WITHIN)
        except Busy:
            return None  # it would send, later
        except Failure as failure:
            log.warning("channel is not well", channel=name, problem=str(failure))
            return failure
        return None

    def _judge(self, name: ChannelName, failure: Failure | None) -> AlarmRaised | AlarmCleared | None:
        if failure is None:
            was_told = self._failures.pop(name, 0) >= ALARM_AFTER
            return AlarmCleared(kind=AlarmKind.CHANNEL, subject=name) if was_told else None
        before = self._failures.get(name, 0)
        self._failures[name] = ALARM_AFTER if isinstance(failure, Permanent) else before + 1
        if before >= ALARM_AFTER or self._failures[name] < ALARM_AFTER:
            return None
        return AlarmRaised(kind=AlarmKind.CHANNEL, subject=name, detail=str(failure)[:500])
