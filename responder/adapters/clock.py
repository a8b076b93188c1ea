"""The system's clock: the only place that reads the time, and the only place that sleeps.

Wall time, which is what people and other machines go by, held to two promises it does not keep by itself: it never
goes back, and never stands still. Where the system's time is set back, ours goes on at half its pace until they meet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# A sleeper looks at the clock at least this often: the wall may be set forward, or the machine have been suspended.
LOOK = timedelta(seconds=1)


class SystemClock:
    def __init__(
        self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """wall, monotonic: seconds; tests bring their own."""
        self._wall = wall
        self._monotonic = monotonic
        self._told = wall()
        self._told_at = monotonic()

    def now(self) -> datetime:
        monotonic = self._monotonic()
        self._told = max(self._wall(), self._told + (monotonic - self._told_at) / 2)
        self._told_at = monotonic
        return datetime.fromtimestamp(self._told, UTC)

    async def sleep_until(self, moment: datetime, wake: asyncio.Event | None = None) -> None:
        while (left := moment - self.now()) > timedelta(0) and not (wake is not None and wake.is_set()):
            await self._sleep(min(left, LOOK), wake)

    async def _sleep(self, length: timedelta, wake: asyncio.Event | None) -> None:
        seconds = length.total_seconds()
        if wake is None:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            pass  # the time has come, or it is time to look again
