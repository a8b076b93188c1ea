"""Steps of a duty: once due, only sent or waived ends it, and it is never put off."""

from __future__ import annotations

from datetime import datetime

from responder.core.decision import Decision, PageAsked
from responder.core.invariants.violation import Code, Found
from responder.core.machines import duty
from responder.core.machines.duty import Duty


def of_duty(before: Duty, event: object, decision: Decision[Duty], now: datetime) -> Found:
    after = decision.state
    left = f"{before.phase} to {after.phase} by {type(event).__name__}"
    was_due = before.phase is duty.Phase.DUE or (before.phase is duty.Phase.OWED and before.due_at <= now)
    is_done = after.phase in (duty.Phase.SENT, duty.Phase.WAIVED)
    if is_done and before.is_live and not isinstance(event, duty.Sent | duty.Waived):
        yield Code.DUTY_ENDED_WRONGLY, left
    if was_due and not is_done and after.phase not in (before.phase, duty.Phase.DUE):
        yield Code.DUTY_ENDED_WRONGLY, left
    if before.phase in (duty.Phase.SENT, duty.Phase.WAIVED) and after != before:
        yield Code.LEFT_FINAL, left
    if before.is_live and after.due_at > before.due_at:
        yield Code.DUTY_MOVED, f"{before.due_at.isoformat()} to {after.due_at.isoformat()}"
    if isinstance(event, duty.TimerDue) and was_due and not decision.why.value.endswith(".stale"):
        asked = {emit.contact for emit in decision.emits if isinstance(emit, PageAsked)}
        if after.phase is not duty.Phase.DUE or not set(after.contacts) <= asked:
            yield Code.UNTOLD, f"{left}; paged {sorted(asked)}"
