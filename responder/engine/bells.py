"""Bells: a loop that waits for work is woken by whoever commits some."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from responder.core.decision import DueKind
from responder.ports.clock import Clock

LONGEST = timedelta(seconds=1)  # another replica's work is seen after this at the latest


class Bell:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def wait(self, until: datetime | None = None, longest: timedelta = LONGEST) -> None:
        """Return when rung, at `until`, or after `longest`, whichever is first."""
        latest = self._clock.now() + longest
        await self._clock.sleep_until(latest if until is None else min(until, latest), self._event)
        self._event.clear()


class Bells:
    """Those that a commit may have to ring."""

    def __init__(self, clock: Clock) -> None:
        self.journal = Bell(clock)
        self.timers = Bell(clock)
        self.sending: Mapping[DueKind, Bell] = {kind: Bell(clock) for kind in (DueKind.SEND, DueKind.SHOW)}

    def ring_due(self) -> None:
        self.timers.ring()
        for bell in self.sending.values():
            bell.ring()
