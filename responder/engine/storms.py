"""Storms: whether so many incidents open that pages of levels 1 and 2 are gathered.

The storm is a record, begun and ended by its machine, so that all replicas see the same one. What opened is not counted
one by one, which would make them wait for each other: whoever is about to page asks for the newest incidents, as many
as make a storm, and asks again only a second later, or once it has opened enough itself to make up the rest.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from responder.core.identifiers import Kind, RecordKey
from responder.core.machines import storm as storms
from responder.core.machines.storm import Counted, Storm
from responder.core.policy.levels import SELF_RULE
from responder.engine.policies import Policies
from responder.engine.turn import Turn
from responder.ports.store import SummaryQuery

STORM = RecordKey(Kind.STORM, storms.NAME)
EVERY = timedelta(seconds=1)  # what other replicas have opened is seen after this at the latest
SPARE = 20  # of the newest, alarms of our own, which count for nothing


class Storms:
    """What it remembers is when to look, and for a second what it saw; the storm itself is in the store."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._looked_at: datetime | None = None
        self._rages = False
        self._opened = 0  # by this process, since it looked
        self._lacking = 0  # as many more would have made a storm

    def opened(self) -> None:
        """One more incident."""
        self._opened += 1

    async def rages(self, turn: Turn) -> bool:
        """Whether pages are gathered now; it begins here where it has to."""
        if not self._policies.book.storm.incidents:
            return False
        if self._has_to_look(turn.now):
            await self._look(turn)
        return self._rages

    async def count(self, turn: Turn) -> None:
        """The storm's time has come to be counted again."""
        turn.tell(STORM, await self._counted(turn))

    def _has_to_look(self, now: datetime) -> bool:
        is_fresh = self._looked_at is not None and timedelta(0) <= now - self._looked_at < EVERY
        return not is_fresh or (not self._rages and self._opened >= self._lacking)

    async def _look(self, turn: Turn) -> None:
        state = await turn.get(STORM)
        state = state if isinstance(state, Storm) else Storm()
        if not state.rages:
            counted = await self._counted(turn)
            decision = storms.advance(state, counted, turn.now)
            if decision.state.rages:
                turn.decide("Counted", decision)
            state = decision.state
            self._lacking = counted.many - counted.incidents
        self._looked_at, self._rages, self._opened = turn.now, state.rages, 0

    async def _counted(self, turn: Turn) -> Counted:
        """No further than what begins a storm; those of this turn are not among the summaries yet."""
        policy = self._policies.book.storm
        newest = await turn.unit.summaries(SummaryQuery(limit=policy.incidents + SPARE))
        earliest = turn.now - policy.per
        stored = sum(1 for each in newest if each.opened_at > earliest and each.rule != SELF_RULE)
        fresh = sum(1 for each in turn.opened() if each.rule != SELF_RULE)
        return Counted(
            incidents=min(stored + fresh, policy.incidents),
            many=policy.incidents,
            per=policy.per,
            calm_after=policy.calm_after,
        )
