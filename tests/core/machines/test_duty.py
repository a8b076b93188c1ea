"""Duty, row by row: what may end it before it is due, and what alone may end it after."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from responder.core.decision import Due, DueKind, NoticeAsked, NoticeReason, PageAsked, PageReason
from responder.core.identifiers import ChannelName, ContactName
from responder.core.machines.duty import (
    Duty,
    Ended,
    Event,
    Owed,
    Phase,
    Sent,
    TimerDue,
    Waived,
    Why,
    advance,
    begin,
)
from tests.core.matrix import CEO, HOUR, I1, LEGAL, MINUTE, NOON, SECOND

ANA = ContactName("ana")
DUE_AT = NOON + HOUR
OWED = Duty(
    duty="I1/regulator",
    name="regulator",
    incident=I1,
    due_at=DUE_AT,
    contacts=(LEGAL, CEO),
    channels=(ChannelName("slack-critical"),),
    remind=30 * MINUTE,
)
SENT_IT, WAIVED_IT = Sent(by=ANA, proof="ticket 7"), Waived(by=ANA, reason="no customer data")
DUE = advance(OWED, TimerDue(), DUE_AT).state
SENT = advance(DUE, SENT_IT, DUE_AT).state
WAIVED = advance(DUE, WAIVED_IT, DUE_AT).state
ENDED = advance(OWED, Ended(), NOON).state


def row(
    id_: str, state: Duty, event: Event, now: datetime, phase: Phase, why: Why, due: datetime | None = None
) -> Any:
    return pytest.param(state, event, now, phase, why, due, id=id_)


@pytest.mark.parametrize(
    "state, event, now, phase, why, due",
    [
        row("owed: not yet", OWED, TimerDue(), DUE_AT - SECOND, Phase.OWED, Why.STALE, DUE_AT),
        row("owed: comes due", OWED, TimerDue(), DUE_AT, Phase.DUE, Why.CAME_DUE, DUE_AT + 30 * MINUTE),
        row(
            "owed: comes due late, we were down",
            OWED,
            TimerDue(),
            DUE_AT + HOUR,
            Phase.DUE,
            Why.CAME_DUE,
            DUE_AT + 90 * MINUTE,
        ),
        row(
            "owed: earlier at a higher level",
            OWED,
            Owed(due_at=NOON),
            NOON,
            Phase.OWED,
            Why.OWED_EARLIER,
            NOON,
        ),
        row(
            "owed: later at another level",
            OWED,
            Owed(due_at=DUE_AT + HOUR),
            NOON,
            Phase.OWED,
            Why.STALE,
            DUE_AT,
        ),
        row("owed: at the same time", OWED, Owed(due_at=DUE_AT), NOON, Phase.OWED, Why.STALE, DUE_AT),
        row("owed: ends before it is due", OWED, Ended(), DUE_AT - SECOND, Phase.ENDED, Why.ENDED),
        row("owed: ends in the instant it is due", OWED, Ended(), DUE_AT, Phase.OWED, Why.STALE, DUE_AT),
        row("owed: sent beforehand", OWED, SENT_IT, NOON, Phase.SENT, Why.SENT),
        row("owed: waived beforehand", OWED, WAIVED_IT, NOON, Phase.WAIVED, Why.WAIVED),
        row(
            "due: not yet again", DUE, TimerDue(), DUE_AT + MINUTE, Phase.DUE, Why.STALE, DUE_AT + 30 * MINUTE
        ),
        row(
            "due: asked for again",
            DUE,
            TimerDue(),
            DUE_AT + 30 * MINUTE,
            Phase.DUE,
            Why.REMINDED,
            DUE_AT + HOUR,
        ),
        row("due: owed again", DUE, Owed(due_at=NOON), DUE_AT, Phase.DUE, Why.STALE, DUE_AT + 30 * MINUTE),
        row(
            "due: the incident ends",
            DUE,
            Ended(),
            DUE_AT + MINUTE,
            Phase.DUE,
            Why.STALE,
            DUE_AT + 30 * MINUTE,
        ),
        row("due: sent", DUE, SENT_IT, DUE_AT + MINUTE, Phase.SENT, Why.SENT),
        row("due: waived", DUE, WAIVED_IT, DUE_AT + MINUTE, Phase.WAIVED, Why.WAIVED),
        row("sent: sent again", SENT, SENT_IT, DUE_AT + HOUR, Phase.SENT, Why.ALREADY_DONE),
        row("sent: waived after", SENT, WAIVED_IT, DUE_AT + HOUR, Phase.SENT, Why.ALREADY_DONE),
        row("sent: owed again", SENT, Owed(due_at=DUE_AT), DUE_AT + HOUR, Phase.SENT, Why.STALE),
        row("sent: the incident ends", SENT, Ended(), DUE_AT + HOUR, Phase.SENT, Why.STALE),
        row("sent: due", SENT, TimerDue(), DUE_AT + HOUR, Phase.SENT, Why.STALE),
        row("waived: sent after", WAIVED, SENT_IT, DUE_AT + HOUR, Phase.WAIVED, Why.ALREADY_DONE),
        row("waived: owed again", WAIVED, Owed(due_at=DUE_AT), DUE_AT + HOUR, Phase.WAIVED, Why.STALE),
        row("waived: the incident ends", WAIVED, Ended(), DUE_AT + HOUR, Phase.WAIVED, Why.STALE),
        row("waived: due", WAIVED, TimerDue(), DUE_AT + HOUR, Phase.WAIVED, Why.STALE),
        row("ended: opens again", ENDED, Owed(due_at=DUE_AT), NOON, Phase.OWED, Why.OWED_AGAIN, DUE_AT),
        row(
            "ended: owed again, later",
            ENDED,
            Owed(due_at=DUE_AT + HOUR),
            NOON,
            Phase.OWED,
            Why.OWED_AGAIN,
            DUE_AT + HOUR,
        ),
        row("ended: due", ENDED, TimerDue(), DUE_AT, Phase.ENDED, Why.STALE),
        row("ended: ends again", ENDED, Ended(), NOON, Phase.ENDED, Why.STALE),
        row("ended: sent", ENDED, SENT_IT, NOON, Phase.ENDED, Why.ALREADY_DONE),
        row("ended: waived", ENDED, WAIVED_IT, NOON, Phase.ENDED, Why.ALREADY_DONE),
    ],
)
def test_advance(state, event, now, phase, why, due):
    decision = advance(state, event, now)
    assert (decision.state.phase, decision.why) == (phase, why)
    assert decision.state.due() == (None if due is None else Due(due, DueKind.TIMER))
    assert (why in (Why.STALE, Why.ALREADY_DONE)) <= (decision.state == state)


def asked(reason: PageReason, *numbers: int) -> tuple[object, ...]:
    shown = NoticeAsked(incident=I1, channels=OWED.channels, reason=NoticeReason.DUTY, subject="regulator")
    pages = (
        PageAsked(
            page=f"I1-regulator-p{number}", incident=I1, contact=contact, reason=reason, subject="regulator"
        )
        for number, contact in zip(numbers, OWED.contacts, strict=True)
    )
    return (shown, *pages)


def test_when_it_comes_due_everybody_who_sees_to_it_is_paged():
    assert advance(OWED, TimerDue(), DUE_AT).emits == asked(PageReason.DUTY, 1, 2)


def test_until_it_is_done_they_are_paged_again():
    assert advance(DUE, TimerDue(), DUE_AT + 30 * MINUTE).emits == asked(PageReason.DUTY_REMINDER, 3, 4)


@pytest.mark.parametrize(
    "event, proof",
    [pytest.param(SENT_IT, "ticket 7", id="sent"), pytest.param(WAIVED_IT, "no customer data", id="waived")],
)
def test_who_did_it_when_and_where_it_can_be_seen_is_kept(event, proof):
    state = advance(DUE, event, DUE_AT + MINUTE).state
    assert (state.done_by, state.done_at, state.proof) == (ANA, DUE_AT + MINUTE, proof)
    assert (state.is_live, state.remind_at) == (False, None)


def test_it_begins_owed_and_tells_nobody():
    assert (begin(OWED).why, begin(OWED).emits) == (Why.OWED, ())
