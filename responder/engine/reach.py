"""Reach: keeps what our own calls to channels came to, and knows when no channel takes anything: we are `isolated`.

Every process judges by its own calls, because it may be cut off where another is not. It stays isolated until a
channel takes something from it; the alarm in the store, which outlives a restart, is where the next one begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog

from responder.core.delivery import Outcome
from responder.core.identifiers import ChannelName
from responder.core.reach import Tried, all_failed, is_forgotten, takes_nothing
from responder.engine.catalogue import Catalogue
from responder.ports.clock import Clock
from responder.telemetry import Metrics

log = structlog.get_logger("reach")


class Reach:
    def __init__(self, clock: Clock, catalogue: Catalogue, metrics: Metrics) -> None:
        self._clock = clock
        self._catalogue = catalogue
        self._metrics = metrics
        self._tries: dict[tuple[ChannelName, str], Tried] = {}
        self._under_way = 0  # calls
        self.isolated_since: datetime | None = None
        self.taken_at: datetime | None = None  # when a channel last took something from us

    @contextmanager
    def calling(self) -> Iterator[None]:
        """A call is under way; what it comes to is told by `heard`, before this ends."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def heard(self, channel: ChannelName, recipient: str, outcome: Outcome) -> None:
        """A call has ended. One that was not made (busy), or that prints, tells nothing."""
        if outcome is Outcome.BUSY or not self._is_evidence(channel):
            return
        now = self._clock.now()
        self._tries[channel, recipient] = Tried(channel=channel, recipient=recipient, at=now, outcome=outcome)
        if outcome is Outcome.ACCEPTED:
            self.taken_at = now
            self._end(f"{channel} has taken something")

    def resume(self) -> None:
        """Somebody was isolated, and has raised it; until we know better we are too."""
        self._begin()

    def reconsider(self) -> None:
        """Nobody says so any more: another has reached people. It goes on where our own last calls still say so."""
        if not self._takes_nothing():
            self._end("its alarm is over, and our own calls do not say so")

    @property
    def is_isolated(self) -> bool:
        if self.isolated_since is None and self._takes_nothing():
            self._begin()
        return self.isolated_since is not None

    @property
    def seems_isolated(self) -> bool:
        """It is, or will be in a minute unless something is taken: all that was tried lately failed."""
        return self.is_isolated or all_failed(self._lately(), self._there(), self._clock.now())

    def may_be_isolated(self, asked_at: datetime) -> bool:
        """Whether a refusal for good may say nothing about whom it was for. `asked_at`: when that call was made.

        It does where something was taken since. Else it may not where everything fails, or calls under way may tell.
        """
        is_decided = self.taken_at is not None and self.taken_at >= asked_at
        return not is_decided and (self.seems_isolated or self._under_way > 0)

    def channels(self) -> list[ChannelName]:
        """Those that were tried lately."""
        return sorted({channel for channel, _ in self._tries})

    def _takes_nothing(self) -> bool:
        return takes_nothing(self._lately(), self._there(), self.taken_at, self._clock.now())

    def _lately(self) -> Iterable[Tried]:
        now = self._clock.now()
        self._tries = {key: tried for key, tried in self._tries.items() if not is_forgotten(tried, now)}
        return self._tries.values()

    def _there(self) -> int:
        """How many channels could tell."""
        return sum(self._is_evidence(name) for name in self._catalogue.names())

    def _is_evidence(self, channel: ChannelName) -> bool:
        return self._catalogue.has(channel) and not self._catalogue.needs_no_address(channel)

    def _begin(self) -> None:
        self.isolated_since = self._clock.now()
        self._metrics.isolated.set(1)
        log.error("isolated", tried=self.channels())

    def _end(self, why: str) -> None:
        if self.isolated_since is not None:
            log.warning("no longer isolated", since=self.isolated_since.isoformat(), why=why)
        self.isolated_since = None
        self._metrics.isolated.set(0)
