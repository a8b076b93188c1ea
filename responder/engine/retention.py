"""Retention: what is over is deleted in its time, a little at a time, so that nobody waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from responder.core.errors import Conflict, Transient
from responder.engine.points import Points
from responder.ports.store import Unit

CHUNK = 200  # rows or incidents a transaction
EVERY = timedelta(hours=1)

log = structlog.get_logger("retention")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How long: bodies of the journal that are done, and incidents that are closed, counted from their resolve.

    What is of no incident (digests, shown alerts, their audit and the service's own) stays as long as incidents do.
    """

    bodies: timedelta = timedelta(days=30)
    incidents: timedelta = timedelta(days=400)  # a year's review, and the month in which it is written


class Retention:
    def __init__(self, points: Points, kept: Kept) -> None:
        self._points = points
        self._kept = kept
        self._chunk = CHUNK

    async def run(self) -> None:
        while True:
            await self.delete_old()
            await self._points.clock.sleep_until(self._points.clock.now() + EVERY)

    async def delete_old(self) -> int:
        """Delete everything that is past its time. Returns how much."""
        total = 0
        while found := await self._delete_some():
            total += found
        if total:
            log.info("old rows deleted", rows=total)
        return total

    async def _delete_some(self) -> int:
        """Half as much the next time where the store could not do it in its time, and more again when it can."""
        try:
            found = await self._delete(self._chunk)
        except Transient as failure:
            if not isinstance(failure, Conflict):
                self._chunk = max(1, self._chunk // 2)
            raise
        self._chunk = min(CHUNK, self._chunk * 2)
        return found

    async def _delete(self, most: int) -> int:
        now = self._points.clock.now()

        async def work(unit: Unit) -> int:
            found = await unit.delete_closed_before(now - self._kept.incidents, most)
            found += await unit.delete_bodies_before(now - self._kept.bodies, most)
            found += await unit.delete_occurrences_before(now - self._kept.incidents, most)
            return found + await unit.delete_strays_before(now - self._kept.incidents, most)

        return await self._points.commit("commit.retention", work)
