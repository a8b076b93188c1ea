"""What holds of one incident's records at any moment between two transactions.

A check here needs no history: the auditor reads the records and asks. What only the step between two states can show
stands in `steps`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from responder.core.decision import PageReason
from responder.core.delivery import Outcome
from responder.core.identifiers import RecordKey
from responder.core.invariants.violation import Code, Found, Violation
from responder.core.level import Level
from responder.core.machines import duty, escalation, incident, notice, page
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.core.policy import escalation as policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One incident with all that is its own, read in one transaction."""

    incident: Incident
    escalation: Escalation | None
    pages: tuple[Page, ...] = ()
    duties: tuple[Duty, ...] = ()
    notices: tuple[Notice, ...] = ()


Record = Incident | Escalation | Page | Duty | Notice


def violations_of_state(bundle: Bundle, now: datetime) -> tuple[Violation, ...]:
    """Every broken invariant, in no particular order; empty is the only good answer."""
    found = [*_name(bundle.incident, _of_incident(bundle.incident, now))]
    if bundle.escalation is None:
        found += _name(bundle.incident, iter([(Code.STRANDED, "it has no ladder")]))
    else:
        ladder = bundle.escalation
        found += _name(ladder, _of_ladder(ladder))
        found += _name(ladder, _of_both(bundle.incident, ladder))
        for each in bundle.pages:
            found += _name(each, _quiet(ladder, each))
    for each in bundle.pages:
        found += _name(each, _of_page(each))
    for notice_ in bundle.notices:
        found += _name(notice_, _of_notice(notice_))
    for duty_ in bundle.duties:
        found += _name(duty_, _of_duty(duty_, bundle.incident))
    return tuple(found)


def violations_of_carried(state: Page, digest: Page | None) -> tuple[Violation, ...]:
    """What a page that is gathered relies on: `digest`, which is stored under the name that the page has for it."""
    return tuple(_name(state, _of_carried(state, digest)))


def _of_carried(state: Page, digest: Page | None) -> Found:
    if state.phase is not page.Phase.GATHERED:
        return
    if digest is None:
        yield Code.UNCARRIED, f"there is no {state.digest}"
    elif digest.phase not in (page.Phase.OWED, page.Phase.SENDING):
        yield Code.UNCARRIED, f"{digest.page} is {digest.phase}"
    elif state.page not in {member.page for member in digest.members} - {*digest.left}:
        yield Code.UNCARRIED, f"{digest.page} has no such member"


def _name(record: Record, found: Found) -> list[Violation]:
    subject = str(RecordKey(record.KIND, record.id))
    return [Violation(code=code, subject=subject, detail=detail) for code, detail in found]


def _of_incident(state: Incident, now: datetime) -> Found:
    resolved = state.phase is incident.Phase.RESOLVED
    if resolved and state.due() is None:
        yield Code.NO_TIMER, "resolved, and neither closes nor is looked at again"
    if (state.resolved_at is None) is not state.is_open:
        yield Code.INCIDENT_MALFORMED, f"{state.phase}, resolved at {state.resolved_at}"
    if state.resolved_at is not None and state.resolved_at > now:
        yield Code.INCIDENT_MALFORMED, "it resolved in the future"
    if state.twin_since is not None and not (resolved and state.firing):
        yield Code.INCIDENT_MALFORMED, f"a twin is held while {state.phase}, {state.firing} firing"
    if state.firing < 0 or state.seen < state.firing:
        yield Code.INCIDENT_MALFORMED, f"{state.firing} of {state.seen} fire"
    if state.is_open and state.seen and not state.firing and not state.hidden:
        yield Code.CLEARED_BUT_OPEN, ""


def _of_both(state: Incident, ladder: Escalation) -> Found:
    if ladder.level is not state.level:
        yield Code.MACHINES_DISAGREE, f"incident {state.level:d}, ladder {ladder.level:d}"
    if (ladder.phase is escalation.Phase.CLIMBING) is not state.is_open:
        yield Code.MACHINES_DISAGREE, f"incident {state.phase}, ladder {ladder.phase}"
    if not state.is_open or ladder.is_quiet or state.level is Level.MINOR:
        return
    if ladder.due() is None:
        yield Code.STRANDED, "nothing is due"
    elif ladder.next_rung() is None and ladder.next_repeat() is None:
        yield Code.STRANDED, "something is due, but nobody is paged by it"


def _of_ladder(state: Escalation) -> Found:
    runs = state.phase is escalation.Phase.CLIMBING and not state.is_quiet
    if runs is not (state.since is not None):
        yield Code.CLOCK_WRONG, f"runs: {state.since is not None}, should: {runs}"
    if state.phase is escalation.Phase.STOPPED and state.is_quiet:
        yield Code.LADDER_MALFORMED, "stopped, and held"
    if (state.is_quiet or state.early) and state.due() is None:
        yield Code.NO_TIMER, "a lease, snooze, suppression or early move that never ends"
    steps = range(len(state.terms.steps))
    if len(set(state.fired)) != len(state.fired) or not set(state.fired) <= set(steps):
        yield Code.LADDER_MALFORMED, f"steps {state.fired} of {len(steps)} happened"
    rungs = {index for index in steps if isinstance(state.terms.steps[index], policy.Page)}
    if state.rung is not None and state.rung not in rungs & set(state.fired):
        yield Code.LADDER_MALFORMED, f"rung {state.rung} did not happen"
    is_last = state.rung is not None and rungs <= set(state.fired)
    if is_last is not (state.repeat_at is not None):
        yield Code.LADDER_MALFORMED, f"rung {state.rung}, repeat at {state.repeat_at}"


def _quiet(ladder: Escalation, state: Page) -> Found:
    """No ladder page while somebody answers or it is over; but what was asked for meanwhile is asked for."""
    is_under_way = state.phase in page.UNDER_WAY
    if not (state.reason.is_ladder and is_under_way):
        return
    if ladder.phase is escalation.Phase.STOPPED:
        yield Code.PAGED_WHILE_QUIET, f"{state.phase} for {state.reason} after it resolved"
    elif ladder.is_quiet and not _meant_for_quiet(ladder, state):
        yield Code.PAGED_WHILE_QUIET, f"{state.phase} for {state.reason}"


def _meant_for_quiet(ladder: Escalation, state: Page) -> bool:
    """A person asked for the next step all the same, or the holder is told what joined, or is asked to look."""
    if state.reason in (PageReason.JOINED, PageReason.GHOST):
        return state.asked_for == ladder.last_holder
    return state.reason is PageReason.ESCALATED


def _of_attempts(state: Page | Notice) -> Found:
    numbers = [attempt.number for attempt in state.attempts]
    if numbers != sorted(set(numbers)):
        yield Code.ATTEMPTS_MALFORMED, f"numbered {numbers}"
    if any(attempt.outcome is None for attempt in state.attempts[:-1]):
        yield Code.ATTEMPTS_MALFORMED, "two calls in flight"
    if state.in_flight is not None and state.due() is None:
        yield Code.NO_TIMER, "a call whose lease never ends"


def _of_page(state: Page) -> Found:
    yield from _of_attempts(state)
    if state.attempts and state.attempts[-1].number != len(state.attempts):
        # Of a notice the old ones are forgotten, and what its channel only put off was none.
        yield Code.ATTEMPTS_MALFORMED, f"{len(state.attempts)}, the last numbered {state.attempts[-1].number}"
    if state.phase in (page.Phase.OWED, page.Phase.GATHERING) and state.due() is None:
        yield Code.NO_TIMER, f"{state.phase}, and never tried"
    if (state.incident is None) is not bool(state.members):
        yield Code.DIGEST_MALFORMED, f"of {state.incident}, with {len(state.members)} members"
    if state.phase is page.Phase.GATHERED and not state.digest:
        yield Code.DIGEST_MALFORMED, "gathered, and no digest is named"
    in_flight = state.in_flight is not None
    if in_flight is not (state.phase is page.Phase.SENDING) and not (
        in_flight and state.phase is page.Phase.WITHDRAWN
    ):
        yield Code.ATTEMPTS_MALFORMED, f"{state.phase}, in flight: {in_flight}"
    arrived = any(attempt.outcome is Outcome.ACCEPTED for attempt in state.attempts)
    is_open = state.phase in (page.Phase.WITHDRAWN, page.Phase.SENDING)
    if not is_open and not state.digest and arrived is not (state.phase is page.Phase.ACCEPTED):
        yield Code.ATTEMPTS_MALFORMED, f"{state.phase}, accepted: {arrived}"


def _of_notice(state: Notice) -> Found:
    yield from _of_attempts(state)
    if state.phase is notice.Phase.OWED and state.due() is None:
        yield Code.NO_TIMER, "owed, and never tried"
    if (state.in_flight is not None) is not (state.phase is notice.Phase.SENDING):
        yield Code.ATTEMPTS_MALFORMED, f"{state.phase}, in flight: {state.in_flight is not None}"
    if state.phase is notice.Phase.SHOWN and state.sent != state.wanted:
        yield Code.ATTEMPTS_MALFORMED, f"shown, but {state.sent} of {state.wanted}"


def _of_duty(state: Duty, of: Incident) -> Found:
    if state.is_live is not (state.due() is not None):
        yield Code.NO_TIMER, f"{state.phase}, due: {state.due()}"
    is_done = state.phase in (duty.Phase.SENT, duty.Phase.WAIVED)
    if is_done and not (state.done_by and state.done_at and state.proof):
        yield Code.DUTY_MALFORMED, f"{state.phase} by {state.done_by or 'nobody'}"
    if state.phase is duty.Phase.OWED and of.resolved_at is not None and state.due_at > of.resolved_at:
        yield Code.DUTY_OUTLIVED, f"due at {state.due_at.isoformat()}"
