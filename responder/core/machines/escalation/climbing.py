"""Climbing: the ladder's clock, its steps and repeats, early moves, and catching up after our own downtime."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from responder.core.decision import Decision, NoticeAsked, NoticeReason, PageAsked, PageReason
from responder.core.identifiers import ContactName, ladder_page_id
from responder.core.machines.escalation.events import (
    Escalated,
    MoveAllowed,
    MoveDue,
    MoveHeld,
    MoveWanted,
    RemediationAsked,
)
from responder.core.machines.escalation.record import EarlyMove, Escalation, Phase, Why
from responder.core.policy.escalation import Expect, Notify, Page, Remediate

EARLY_GAP = timedelta(minutes=1)  # between two early moves, so that one person has a chance to answer
HELD_AGAIN = timedelta(seconds=30)  # until a held early move asks again whether it may be made


# The ladder's clock


def settle(state: Escalation, now: datetime) -> Escalation:
    """The clock runs exactly while nobody answers: start it or stop it at `now`, keeping what it has gathered."""
    runs = state.phase is Phase.CLIMBING and not state.is_quiet
    if runs and state.since is None:
        return replace(state, since=now)
    if not runs and state.since is not None:
        return replace(state, waited=state.unanswered(now), since=None, early=None)
    return state


def fire_due(state: Escalation, now: datetime) -> Decision[Escalation]:
    index = state.next_step()
    assert index is not None
    state = replace(state, fired=(*state.fired, index))
    match state.terms.steps[index]:
        case Notify():
            asked = NoticeAsked(
                incident=state.incident, channels=state.terms.channels_of(index), reason=NoticeReason.OPENED
            )
            return Decision(state, Why.NOTIFIED, (asked,), details=_step_details(index))
        case Remediate():
            return Decision(
                state,
                Why.REMEDIATION_ASKED,
                (RemediationAsked(incident=state.incident),),
                details=_step_details(index),
            )
        case Expect():
            asked = NoticeAsked(
                incident=state.incident, channels=state.terms.channels, reason=NoticeReason.NOT_RECOVERED
            )
            return Decision(state, Why.NOT_RECOVERED, (asked,), details=_step_details(index))
        case Page():
            state, pages = climb_to(state, index, PageReason.STEP, now)
            return Decision(state, Why.STEP_DUE, pages, details=_step_details(index))
        case other:
            assert_never(other)


def climb_to(
    state: Escalation, index: int, reason: PageReason, now: datetime, *, subject: str = ""
) -> tuple[Escalation, tuple[PageAsked, ...]]:
    """Page step `index` is the rung now; an early move to it has been made, and after the last one its page repeats."""
    state, pages = page_people(state, state.terms.contacts_of(index), reason, step=index, subject=subject)
    planned = state.terms.steps[index].after if reason is PageReason.STEP else None
    state = _spaced(replace(state, rung=index, early=None), now, planned=planned)
    if not unfired_rungs(state):
        state = replace(state, repeat_at=state.unanswered(now) + state.terms.repeat)
    return state, pages


def _spaced(state: Escalation, now: datetime, *, planned: timedelta | None = None) -> Escalation:
    """People are paged at `now`: the next rung, where it is overdue (we were down), gives them `catch_up` to answer.

    `planned`: when the rung that they are on was to come, where it came of itself. If that was late, the next one, not
    overdue yet, gives them `catch_up` too, or as much as was planned; one planned for the same time goes with it.
    """
    waiting = unfired_rungs(state)
    if not waiting or state.since is None:
        return state
    apart = timedelta(0) if planned is None else state.terms.steps[waiting[0]].after - planned
    if planned is not None and not apart:
        return state
    own = replace(state, not_before=None).step_at(waiting[0])
    wait = state.terms.catch_up if own <= now else min(state.terms.catch_up, apart)
    return replace(state, not_before=now + wait) if own < now + wait else state


def unfired_rungs(state: Escalation) -> list[int]:
    return [i for i, step in enumerate(state.terms.steps) if isinstance(step, Page) and i not in state.fired]


def page_people(
    state: Escalation,
    contacts: tuple[ContactName, ...],
    reason: PageReason,
    *,
    step: int | None = None,
    subject: str = "",
) -> tuple[Escalation, tuple[PageAsked, ...]]:
    first = state.pages + 1
    pages = tuple(
        PageAsked(
            page=ladder_page_id(state.incident, number),
            incident=state.incident,
            contact=contact,
            reason=reason,
            step=step,
            subject=subject,
        )
        for number, contact in enumerate(contacts, start=first)
    )
    return replace(state, pages=state.pages + len(pages)), pages


def repeat(state: Escalation, now: datetime) -> Decision[Escalation]:
    rung = state.rung
    assert rung is not None
    state, pages = page_people(state, state.terms.contacts_of(rung), PageReason.REPEAT, step=rung)
    state = replace(state, repeat_at=state.unanswered(now) + state.terms.repeat)
    return Decision(state, Why.REPEATED, pages, details=_step_details(rung))


def page_again(
    state: Escalation,
    reason: PageReason,
    now: datetime,
    *,
    also: tuple[ContactName, ...] = (),
    subject: str = "",
) -> tuple[Escalation, tuple[PageAsked, ...]]:
    """The last holder and the last rung, at once; a repeat counts from now. Before there is either, nobody is."""
    holder = (state.last_holder,) if state.last_holder is not None else ()
    rung = state.terms.contacts_of(state.rung) if state.rung is not None else ()
    names = tuple(dict.fromkeys((*also, *holder, *rung)))
    if not names:
        return state, ()
    state, pages = page_people(_spaced(state, now), names, reason, step=state.rung, subject=subject)
    if state.repeat_at is not None:
        state = replace(state, repeat_at=state.unanswered(now) + state.terms.repeat)
    return state, pages


# Early moves


def move_early(
    state: Escalation, event: MoveWanted | MoveAllowed | MoveHeld, now: datetime
) -> Decision[Escalation]:
    match event:
        case MoveWanted():
            return _want_early(state, event, now)
        case MoveAllowed():
            return _fire_early(state, now)
        case MoveHeld():
            return _hold_early(state)
        case _:
            assert_never(event)


def _want_early(state: Escalation, event: MoveWanted, now: datetime) -> Decision[Escalation]:
    details = {"because": event.why.value} | ({} if event.step is None else _step_details(event.step))
    # A rung that failed moves the ladder once: when the next one has fired, it is the rung no more.
    is_past = event.step is not None and event.step != state.rung
    if is_past or state.since is None or state.early is not None or not unfired_rungs(state):
        return Decision(state, Why.EARLY_NOT_NEEDED, details=details)
    at = now if state.moved_early_at is None else max(now, state.moved_early_at + EARLY_GAP)
    return Decision(replace(state, early=EarlyMove(at=at, why=event.why)), Why.EARLY_WANTED, details=details)


def ask_early(state: Escalation, now: datetime) -> Decision[Escalation]:
    """Its time has come. Until it hears whether it may be made, and while it may not, it is due again by itself."""
    assert state.early is not None
    asked = MoveDue(incident=state.incident)
    details = {"because": state.early.why.value}
    state = replace(state, early=replace(state.early, at=now + HELD_AGAIN))
    return Decision(state, Why.EARLY_DUE, (asked,), details=details)


def _hold_early(state: Escalation) -> Decision[Escalation]:
    """Told once; that it goes on waiting is no news."""
    if state.early is None or state.early.held:
        return Decision(state, Why.STALE)
    details = {"because": state.early.why.value}
    state = replace(state, early=replace(state.early, held=True))
    return Decision(state, Why.EARLY_HELD, details=details)


def _fire_early(state: Escalation, now: datetime) -> Decision[Escalation]:
    if state.early is None:
        return Decision(state, Why.STALE)
    why = state.early.why.value
    details = {"because": why}
    state = replace(state, early=None)
    waiting = unfired_rungs(state)
    if not waiting:
        return Decision(state, Why.EARLY_NOT_NEEDED, details=details)
    state = replace(state, moved_early_at=now, fired=(*state.fired, waiting[0]))
    state, pages = climb_to(state, waiting[0], PageReason.EARLY, now, subject=why)
    return Decision(state, Why.STEP_EARLY, pages, details=details | _step_details(waiting[0]))


def escalate(state: Escalation, event: Escalated, now: datetime) -> Decision[Escalation]:
    """The next page step now, held or not; after the last one, the last one again."""
    if state.phase is Phase.STOPPED:
        return Decision(state, Why.NOTED, details={"by": event.by})
    if waiting := unfired_rungs(state):
        state = replace(state, fired=(*state.fired, waiting[0]))
        state, pages = climb_to(state, waiting[0], PageReason.ESCALATED, now)
    elif state.rung is not None:
        state, pages = page_people(
            state, state.terms.contacts_of(state.rung), PageReason.ESCALATED, step=state.rung
        )
    else:
        state, pages = page_people(state, state.terms.contacts, PageReason.ESCALATED)
    return Decision(state, Why.ESCALATED, pages, details={"by": event.by})


def level_notice(
    state: Escalation, reason: NoticeReason, subject: str = "", person: ContactName | None = None
) -> NoticeAsked:
    return NoticeAsked(
        incident=state.incident,
        channels=state.terms.channels,
        reason=reason,
        subject=subject,
        person=person,
    )


def _step_details(index: int) -> dict[str, str]:
    return {"step": str(index)}
