"""Suppressing: Alertmanager keeps the alerts quiet (silenced, inhibited), so the ladder stands still.

What is not confirmed again ends by itself: a silence that nobody can see any more must not keep people from a fire.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from responder.core.decision import Decision, NoticeReason, PageAsked, PageReason
from responder.core.machines.escalation.climbing import level_notice, page_again, page_people, settle
from responder.core.machines.escalation.events import Doubted, PagesWithdrawn, Suppressed, Unsuppressed
from responder.core.machines.escalation.record import Escalation, Phase, Suppression, Why

NAMED = 5  # of what suppresses it, in one sentence


def hear_alertmanager(
    state: Escalation, event: Suppressed | Unsuppressed | Doubted, now: datetime
) -> Decision[Escalation]:
    match event:
        case Suppressed():
            return _suppress(state, event, now)
        case Unsuppressed():
            return _unsuppress(state, now)
        case Doubted():
            return _doubt(state, event, now)
        case _:
            assert_never(event)


def _suppress(state: Escalation, event: Suppressed, now: datetime) -> Decision[Escalation]:
    """What is owed is withdrawn, unless somebody has it: then it was asked for while they had it."""
    held = state.suppression
    if state.phase is Phase.STOPPED or event.until <= now:
        return Decision(state, Why.STALE)
    if held is not None:
        longer = replace(held, until=max(held.until, event.until), by=event.by)
        if longer == held:
            return Decision(state, Why.STALE)
        return Decision(replace(state, suppression=longer), Why.STILL_SUPPRESSED)
    withdrawn = () if state.is_answered else (PagesWithdrawn(incident=state.incident),)
    suppression = Suppression(since=now, until=event.until, by=event.by)
    state = settle(replace(state, suppression=suppression), now)
    emits = (*withdrawn, level_notice(state, NoticeReason.SUPPRESSED))
    named = ", ".join(event.by[:NAMED])
    return Decision(state, Why.SUPPRESSED, emits, details={"by": named, "until": event.until.isoformat()})


def _unsuppress(state: Escalation, now: datetime) -> Decision[Escalation]:
    if state.suppression is None:
        return Decision(state, Why.STALE)
    return _go_on(
        state, PageReason.UNSUPPRESSED, NoticeReason.UNSUPPRESSED, Why.UNSUPPRESSED, since=now, now=now
    )


def end_unconfirmed(state: Escalation, now: datetime) -> Decision[Escalation]:
    assert state.suppression is not None
    return _go_on(
        state,
        PageReason.UNCONFIRMED,
        NoticeReason.UNCONFIRMED,
        Why.UNCONFIRMED,
        since=state.suppression.until,
        now=now,
    )


def _go_on(
    state: Escalation, page: PageReason, notice: NoticeReason, why: Why, *, since: datetime, now: datetime
) -> Decision[Escalation]:
    """The ladder goes on where it stood; who heard of it last hears of it again, unless somebody answered."""
    state = settle(replace(state, suppression=None), since)
    pages: tuple[PageAsked, ...] = ()
    if not state.is_answered:
        state, pages = page_again(state, page, now)
    return Decision(state, why, (level_notice(state, notice), *pages))


def _doubt(state: Escalation, event: Doubted, now: datetime) -> Decision[Escalation]:
    """Whoever answers for it is asked to look, be it quiet or not; where nobody does, whoever heard of it last."""
    if state.phase is Phase.STOPPED:
        return Decision(state, Why.STALE)
    state = settle(replace(state, suppression=None), now)
    notice = level_notice(state, NoticeReason.GHOST, event.subject)
    if state.is_answered and state.last_holder is not None:
        state, pages = page_people(state, (state.last_holder,), PageReason.GHOST, subject=event.subject)
    else:
        state, pages = page_again(state, PageReason.GHOST, now, subject=event.subject)
    return Decision(state, Why.DOUBTED, (notice, *pages), details={"subject": event.subject})
