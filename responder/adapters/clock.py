"""The clocks: the only place that reads the time, and the only place that sleeps.

Alone on a machine we go by its wall time, which is what people and other machines go by. Replicas on one database go
by that database's, each by what it last measured, because leases and due times are compared between them. Both are
held to two promises that they do not keep by themselves: no clock of ours goes back, and none stands still. Where the
time is set back, ours goes on at half its pace until they meet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from responder.ports.clock import Jump

# A sleeper looks at the clock at least this often: the wall may be set forward, or the machine have been suspended.
LOOK = timedelta(seconds=1)

MEASURE_EVERY = timedelta(seconds=10)
SLOW = timedelta(milliseconds=500)  # an answer that took longer says too little of when it was given
MEASURE_TRIES = 3  # at a time; where all were slow, what is known stays
JUMP = timedelta(
    seconds=2
)  # more than crystals drift apart in MEASURE_EVERY, and than a slow answer can be wrong


class SystemClock:
    jump: Jump | None = None  # the machine's own time is all there is, and nobody else's leases hang on it

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


class DatabaseClock(SystemClock):
    """The database's time: monotonic time and what has to be added to it, measured again and again.

    Made by `measured`, for without a measurement it knows nothing. The machine's wall time does not enter it.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[datetime]], offset: float, monotonic: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._offset = offset
        super().__init__(lambda: monotonic() + self._offset, monotonic)

    @classmethod
    async def measured(
        cls, ask: Callable[[], Awaitable[datetime]], monotonic: Callable[[], float] = time.monotonic
    ) -> DatabaseClock:
        """`ask`: the database for its time; what that raises is raised here. An answer counts, be it slow."""
        offset, _ = await _quickest(ask, monotonic)
        return cls(ask, offset, monotonic)

    async def run(self, now: asyncio.Event | None = None) -> None:
        """Measure every ten seconds, and when `now` is set: the connections are new, and so may be the server."""
        while True:
            await self.sleep_until(self.now() + MEASURE_EVERY, now)
            if now is not None:
                now.clear()
            await self.measure()

    async def measure(self) -> None:
        """Take over what the database says, unless all its answers are slow. Raises what asking it raises."""
        offset, took = await _quickest(self._ask, self._monotonic)
        if took > SLOW:
            return
        by = timedelta(seconds=offset - self._offset)
        self._offset = offset
        if abs(by) > JUMP:
            self.jump = Jump(at=self.now(), by=by)


async def _quickest(
    ask: Callable[[], Awaitable[datetime]], monotonic: Callable[[], float]
) -> tuple[float, timedelta]:
    """The first measurement that is not slow, or the least slow one of a few."""
    tried = [await _measure(ask, monotonic)]
    while tried[-1][1] > SLOW and len(tried) < MEASURE_TRIES:
        tried.append(await _measure(ask, monotonic))
    return min(tried, key=lambda measured: measured[1])


async def _measure(
    ask: Callable[[], Awaitable[datetime]], monotonic: Callable[[], float]
) -> tuple[float, timedelta]:
    """What to add to monotonic time, and how long asking took; the answer was given in the middle of that."""
    before = monotonic()
    answer = await ask()
    after = monotonic()
    return answer.timestamp() - (before + after) / 2, timedelta(seconds=after - before)
