"""Answers: an acknowledgement is a lease, a snooze is asked-for quiet, and the end of either pages at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from responder.core.decision import Decision, NoticeReason, PageAsked, PageReason
from responder.core.identifiers import ContactName
from responder.core.machines.escalation.climbing import level_notice, page_again, page_people, settle
from responder.core.machines.escalation.events import Acknowledged, PagesWithdrawn, Snoozed, Unacknowledged
from responder.core.machines.escalation.record import Escalation, Lease, Phase, Snooze, Why


def acknowledge(state: Escalation, event: Acknowledged, now: datetime) -> Decision[Escalation]:
    if state.phase is Phase.STOPPED:
        # By name: whoever it was done for has nothing to hear of, for it holds nobody.
        return Decision(state, Why.ACKNOWLEDGED_LATE, details={"by": event.stranger or event.by})
    length = state.terms.ack_lease if event.wanted is None else min(event.wanted, state.terms.ack_lease)
    before = state.lease
    since = before.since if before is not None and before.holder == event.by else now
    lease = Lease(holder=event.by, since=since, until=now + length)
    state = settle(replace(state, lease=lease, last_holder=event.by), now)
    details = {"by": event.by, "until": lease.until.isoformat()}
    if event.stranger:
        return _in_the_name_of(state, event, before, details)
    if before is not None and before.holder == event.by:
        # What is owed now was asked for while they held it: somebody escalated, or an alert joined.
        return Decision(state, Why.RENEWED, details=details)
    taken = level_notice(state, NoticeReason.ACKNOWLEDGED, person=event.by)
    emits = (PagesWithdrawn(incident=state.incident), taken)
    if before is None:
        return Decision(state, Why.ACKNOWLEDGED, emits, details=details)
    state, told = page_people(state, (before.holder,), PageReason.TAKEN_OVER, subject=event.by)
    return Decision(state, Why.TAKEN_OVER, (*emits, *told), details=details | {"from": before.holder})


def _in_the_name_of(
    state: Escalation, event: Acknowledged, before: Lease | None, details: dict[str, str]
) -> Decision[Escalation]:
    """`event.by` holds it, and knows nothing of it: they are told, and so is everybody who looks.

    What they owed an answer to while they held it themselves stays owed, as when they renew it.
    """
    details = details | {"stranger": event.stranger}
    state, told = page_people(state, (event.by,), PageReason.STRANGER, subject=event.stranger)
    emits = (level_notice(state, NoticeReason.STRANGER, event.stranger), *told)
    if before is not None and before.holder == event.by:
        return Decision(state, Why.ACKNOWLEDGED_BY_STRANGER, emits, details=details)
    if before is not None:
        state, gone = page_people(state, (before.holder,), PageReason.TAKEN_OVER, subject=event.by)
        emits, details = (*emits, *gone), details | {"from": before.holder}
    withdrawn = PagesWithdrawn(incident=state.incident)
    return Decision(state, Why.ACKNOWLEDGED_BY_STRANGER, (withdrawn, *emits), details=details)


def unacknowledge(state: Escalation, event: Unacknowledged, now: datetime) -> Decision[Escalation]:
    """It is nobody's again, and a snooze that lies over it ends too."""
    if state.lease is None and state.snooze is None:
        return Decision(state, Why.NOTED, details={"by": event.by})
    page, notice, why = PageReason.UNACKNOWLEDGED, NoticeReason.UNACKNOWLEDGED, Why.UNACKNOWLEDGED
    if state.lease is None:  # there was only quiet
        page, notice, why = PageReason.SNOOZE_ENDED, NoticeReason.SNOOZE_ENDED, Why.SNOOZE_UNDONE
    decision = let_go(state, page, notice, why, since=now, now=now)
    return replace(decision, details={**decision.details, "by": event.by})


def end_lease(state: Escalation, now: datetime) -> Decision[Escalation]:
    assert state.lease is not None
    if state.snooze is not None:
        # Somebody asked for quiet beyond the lease; the end of the snooze pages.
        details = {"holder": state.lease.holder}
        freed = replace(state, lease=None, joined_waiting="")
        notice = level_notice(freed, NoticeReason.LEASE_ENDED, person=state.lease.holder)
        return Decision(freed, Why.LEASE_ENDED_SNOOZED, (notice,), details=details)
    return let_go(
        state,
        PageReason.LEASE_ENDED,
        NoticeReason.LEASE_ENDED,
        Why.LEASE_ENDED,
        since=state.lease.until,
        now=now,
    )


def let_go(
    state: Escalation,
    page: PageReason,
    notice: NoticeReason,
    why: Why,
    *,
    since: datetime,
    now: datetime,
    subject: str = "",
) -> Decision[Escalation]:
    """Nobody has it since `since`: the ladder's clock goes on, the last holder and the last rung are paged at once.

    While Alertmanager keeps it quiet nobody is; the end of that pages them.
    """
    holder = _holder(state)
    state = settle(replace(state, lease=None, snooze=None, joined_waiting=""), since)
    pages: tuple[PageAsked, ...] = ()
    if state.suppression is None:
        state, pages = page_again(state, page, now, subject=subject)
    emits = (level_notice(state, notice, subject, holder), *pages)
    return Decision(state, why, emits, details={"holder": holder})


def _holder(state: Escalation) -> ContactName:
    """Who answers for the quiet: the lease's holder, or who snoozed it."""
    if state.lease is not None:
        return state.lease.holder
    assert state.snooze is not None
    return state.snooze.by


def snooze(state: Escalation, event: Snoozed, now: datetime) -> Decision[Escalation]:
    if state.phase is Phase.STOPPED:
        return Decision(state, Why.NOTED, details={"by": event.by})
    until = now + min(event.wanted, state.terms.snooze_cap)
    snooze = Snooze(by=event.by, until=until)
    last_holder = event.by if state.lease is None else state.lease.holder
    state = settle(replace(state, snooze=snooze, last_holder=last_holder), now)
    quiet = level_notice(state, NoticeReason.SNOOZED, person=event.by)
    emits = (PagesWithdrawn(incident=state.incident), quiet)
    details = {"by": str(event.by), "until": until.isoformat()}
    if state.lease is not None:
        details["held"] = state.lease.until.isoformat()
        return Decision(state, Why.SNOOZED_HELD, emits, details=details)
    return Decision(state, Why.SNOOZED, emits, details=details)


def end_snooze(state: Escalation, now: datetime) -> Decision[Escalation]:
    """Whoever asked for quiet is paged at once with the others, unless there is another reason for quiet."""
    assert state.snooze is not None
    snooze = state.snooze
    state = settle(replace(state, snooze=None), snooze.until)
    pages: tuple[PageAsked, ...] = ()
    if not state.is_quiet:
        state, pages = page_again(state, PageReason.SNOOZE_ENDED, now, also=(snooze.by,))
    return Decision(state, Why.SNOOZE_ENDED, (level_notice(state, NoticeReason.SNOOZE_ENDED), *pages))
