"""Timers: fire what is due, and let what has waited for others go. A timer is a row with a due time; nothing here holds
one in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from responder.core.decision import DueKind
from responder.engine.duework import DueWork
from responder.engine.handle import Handle
from responder.engine.points import Points
from responder.engine.replicas import Replicas

BATCH = 500  # rows a transaction
KINDS = (DueKind.TIMER, DueKind.GATHER)


class Timers:
    def __init__(self, points: Points, handle: Handle, replicas: Replicas) -> None:
        self._points = points
        self._work = {kind: DueWork(points, handle, replicas, kind, "commit.timers") for kind in KINDS}

    async def run(self) -> None:
        while True:
            due = await self._next_due()
            now = self._points.clock.now()
            soonest = min(due.values(), default=None)
            if soonest is None or soonest > now or not await self._fire(due, now):
                self._points.bells.timers_are_behind = False
                await self._points.bells.timers.wait_for(soonest, looked_at=now)

    async def fire_due(self) -> int:
        """Fire one batch. Returns how many rows were due."""
        return await self._fire(await self._next_due(), self._points.clock.now())

    async def _fire(self, due: Mapping[DueKind, datetime], now: datetime) -> int:
        count = 0
        for kind, soonest in due.items():
            if soonest <= now:
                taken, _ = await self._work[kind].once(BATCH)
                count += taken
        self._points.bells.timers_are_behind = count >= BATCH
        return count

    async def _next_due(self) -> dict[DueKind, datetime]:
        """Asked of a reader: mostly nothing is due, and an empty claim would hold up the writer."""
        async with self._points.reading("read.next_due") as reader:
            found = {kind: await self._work[kind].next_due(reader) for kind in KINDS}
        return {kind: moment for kind, moment in found.items() if moment is not None}
