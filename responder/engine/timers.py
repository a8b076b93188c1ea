"""Timers: fire what is due. A timer is a row with a due time; nothing here holds one in memory."""

from __future__ import annotations

from datetime import datetime

from responder.core.decision import DueKind
from responder.engine.bells import Bells
from responder.engine.duework import DueWork
from responder.engine.handle import Handle
from responder.engine.points import Points

BATCH = 500  # rows a transaction


class Timers:
    def __init__(self, points: Points, handle: Handle, bells: Bells) -> None:
        self._points = points
        self._bells = bells
        self._work = DueWork(points, handle, DueKind.TIMER, "commit.timers")

    async def run(self) -> None:
        while True:
            if not await self.fire_due():
                await self._bells.timers.wait(await self._next_due())

    async def fire_due(self) -> int:
        """Fire one batch. Returns how many rows were due."""
        count, _ = await self._work.once(BATCH)
        if count:
            self._bells.ring_due()
        return count

    async def _next_due(self) -> datetime | None:
        async with self._points.reading("read.next_due") as reader:
            return await reader.next_due(DueKind.TIMER)
