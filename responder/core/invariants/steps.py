"""What holds of one step of one machine: the state before, what it heard, and what it decided.

A check here sees what no single state shows: that something ended only by what may end it, and that whoever has to
hear of it is told. It says nothing of why a machine decided so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from responder.core.decision import Decision
from responder.core.delivery import SendDue
from responder.core.identifiers import RecordKey
from responder.core.invariants.duty_steps import of_duty
from responder.core.invariants.heartbeat_steps import of_heartbeat
from responder.core.invariants.incident_steps import of_incident
from responder.core.invariants.ladder_steps import of_ladder
from responder.core.invariants.message_steps import of_page, of_sends
from responder.core.invariants.storm_steps import of_storm
from responder.core.invariants.violation import Code, Found, Violation
from responder.core.machines import duty, escalation, heartbeat, incident, notice, storm
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.heartbeat import Heartbeat
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.core.machines.storm import Storm

Record = Incident | Escalation | Page | Notice | Duty | Heartbeat | Storm
_TIMERS = (incident.TimerDue, escalation.TimerDue, duty.TimerDue, heartbeat.TimerDue, storm.TimerDue, SendDue)


def violations_of_step(
    before: Record, event: object, decision: Decision[Any], now: datetime
) -> tuple[Violation, ...]:
    """Every invariant that this step breaks; empty is the only good answer."""
    subject = str(RecordKey(before.KIND, before.id))
    after = decision.state
    if type(after) is not type(before) or after.id != before.id:
        return (Violation(code=Code.ANOTHER_RECORD, subject=subject, detail=f"became {after!r:.60}"),)
    found = [*_of_any(before, event, decision, now), *_of_its_own(before, event, decision, now)]
    return tuple(Violation(code=code, subject=subject, detail=detail) for code, detail in found)


def _of_its_own(before: Record, event: object, decision: Decision[Any], now: datetime) -> Found:
    match before:
        case Incident():
            return of_incident(before, event, decision, now)
        case Escalation():
            return of_ladder(before, event, decision, now)
        case Page():
            return of_page(before, event, decision)
        case Notice():
            return of_sends(before, event, decision, owed=before.phase is notice.Phase.OWED)
        case Duty():
            return of_duty(before, event, decision, now)
        case Heartbeat():
            return of_heartbeat(before, event, decision, now)
        case Storm():
            return of_storm(before, event, decision, now)


def _of_any(before: Record, event: object, decision: Decision[Any], now: datetime) -> Found:
    did_something = decision.state != before or decision.emits or decision.effects
    if decision.why.value.endswith(".stale") and did_something:
        yield Code.STALE_BUT_CHANGED, type(event).__name__
    if not isinstance(event, _TIMERS):
        return
    due = before.due()
    is_due = due is not None and due.at <= now
    if not is_due and did_something:
        yield Code.TOO_EARLY, f"due {due.at.isoformat() if due else 'never'}"
    if is_due and decision.state == before:
        yield Code.NO_PROGRESS, f"due {due.at.isoformat() if due else 'never'}"
