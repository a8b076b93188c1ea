"""Commits: whether the store takes any, as readiness and the outward beat tell it.

A store that has refused one does not take any until it has taken one in which something was written; every process
writes every few seconds, if only that it is there. One that neither takes nor refuses any for long is no better.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from responder.core.errors import Conflict, Failure, FromNewer, Unreadable
from responder.ports.clock import Clock

LATE = timedelta(seconds=15)  # three times what a process says that it is there in
# In these something is written always. Others may have found nothing to do, which a full disk takes too.
WRITTEN = frozenset({"commit.journal", "commit.replica"})
NEUTRAL = (Conflict, FromNewer, Unreadable)  # they tell of others, or of a record, and not of the store


class Commits:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused = ""  # why, where one was since the last that was taken
        self.taken_at = clock.now()  # as if at our start, before which nobody could ask

    def took(self, point: str) -> None:
        if point in WRITTEN:
            self.taken_at, self._refused = self._clock.now(), ""

    def refused(self, failure: Failure, *, began: datetime) -> None:
        """What began before the last that was taken tells of a time that is over."""
        if not isinstance(failure, NEUTRAL) and began >= self.taken_at:
            self._refused = failure.outward or "the log says why"

    def problem(self) -> str:
        """Since when it takes none, and why, for anybody's eyes; empty where it does."""
        since = f"it has taken no commit since {self.taken_at.isoformat(timespec='seconds')}"
        if self._refused:
            return f"{since}: {self._refused}"
        return since if self._clock.now() - self.taken_at > LATE else ""
