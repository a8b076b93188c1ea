"""Bells: a loop that waits for work is woken by a commit that brings some before it would look by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from responder.core.decision import DueKind
from responder.ports.clock import Clock

HELD = timedelta(milliseconds=50)  # before looking again at what another is working on
JOURNAL = "journal"
LONGEST = timedelta(seconds=1)  # another replica's work is seen after this at the latest
LONGEST_ALONE = timedelta(
    seconds=10
)  # where there is no other, only what nobody has thought of is seen so late


class Bell:
    def __init__(self, clock: Clock, longest: timedelta = LONGEST) -> None:
        self._clock = clock
        self._longest = longest
        self._event = asyncio.Event()
        self._until: datetime | None = None  # the end of the wait that is going on

    def ring(self) -> None:
        self._event.set()

    def ring_for(self, due: datetime) -> None:
        """Where nobody would look by then."""
        if self._until is None or due < self._until:
            self._event.set()

    async def wait(self, until: datetime | None = None) -> None:
        """Return when rung, at `until`, or after the longest that is waited, whichever is first."""
        latest = self._clock.now() + self._longest
        self._until = latest if until is None else min(until, latest)
        try:
            await self._clock.sleep_until(self._until, self._event)
        finally:
            self._until = None
        self._event.clear()

    async def wait_for(self, due: datetime | None, *, looked_at: datetime) -> None:
        """Until `due`. What was due already when we looked, and found nothing to take, is in other hands now."""
        is_held = due is not None and due <= looked_at
        await self.wait(self._clock.now() + HELD if is_held else due)


class Bells:
    """Those that a commit may have to ring."""

    def __init__(self, clock: Clock, *, are_alone: bool) -> None:
        longest = LONGEST_ALONE if are_alone else LONGEST
        self.journal = Bell(clock, longest)
        self.timers = Bell(clock, longest)
        self.timers_are_behind = False  # they have more to do than they can take at a time
        self.sending = {kind: Bell(clock, longest) for kind in (DueKind.SEND, DueKind.SHOW)}

    def ring_by(self, hint: str) -> None:
        """Another process has committed something: bodies ("journal"), or rows of this kind."""
        if hint == JOURNAL:
            self.journal.ring()
        else:
            self.sending.get(DueKind(hint), self.timers).ring()

    def ring_for(self, soonest: Mapping[DueKind, datetime]) -> None:
        """We have committed rows that are due then."""
        for kind, due in soonest.items():
            self.sending.get(kind, self.timers).ring_for(due)
