"""Steps of a ladder: its time, its rungs, who may hold it, and who is paged or told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from responder.core.decision import Decision, PageAsked, PageReason
from responder.core.identifiers import ladder_page_id
from responder.core.invariants.violation import Code, Found, told
from responder.core.machines import escalation
from responder.core.machines.escalation import Escalation


def of_ladder(before: Escalation, event: object, decision: Decision[Escalation], now: datetime) -> Found:
    after = decision.state
    asked = [emit for emit in decision.emits if isinstance(emit, PageAsked)]
    if not isinstance(event, escalation.LevelReached):
        yield from _of_unanswered(before, event, after, now)
        if not isinstance(event, escalation.Repinned) and not set(before.fired) <= set(after.fired):
            yield Code.STEP_UNDONE, f"{before.fired} to {after.fired}"
    names = [ladder_page_id(before.incident, before.pages + 1 + place) for place in range(len(asked))]
    if [emit.page for emit in asked] != names or after.pages != before.pages + len(asked):
        yield Code.PAGE_NAMES_WRONG, f"{before.pages} pages, then {', '.join(emit.page for emit in asked)}"
    yield from _of_lease(before, event, decision, now)
    yield from _of_rungs(before, asked, now)
    yield from _of_quiet(before, after, asked)
    yield from _of_strangers(event, after, asked)
    yield from _of_tellings(before, event, decision, asked)


def _of_unanswered(before: Escalation, event: object, after: Escalation, now: datetime) -> Found:
    grown = after.unanswered(now) - before.unanswered(now)
    if grown < timedelta(0):
        yield Code.UNANSWERED_SHRANK, f"by {-grown} at {type(event).__name__}"
    quiets = (before.lease, before.snooze, before.suppression)
    ends = [quiet.until for quiet in quiets if quiet is not None]
    is_ending = isinstance(event, escalation.TimerDue) and ends and max(ends) <= now
    most = now - max(ends) if is_ending else timedelta(0)
    if grown > most:
        yield Code.UNANSWERED_JUMPED, f"by {grown} at {type(event).__name__}"


def _of_lease(before: Escalation, event: object, decision: Decision[Escalation], now: datetime) -> Found:
    """Only a person begins one, no longer than the level allows, and it ends only by what may end it."""
    was, lease = before.lease, decision.state.lease
    if lease is not None and lease != was:
        if not (isinstance(event, escalation.Acknowledged) and lease.holder == event.by):
            yield Code.LEASE_WRONGLY, f"held by {type(event).__name__}"
        if lease.until > now + before.terms.ack_lease:
            yield Code.LEASE_WRONGLY, "longer than the level allows"
    snooze = decision.state.snooze
    if snooze is not None and snooze != before.snooze and snooze.until > now + before.terms.snooze_cap:
        yield Code.LEASE_WRONGLY, "snoozed for longer than the level allows"
    quiet = decision.state.suppression
    if quiet is not None and quiet != before.suppression:
        longest = before.suppression.until if before.suppression is not None else now
        said = event.until if isinstance(event, escalation.Suppressed) else longest
        if not isinstance(event, escalation.Suppressed) or quiet.until != max(longest, said):
            yield Code.SUPPRESSED_WRONGLY, f"until {quiet.until.isoformat()} by {type(event).__name__}"
    if was is not None and lease is None and not _may_end(was.until, before, event, now):
        yield Code.LEASE_WRONGLY, f"ended by {type(event).__name__}"


def _may_end(until: datetime, before: Escalation, event: object, now: datetime) -> bool:
    match event:
        case escalation.TimerDue():
            return until <= now
        case escalation.LevelReached(terms=terms):
            return terms.level > before.level
        case escalation.Joined():
            return before.level.is_disaster
        case escalation.Unacknowledged() | escalation.Resolved():
            return True
        case _:
            return False


def _of_rungs(before: Escalation, asked: Sequence[PageAsked], now: datetime) -> Found:
    for each in asked:
        if each.reason is PageReason.STEP and each.step is not None:
            if before.terms.steps[each.step].after > before.unanswered(now):
                yield Code.STEP_TOO_SOON, f"step {each.step} after {before.unanswered(now)}"
            if each.step in before.fired:
                yield Code.STEP_UNDONE, f"step {each.step} again"
        last = before.moved_early_at
        if each.reason is PageReason.EARLY and last is not None and now < last + escalation.EARLY_GAP:
            yield Code.STEP_TOO_SOON, f"early again after {now - last}"


def _of_quiet(before: Escalation, after: Escalation, asked: Sequence[PageAsked]) -> Found:
    allowed = {
        PageReason.ESCALATED,
        PageReason.GHOST,
        PageReason.JOINED,
        PageReason.STRANGER,
        PageReason.TAKEN_OVER,
    }
    if after.phase is escalation.Phase.STOPPED:
        allowed = {PageReason.RESOLVED}
    elif not after.is_quiet:
        return
    for each in asked:
        if each.reason not in allowed:
            yield Code.ASKED_WHILE_QUIET, f"for {each.reason} while {after.phase}"


def _of_strangers(event: object, after: Escalation, asked: Sequence[PageAsked]) -> Found:
    """Whoever holds it because somebody else said so hears of it, and nobody hears of it without that."""
    told_of = {each.contact for each in asked if each.reason is PageReason.STRANGER}
    is_by_stranger = isinstance(event, escalation.Acknowledged) and bool(event.stranger)
    holds = {after.lease.holder} if is_by_stranger and after.lease is not None else set()
    if told_of != holds:
        yield Code.UNTOLD, f"{sorted(holds)} hold it by a stranger's word, and {sorted(told_of)} are told"


def _of_tellings(
    before: Escalation, event: object, decision: Decision[Escalation], asked: Sequence[PageAsked]
) -> Found:
    after = decision.state
    contacts = {each.contact for each in asked}
    climbs = after.phase is escalation.Phase.CLIMBING
    if climbs and before.is_quiet and not after.is_quiet:
        rung = before.terms.contacts_of(before.rung) if before.rung is not None else ()
        if not {*([] if before.last_holder is None else [before.last_holder]), *rung} <= contacts:
            yield Code.UNTOLD, f"nobody answers any more; only {sorted(contacts)} are paged"
    begins_quiet = after.lease is not None and (
        before.lease is None or before.lease.holder != after.lease.holder
    )
    if begins_quiet and not told(decision, escalation.PagesWithdrawn):
        yield Code.UNTOLD, "what is owed is not withdrawn at the acknowledgement"
    if isinstance(event, escalation.Resolved) and before.phase is escalation.Phase.CLIMBING:
        if not set(before.reached) <= contacts:
            yield Code.UNTOLD, "not everybody who was paged is told the end"
        if not told(decision, escalation.PagesWithdrawn):
            yield Code.UNTOLD, "what is owed is not withdrawn at the end"
