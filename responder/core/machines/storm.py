"""Storm: whether so many incidents open that the pages of levels 1 and 2 are gathered.

It begins with the count that reaches the policy's, and ends once the count has stayed under half of it for a while, so
that it does not come and go with every wave. Counting is not its business: it asks, and is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, assert_never

from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised, Decision, Due, DueKind
from responder.core.identifiers import Kind

NAME = "incidents"  # of the one storm there is: so many incidents open
LOOK = timedelta(seconds=15)  # between two counts, while it lasts


class Phase(StrEnum):
    CALM = "calm"
    RAGING = "raging"


class Why(StrEnum):
    BEGAN = "storm.began"
    LOOKED = "storm.looked"
    GOES_ON = "storm.goes_on"
    QUIETENED = "storm.quietened"
    ENDED = "storm.ended"
    STALE = "storm.stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """`quiet_since`: since when the count has been under half of what begins a storm."""

    KIND: ClassVar[Kind] = Kind.STORM

    name: str = NAME
    phase: Phase = Phase.CALM
    since: datetime | None = None
    quiet_since: datetime | None = None
    look_at: datetime | None = None  # when it is counted again; set while it rages

    @property
    def id(self) -> str:
        return self.name

    @property
    def incident(self) -> None:
        return None

    @property
    def is_live(self) -> bool:
        return True

    @property
    def rages(self) -> bool:
        return self.phase is Phase.RAGING

    def due(self) -> Due | None:
        if self.phase is not Phase.RAGING or self.look_at is None:
            return None
        return Due(self.look_at, DueKind.TIMER)


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The record's due row was claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """`incidents` have opened within `per`; `many` begin a storm, 0 = none ever does. It ends after `calm_after`."""

    incidents: int
    many: int
    per: timedelta
    calm_after: timedelta


Event = TimerDue | Counted


# Emits of its own


@dataclass(frozen=True, slots=True)
class CountAsked: ...


def advance(state: Storm, event: Event, now: datetime) -> Decision[Storm]:
    match event:
        case TimerDue():
            return _on_due(state, now)
        case Counted():
            return _hear(state, event, now)
        case _:
            assert_never(event)


def _on_due(state: Storm, now: datetime) -> Decision[Storm]:
    due = state.due()
    if due is None or now < due.at:
        return Decision(state, Why.STALE)
    return Decision(replace(state, look_at=now + LOOK), Why.LOOKED, (CountAsked(),))


def _hear(state: Storm, counted: Counted, now: datetime) -> Decision[Storm]:
    match state.phase:
        case Phase.CALM:
            is_storm = counted.many > 0 and counted.incidents >= counted.many
            return _begin(state, counted, now) if is_storm else Decision(state, Why.STALE)
        case Phase.RAGING:
            return _go_on(state, counted, now)
        case _:
            assert_never(state.phase)


def _begin(state: Storm, counted: Counted, now: datetime) -> Decision[Storm]:
    state = replace(state, phase=Phase.RAGING, since=now, quiet_since=None, look_at=now + LOOK)
    seconds = f"{counted.per.total_seconds():g}"
    detail = (
        f"{counted.incidents} or more incidents opened within {seconds} s; pages of levels 1 and 2 come gathered, "
        "those of levels 3 and 4 as ever. `storm` in escalation.yaml says when"
    )
    raised = AlarmRaised(kind=AlarmKind.STORM, subject=state.name, detail=detail)
    details = {"incidents": str(counted.incidents), "per": seconds}
    return Decision(state, Why.BEGAN, (raised,), details=details)


def _go_on(state: Storm, counted: Counted, now: datetime) -> Decision[Storm]:
    if 2 * counted.incidents >= counted.many > 0:
        if state.quiet_since is None:
            return Decision(state, Why.STALE)
        return Decision(replace(state, quiet_since=None), Why.GOES_ON)
    if counted.many and state.quiet_since is None:
        return Decision(replace(state, quiet_since=now), Why.QUIETENED)
    if counted.many and state.quiet_since is not None and now - state.quiet_since < counted.calm_after:
        return Decision(state, Why.STALE)
    cleared = AlarmCleared(kind=AlarmKind.STORM, subject=state.name)
    return Decision(replace(state, phase=Phase.CALM, quiet_since=None, look_at=None), Why.ENDED, (cleared,))
