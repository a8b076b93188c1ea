"""Heartbeat: a dead man's switch. While it beats all is well; when a period passes without a beat, people are told.

It is armed by its first beat, or at start where the policy says `expected`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, assert_never

from responder.core.decision import Decision, Due, DueKind
from responder.core.identifiers import Kind


class Phase(StrEnum):
    UNARMED = "unarmed"
    BEATING = "beating"
    MISSED = "missed"


class Why(StrEnum):
    ARMED = "heartbeat.armed"
    BEAT = "heartbeat.beat"
    MISSED = "heartbeat.missed"
    BACK = "heartbeat.back"
    CHANGED = "heartbeat.changed"
    REMOVED = "heartbeat.removed"
    STALE = "heartbeat.stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    KIND: ClassVar[Kind] = Kind.HEARTBEAT

    name: str
    period: timedelta
    phase: Phase = Phase.UNARMED
    last_at: datetime | None = None  # the last beat, or when it was armed

    @property
    def id(self) -> str:
        return self.name

    @property
    def incident(self) -> None:
        return None

    @property
    def is_live(self) -> bool:
        return True

    def due(self) -> Due | None:
        if self.phase is not Phase.BEATING or self.last_at is None:
            return None
        return Due(self.last_at + self.period, DueKind.TIMER)


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The record's due row was claimed."""


@dataclass(frozen=True, slots=True)
class Beat: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """The policies in force say so; told at start and at every reload.

    `deaf_until`: at start, now: a beat sent while we were down could not be heard, so the period counts from here.
    """

    period: timedelta
    expected: bool
    deaf_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """The policies no longer name it."""


Event = TimerDue | Beat | Configured | Removed


# Emits of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatMissed:
    name: str
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatBack:
    name: str


def advance(state: Heartbeat, event: Event, now: datetime) -> Decision[Heartbeat]:
    match event:
        case TimerDue():
            return _on_due(state, now)
        case Beat():
            return _beat(state, now)
        case Configured():
            return _configure(state, event, now)
        case Removed():
            return _remove(state)
        case _:
            assert_never(event)


def _on_due(state: Heartbeat, now: datetime) -> Decision[Heartbeat]:
    due = state.due()
    if due is None or now < due.at or state.last_at is None:
        return Decision(state, Why.STALE)
    missed = HeartbeatMissed(name=state.name, last_at=state.last_at)
    return Decision(
        replace(state, phase=Phase.MISSED), Why.MISSED, (missed,), details={"last": state.last_at.isoformat()}
    )


def _beat(state: Heartbeat, now: datetime) -> Decision[Heartbeat]:
    was, state = state.phase, replace(state, phase=Phase.BEATING, last_at=now)
    match was:
        case Phase.UNARMED:
            return Decision(state, Why.ARMED)
        case Phase.BEATING:
            return Decision(state, Why.BEAT)
        case Phase.MISSED:
            return Decision(state, Why.BACK, (HeartbeatBack(name=state.name),))
        case _:
            assert_never(was)


def _configure(state: Heartbeat, event: Configured, now: datetime) -> Decision[Heartbeat]:
    changed = replace(state, period=event.period)
    if event.expected and state.phase is Phase.UNARMED:
        return Decision(replace(changed, phase=Phase.BEATING, last_at=now), Why.ARMED)
    if state.phase is Phase.BEATING and state.last_at is not None and event.deaf_until is not None:
        changed = replace(changed, last_at=max(state.last_at, event.deaf_until))
    return Decision(changed, Why.CHANGED if changed != state else Why.STALE)


def _remove(state: Heartbeat) -> Decision[Heartbeat]:
    back = (HeartbeatBack(name=state.name),) if state.phase is Phase.MISSED else ()
    return Decision(replace(state, phase=Phase.UNARMED, last_at=None), Why.REMOVED, back)
