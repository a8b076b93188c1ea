"""A clock that stands still until a test advances it, and lets go of sleepers in the order of their moments."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

from responder.ports.clock import Jump

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class FakeClock:
    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()
        self.jump: Jump | None = None

    def now(self) -> datetime:
        return self._now

    def advance(self, **length: float) -> None:
        """`advance(minutes=5)`: the time is that much later; whoever waits for it goes on, earliest first.

        They go on when the loop next runs, and all see the new time.
        """
        passed = timedelta(**length)
        assert passed >= timedelta(0), "time does not go back"
        self._now += passed
        due = sorted((s for s in self._sleepers if s[0] <= self._now), key=lambda sleeper: sleeper[0])
        for _, slept in due:
            if not slept.done():
                slept.set_result(None)

    def leap(self, **length: float) -> None:
        """`advance`, as a clock that is put right: nothing but the time passed."""
        by = timedelta(**length)
        self.advance(**length)
        self.jump = Jump(at=self._now, by=by)

    async def sleep_until(self, moment: datetime, wake: asyncio.Event | None = None) -> None:
        if moment <= self._now or (wake is not None and wake.is_set()):
            return
        slept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (moment, slept)
        self._sleepers.append(sleeper)
        self._changed.set()
        waiters: list[asyncio.Future[Any]] = [slept]
        if wake is not None:
            waiters.append(asyncio.ensure_future(wake.wait()))
        try:
            await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sleepers.remove(sleeper)
            for waiter in waiters:
                waiter.cancel()

    def waited_for(self) -> list[datetime]:
        """The moments that somebody sleeps until, earliest first."""
        return sorted(moment for moment, _ in self._sleepers)

    async def until_sleeping(self, count: int = 1) -> None:
        """Return once at least `count` sleepers wait; for tests that have to advance neither too early nor too late."""
        while len(self._sleepers) < count:
            self._changed.clear()
            await self._changed.wait()


async def let_others_run(turns: int = 1) -> None:
    """Give the loop `turns` turns, without any time passing."""
    for _ in range(turns):
        await _Turn()


class _Turn:
    def __await__(self) -> Generator[None, None, None]:
        yield
