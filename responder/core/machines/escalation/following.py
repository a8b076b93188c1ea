"""Following the incident: its level, what joins it, its end and its opening again, and today's policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from responder.core.decision import Decision, NoticeReason, PageReason
from responder.core.identifiers import ContactName
from responder.core.machines.escalation.answering import let_go
from responder.core.machines.escalation.climbing import (
    climb_to,
    level_notice,
    page_again,
    page_people,
    settle,
    unfired_rungs,
)
from responder.core.machines.escalation.events import Joined, PagesWithdrawn, Reopened
from responder.core.machines.escalation.record import JOINED_GAP, Escalation, Phase, Why
from responder.core.policy.escalation import Page, Terms

SUBJECT_MOST = 200  # characters of what joined, gathered for one page


def on_level(state: Escalation, terms: Terms, now: datetime) -> Decision[Escalation]:
    """A rise starts the higher ladder and ends the lower level's quiet, whose holder and rung are paged at once.

    A fall starts the lower ladder, withdraws what the higher one still owes, and leaves the holder their lease.
    """
    rose = terms.level > state.terms.level
    first: tuple[object, ...] = () if rose else (PagesWithdrawn(incident=state.incident),)
    if rose and state.is_quiet:
        # The rung is the lower ladder's; its failure says nothing about a rung of the higher one.
        state, pages = page_again(state, PageReason.ROSE, now)
        first = tuple(replace(page, step=None) for page in pages)
    state = replace(
        state,
        terms=terms,
        reached_at=now,
        waited=timedelta(0),
        since=None,
        fired=(),
        rung=None,
        repeat_at=None,
        not_before=None,
        early=None,
        lease=None if rose else state.lease,
        snooze=None if rose else state.snooze,
        suppression=None if rose else state.suppression,
        joined_waiting="" if rose else state.joined_waiting,
    )
    details = {"level": str(int(terms.level))}
    notice = level_notice(state, NoticeReason.LEVEL)
    return Decision(settle(state, now), Why.ROSE if rose else Why.FELL, (*first, notice), details=details)


def join(state: Escalation, event: Joined, now: datetime) -> Decision[Escalation]:
    """What joins was posted, so it is not suppressed, and neither is the incident any more."""
    details = {"joined": event.subject}
    notice = level_notice(state, NoticeReason.JOINED, event.subject)
    was_suppressed = state.suppression is not None
    state = settle(replace(state, suppression=None), now)
    if was_suppressed and not state.is_answered:
        state, pages = page_again(state, PageReason.JOINED, now, subject=event.subject)
        return Decision(state, Why.JOINED_UNSUPPRESSED, (notice, *pages), details=details)
    if state.level.is_disaster and state.is_answered:
        freed = let_go(
            state,
            PageReason.JOINED,
            NoticeReason.JOINED,
            Why.JOINED_ENDED_LEASE,
            since=now,
            now=now,
            subject=event.subject,
        )
        return replace(freed, details={**freed.details, **details})
    if state.lease is None:
        return Decision(state, Why.JOINED, (notice,), details=details)
    if state.joined_at is not None and now < state.joined_at + JOINED_GAP:
        waiting = f"{state.joined_waiting}; {event.subject}" if state.joined_waiting else event.subject
        state = replace(state, joined_waiting=waiting[:SUBJECT_MOST])
        return Decision(state, Why.JOINED_FOLDED, (notice,), details=details)
    paged = page_holder(state, event.subject, now)
    return replace(paged, emits=(notice, *paged.emits))


def page_holder(state: Escalation, subject: str, now: datetime) -> Decision[Escalation]:
    assert state.lease is not None
    state, pages = page_people(state, (state.lease.holder,), PageReason.JOINED, subject=subject)
    return Decision(
        replace(state, joined_at=now, joined_waiting=""), Why.JOINED, pages, details={"joined": subject}
    )


def resolve(state: Escalation, now: datetime) -> Decision[Escalation]:
    """Everybody who was paged is told, the holder whose lease it ends, and the channels."""
    if state.phase is Phase.STOPPED:
        return Decision(state, Why.STALE)
    holder = (state.lease.holder,) if state.lease is not None else ()
    names = tuple(dict.fromkeys((*state.reached, *holder)))
    state = replace(state, phase=Phase.STOPPED, lease=None, snooze=None, suppression=None, joined_waiting="")
    state = settle(state, now)
    state, told = page_people(state, names, PageReason.RESOLVED)
    emits = (PagesWithdrawn(incident=state.incident), level_notice(state, NoticeReason.RESOLVED), *told)
    return Decision(replace(state, reached=(), told=names), Why.RESOLVED, emits)


def note_reached(state: Escalation, contact: ContactName) -> Decision[Escalation]:
    """Who is reached will be told the end; a page that was on its way when it resolved is told of it at once."""
    details = {"contact": contact}
    if state.phase is Phase.CLIMBING:
        reached = tuple(dict.fromkeys((*state.reached, contact)))
        return Decision(replace(state, reached=reached), Why.REACHED, details=details)
    if contact in state.told:
        return Decision(state, Why.REACHED, details=details)
    state, told = page_people(state, (contact,), PageReason.RESOLVED)
    return Decision(replace(state, told=(*state.told, contact)), Why.REACHED, told, details=details)


def reopen(state: Escalation, event: Reopened, now: datetime) -> Decision[Escalation]:
    """The quiet time is not counted; the ladder goes on where it was, and the last rung hears of it at once.

    Flapping before any rung was reached pages the first one: something comes back and back, and nobody has heard of it.
    """
    if state.phase is Phase.CLIMBING:
        return Decision(state, Why.STALE)
    state = settle(replace(state, phase=Phase.CLIMBING, told=()), now)
    notice = level_notice(state, NoticeReason.REOPENED)
    if event.flapping == "quiet":
        return Decision(state, Why.FLAPPING_QUIET, (notice,))
    reason = PageReason.FLAPPING if event.flapping else PageReason.REOPENED
    state, pages = page_again(state, reason, now)
    if event.flapping and not pages and (waiting := unfired_rungs(state)):
        state = replace(state, fired=(*state.fired, waiting[0]))
        state, pages = climb_to(state, waiting[0], reason, now)
    return Decision(state, Why.FLAPPING if event.flapping else Why.REOPENED, (notice, *pages))


def repin(state: Escalation, terms: Terms, now: datetime) -> Decision[Escalation]:
    """A step that stays as it is stays fired or waiting. A new one whose time has passed is not made up for."""
    waited, old = state.unanswered(now), state.terms.steps
    fired = tuple(
        index
        for index, step in enumerate(terms.steps)
        if (old.index(step) in state.fired if step in old else step.after < waited)
    )
    rungs = [index for index in fired if isinstance(terms.steps[index], Page)]
    state = replace(state, terms=terms, fired=fired, rung=rungs[-1] if rungs else None, repeat_at=None)
    if rungs and not unfired_rungs(state):
        state = replace(state, repeat_at=waited + terms.repeat)
    return Decision(state, Why.REPINNED)
