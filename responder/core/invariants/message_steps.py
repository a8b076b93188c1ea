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
    yield from _of_gathering(before, event, decision)
    is_under_way = before.phase in page.UNDER_WAY
    if isinstance(event, page.Withdrawn) and is_under_way and after.phase is not page.Phase.WITHDRAWN:
        yield Code.WITHDRAWAL_IGNORED, f"{before.phase} to {after.phase}"
    is_late_arrival = before.phase is page.Phase.FAILED and after.phase is page.Phase.ACCEPTED
    if not is_under_way and after.phase is not before.phase and not is_late_arrival:
        yield Code.LEFT_FINAL, f"{before.phase} to {after.phase}"
    became = after.phase if after.phase is not before.phase else None
    if became is page.Phase.ACCEPTED and not _is_told(decision, page.PageAccepted, page.DigestAccepted):
        yield Code.UNTOLD, "it was accepted"
    if became is page.Phase.FAILED:
        if not _is_told(decision, page.PageFailed, page.DigestFailed):
            yield Code.UNTOLD, "it failed"
        refused = {past.method for past in after.attempts if past.outcome is Outcome.PERMANENT}
        is_dropped = isinstance(event, page.Dropped)
        if after.reason.is_ladder and len(refused) < len(after.methods) and not is_dropped:
            yield Code.GIVEN_UP, f"{len(after.methods) - len(refused)} methods are left"


def _of_gathering(before: Page, event: object, decision: Decision[Page]) -> Found:
    """A member is its digest's until the digest has ended, or it says that it leaves; and nobody else's."""
    after = decision.state
    joins = after.phase is page.Phase.GATHERED and before.phase is not page.Phase.GATHERED
    if joins and not (isinstance(event, page.Gathered) and after.digest == event.digest):
        yield Code.DIGEST_WRONGLY, f"gathered at {type(event).__name__}"
    if joins and before.attempts:
        yield Code.DIGEST_WRONGLY, "gathered, though it may have arrived by itself"
    if before.phase is page.Phase.GATHERED and after.phase is not page.Phase.GATHERED:
        ends = isinstance(event, page.Carried | page.Dropped)
        if not ends and not told(decision, page.MemberLeft):
            yield Code.UNTOLD, "it left its digest"
    has_waited = before.phase is page.Phase.GATHERING and after.phase is page.Phase.OWED
    if has_waited and isinstance(event, SendDue) and not told(decision, page.GatherDue):
        yield Code.UNTOLD, "it has waited long enough"
    gone = {member.page for member in before.members} - {member.page for member in after.members}
    if gone and not (isinstance(event, page.Left) and gone == {event.page} and not before.attempts):
        yield Code.DIGEST_WRONGLY, f"lost {len(gone)} members at {type(event).__name__}"


def _is_told(decision: Decision[Page], alone: type, digest: type) -> bool:
    return told(decision, digest if decision.state.members else alone)
