"""Steps of what is sent, pages and notices: no call without a claim, no result without its token, nothing forgotten."""

from __future__ import annotations

from typing import Any

from responder.core.decision import Decision
from responder.core.delivery import LEASE, Accepted, Outcome, Rejected, SendDue
from responder.core.invariants.violation import Code, Found, told
from responder.core.machines import page
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page


def of_sends(before: Page | Notice, event: object, decision: Decision[Any], *, owed: bool) -> Found:
    after = decision.state
    if decision.effects and not (owed and isinstance(event, SendDue) and after.in_flight is not None):
        yield Code.SENT_WRONGLY, f"while {before.phase}, at {type(event).__name__}"
    if len(decision.effects) > 1:
        yield Code.SENT_WRONGLY, "twice at once"
    for effect in decision.effects:
        if (
            effect.deadline >= effect.due_at + LEASE
            and effect.deadline - after.attempts[-1].claimed_at >= LEASE / 2
        ):
            yield Code.SENT_WRONGLY, "the call may outlast half its lease"
    flying = before.in_flight
    if isinstance(event, Accepted | Rejected) and flying is not None:
        is_of_another = event.attempt != flying.number and after.in_flight != flying
        if is_of_another:
            yield Code.TOKEN_IGNORED, f"a result of attempt {event.attempt} ended attempt {flying.number}"
    kept = {attempt.number: attempt for attempt in after.attempts}
    for attempt in before.attempts:
        now = kept.get(attempt.number)
        is_open = attempt.outcome in (None, Outcome.UNKNOWN)
        if now is not None and now != attempt and not is_open:
            yield Code.ATTEMPT_REWRITTEN, f"attempt {attempt.number} was {attempt.outcome}"


def of_page(before: Page, event: object, decision: Decision[Page]) -> Found:
    after = decision.state
    yield from of_sends(before, event, decision, owed=before.phase is page.Phase.OWED)
    if len(after.attempts) < len(before.attempts):
        yield Code.ATTEMPT_REWRITTEN, "an attempt was forgotten"
    is_under_way = before.phase in (page.Phase.OWED, page.Phase.SENDING)
    if isinstance(event, page.Withdrawn) and is_under_way and after.phase is not page.Phase.WITHDRAWN:
        yield Code.WITHDRAWAL_IGNORED, f"{before.phase} to {after.phase}"
    is_late_arrival = before.phase is page.Phase.FAILED and after.phase is page.Phase.ACCEPTED
    if not is_under_way and after.phase is not before.phase and not is_late_arrival:
        yield Code.LEFT_FINAL, f"{before.phase} to {after.phase}"
    became = after.phase if after.phase is not before.phase else None
    if became is page.Phase.ACCEPTED and not told(decision, page.PageAccepted):
        yield Code.UNTOLD, "it was accepted"
    if became is page.Phase.FAILED:
        if not told(decision, page.PageFailed):
            yield Code.UNTOLD, "it failed"
        refused = {past.method for past in after.attempts if past.outcome is Outcome.PERMANENT}
        if after.reason.is_ladder and len(refused) < len(after.methods):
            yield Code.GIVEN_UP, f"{len(after.methods) - len(refused)} methods are left"
