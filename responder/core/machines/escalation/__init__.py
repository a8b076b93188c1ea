"""Escalation: whom to page next, and when to stop.

It owns the ladder's clock, which runs only while nobody answers (no lease, no snooze) and Alertmanager does not keep it
quiet, the acknowledgement as a lease, snoozes, early moves, repeats and catching up after our own downtime. Whether a
page arrives is `page`'s business, whether the alerts still fire `incident`'s. One `Due` does one thing, so that every
audit line has one reason; the engine calls again at once while
something is still due.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from responder.core.decision import Decision
from responder.core.identifiers import IncidentId
from responder.core.machines.escalation.answering import (
    acknowledge,
    end_lease,
    end_snooze,
    snooze,
    unacknowledge,
)
from responder.core.machines.escalation.climbing import (
    EARLY_GAP,
    HELD_AGAIN,
    ask_early,
    escalate,
    fire_due,
    move_early,
    repeat,
)
from responder.core.machines.escalation.events import (
    Acknowledged,
    Doubted,
    Escalated,
    Event,
    HandedOver,
    Joined,
    LevelReached,
    MoveAllowed,
    MoveDue,
    MoveHeld,
    MoveWanted,
    PagesWithdrawn,
    RemediationAsked,
    Reopened,
    Repinned,
    Resolved,
    Snoozed,
    Suppressed,
    TimerDue,
    Unacknowledged,
    Unsuppressed,
)
from responder.core.machines.escalation.following import (
    join,
    note_reached,
    on_level,
    page_holder,
    reopen,
    repin,
    resolve,
)
from responder.core.machines.escalation.record import (
    JOINED_GAP,
    EarlyMove,
    EarlyWhy,
    Escalation,
    Lease,
    Phase,
    Snooze,
    Suppression,
    Why,
)
from responder.core.machines.escalation.suppressing import end_unconfirmed, hear_alertmanager
from responder.core.policy.escalation import Terms

__all__ = [
    "EARLY_GAP",
    "HELD_AGAIN",
    "JOINED_GAP",
    "Acknowledged",
    "Doubted",
    "EarlyMove",
    "EarlyWhy",
    "Escalated",
    "Escalation",
    "Event",
    "HandedOver",
    "Joined",
    "Lease",
    "LevelReached",
    "MoveAllowed",
    "MoveDue",
    "MoveHeld",
    "MoveWanted",
    "PagesWithdrawn",
    "Phase",
    "RemediationAsked",
    "Reopened",
    "Repinned",
    "Resolved",
    "Snooze",
    "Snoozed",
    "Suppressed",
    "Suppression",
    "TimerDue",
    "Unacknowledged",
    "Unsuppressed",
    "Why",
    "advance",
    "begin",
]


def begin(incident: IncidentId, terms: Terms, now: datetime) -> Decision[Escalation]:
    """The ladder of an incident that has just opened; its steps at 0 s are due at once."""
    state = Escalation(incident=incident, terms=terms, reached_at=now, since=now)
    return Decision(state, Why.STARTED, details={"level": str(int(terms.level))})


def advance(state: Escalation, event: Event, now: datetime) -> Decision[Escalation]:
    match event:
        case TimerDue():
            return _on_due(state, now)
        case LevelReached(terms=terms):
            return on_level(state, terms, now)
        case Acknowledged():
            return acknowledge(state, event, now)
        case Unacknowledged():
            return unacknowledge(state, event, now)
        case Snoozed():
            return snooze(state, event, now)
        case Suppressed() | Unsuppressed() | Doubted():
            return hear_alertmanager(state, event, now)
        case Escalated():
            return escalate(state, event, now)
        case MoveWanted() | MoveAllowed() | MoveHeld():
            return move_early(state, event, now)
        case Joined():
            return join(state, event, now)
        case HandedOver(contact=contact):
            return note_reached(state, contact)
        case Resolved():
            return resolve(state, now)
        case Reopened():
            return reopen(state, event, now)
        case Repinned(terms=terms):
            return repin(state, terms, now)
        case _:
            assert_never(event)


def _on_due(state: Escalation, now: datetime) -> Decision[Escalation]:
    """The one thing whose time has come first."""
    overdue = sorted((moment, what) for moment, what in state.waiting() if moment <= now)
    if not overdue:
        return Decision(state, Why.STALE)
    match overdue[0][1]:
        case "lease":
            return end_lease(state, now)
        case "snooze":
            return end_snooze(state, now)
        case "suppression":
            return end_unconfirmed(state, now)
        case "joined":
            return page_holder(state, state.joined_waiting, now)
        case "step":
            return fire_due(state, now)
        case "repeat":
            return repeat(state, now)
        case "early":
            return ask_early(state, now)
        case other:
            raise AssertionError(f"nothing waits under the name {other}")
