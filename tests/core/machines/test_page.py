"""Page, row by row: which method is tried when, what a lost call may have done, and when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from responder.core.decision import (
    AlarmCleared,
    AlarmKind,
    AlarmRaised,
    Due,
    DueKind,
    PageReason,
    Send,
)
from responder.core.delivery import DEADLINE, LEASE, TELLING, Accepted, Attempt, Outcome, Rejected, SendDue
from responder.core.identifiers import ChannelName, ContactName, Kind
from responder.core.machines.page import (
    Event,
    Method,
    Page,
    PageAccepted,
    PageFailed,
    Phase,
    Superseded,
    Why,
    Withdrawn,
    advance,
    begin,
)
from tests.core.matrix import HOUR, I1, MINUTE, NOON, ON_CALL, SECOND

ANA = ContactName("ana")
PUSH = Method(index=0, channel=ChannelName("push"), folds=True)
SMS = Method(index=1, channel=ChannelName("sms"), folds=False)
MAIL = Method(index=4, channel=ChannelName("mail"), folds=False)
OK, GONE, BUSY = "accepted", "permanent", "transient"


def owed(*methods: Method, reason: PageReason = PageReason.STEP) -> Page:
    state = Page(
        page="I1-p1",
        incident=I1,
        contact=ANA,
        asked_for=ON_CALL,
        reason=reason,
        asked_at=NOON,
        methods=methods or (PUSH, SMS, MAIL),
        step=2,
    )
    return begin(state).state


def refused(attempt: int, **more: Any) -> Rejected:
    return Rejected(attempt=attempt, outcome=Outcome.PERMANENT, detail="gone", **more)


def busy(attempt: int, **more: Any) -> Rejected:
    return Rejected(attempt=attempt, outcome=Outcome.TRANSIENT, detail="busy", **more)


def unsure(attempt: int) -> Rejected:
    return Rejected(attempt=attempt, outcome=Outcome.UNKNOWN, detail="connection broke")


def told(state: Page) -> tuple[object, ...]:
    return (
        PageAccepted(
            page=state.page,
            incident=I1,
            contact=ANA,
            reason=state.reason,
            channel=state.attempts[-1].channel,
            receipt=state.attempts[-1].receipt,
        ),
        AlarmCleared(kind=AlarmKind.CHANNEL, subject=state.attempts[-1].channel),
        AlarmCleared(kind=AlarmKind.CONTACT, subject=ANA),
        AlarmCleared(kind=AlarmKind.CONTACT, subject=ON_CALL),
    )


def drive(state: Page, *outcomes: str | timedelta) -> tuple[Page, list[tuple[int, str]]]:
    """Each claim at its time meets the next outcome: OK, GONE, BUSY, a wait asked for, or "" for no result.

    What comes back beside the page: seconds after noon and the channel of every call.
    """
    calls = []
    for outcome in outcomes:
        due = state.due()
        assert due is not None
        now, state = due.at, advance(state, SendDue(), due.at).state
        attempt = state.in_flight
        assert attempt is not None
        calls.append((int((now - NOON).total_seconds()), str(attempt.channel)))
        match outcome:
            case "accepted":
                event: Event = Accepted(attempt=attempt.number)
            case "permanent":
                event = refused(attempt.number)
            case "transient":
                event = busy(attempt.number)
            case timedelta():
                event = busy(attempt.number, retry_after=outcome)
            case _:
                event, now = SendDue(), now + LEASE
        state = advance(state, event, now).state
    return state, calls


# Which method, and when


@pytest.mark.parametrize(
    "outcomes, calls, next_",
    [
        pytest.param((OK,), [(0, "push")], None, id="accepted at once"),
        pytest.param(
            (BUSY, BUSY, BUSY),
            [(0, "push"), (0, "sms"), (0, "mail")],
            (5, "push"),
            id="a fresh method at once, the first again after 5 s",
        ),
        pytest.param(
            (BUSY,) * 6,
            [(0, "push"), (0, "sms"), (0, "mail"), (5, "push"), (5, "sms"), (5, "mail")],
            (15, "push"),
            id="the second wait is 10 s",
        ),
        pytest.param(
            (GONE, BUSY, GONE),
            [(0, "push"), (0, "sms"), (0, "mail")],
            (5, "sms"),
            id="what refused for good is left out",
        ),
        pytest.param(
            (timedelta(minutes=2), BUSY, BUSY, BUSY, BUSY, BUSY),
            [(0, "push"), (0, "sms"), (0, "mail"), (5, "sms"), (5, "mail"), (15, "sms")],
            (15, "mail"),
            id="who asks for two minutes holds up nobody else",
        ),
        pytest.param(
            (GONE, GONE, timedelta(minutes=2)),
            [(0, "push"), (0, "sms"), (0, "mail")],
            (120, "mail"),
            id="and has them where there is nobody else",
        ),
    ],
)
def test_methods_take_turns(outcomes, calls, next_):
    state, made = drive(owed(), *outcomes)
    assert made == calls
    due = state.due()
    if next_ is None:
        assert due is None
    else:
        assert due == Due(NOON + next_[0] * SECOND, DueKind.SEND)
        assert state.methods[state.next_method].channel == next_[1]


@pytest.mark.parametrize(
    "methods, outcomes, calls, next_",
    [
        pytest.param(
            (SMS, PUSH), ("",), [(0, "sms")], (30, "push"), id="what may have arrived goes by another method"
        ),
        pytest.param((PUSH, SMS), ("",), [(0, "push")], (30, "push"), id="or by the same where it folds"),
        pytest.param(
            (PUSH, SMS), ("", ""), [(0, "push"), (30, "push")], (60, "sms"), id="once; then by another"
        ),
        pytest.param(
            (SMS,), ("",), [(0, "sms")], (35, "sms"), id="where there is no other, the same, after a wait"
        ),
        pytest.param(
            (SMS, MAIL),
            (BUSY, ""),
            [(0, "sms"), (0, "mail")],
            (30, "sms"),
            id="another may have failed before",
        ),
        pytest.param(
            (SMS, MAIL),
            (GONE, ""),
            [(0, "sms"), (0, "mail")],
            (35, "mail"),
            id="but not have refused for good",
        ),
    ],
)
def test_a_lost_call(methods, outcomes, calls, next_):
    state, made = drive(owed(*methods), *outcomes)
    assert made == calls
    assert state.due() == Due(NOON + next_[0] * SECOND, DueKind.SEND)
    assert state.methods[state.next_method].channel == next_[1]
    assert state.next_is_repeat


def test_a_claim_hands_over_with_a_deadline_and_a_key():
    decision = advance(owed(MAIL), SendDue(), NOON + SECOND)
    assert decision.why is Why.CLAIMED
    assert decision.effects == (
        Send(
            kind=Kind.PAGE,
            record="I1-p1",
            incident=I1,
            attempt=1,
            channel=MAIL.channel,
            contact=ANA,
            method=4,
            key="I1-p1.4",
            owed_since=NOON,
            due_at=NOON,
            deadline=NOON + SECOND + DEADLINE,
            is_repeat=False,
        ),
    )
    assert decision.state.due() == Due(NOON + SECOND + LEASE, DueKind.SEND)


def test_a_repeat_says_so_and_folds_by_its_key():
    state, _ = drive(owed(PUSH), "")
    (send,) = advance(state, SendDue(), NOON + LEASE).effects
    assert (send.is_repeat, send.key, send.attempt) == (True, "I1-p1.0", 2)


# Every event in every phase

OWED = owed()
SENDING = advance(OWED, SendDue(), NOON).state
ACCEPTED = advance(SENDING, Accepted(attempt=1), NOON).state
FAILED = drive(owed(), GONE, GONE, GONE)[0]
WITHDRAWN = advance(OWED, Withdrawn(), NOON).state
FLYING_WITHDRAWN = advance(SENDING, Withdrawn(), NOON).state
UNKNOWN = drive(owed(), "")[0]
UNKNOWN_AGAIN = advance(UNKNOWN, SendDue(), NOON + LEASE).state
UNKNOWN_WITHDRAWN = advance(FLYING_WITHDRAWN, SendDue(), NOON + LEASE).state
FAILED_UNKNOWN = drive(owed(SMS, MAIL), "", GONE, GONE)[0]
LATER = NOON + MINUTE


def row(
    id_: str,
    state: Page,
    event: Event,
    phase: Phase,
    why: Why,
    *,
    due: datetime | None = None,
    accepted: bool = False,
) -> Any:
    return pytest.param(state, event, phase, why, due, accepted, id=id_)


@pytest.mark.parametrize(
    "state, event, phase, why, due, accepted",
    [
        row("owed: claimed", OWED, SendDue(), Phase.SENDING, Why.CLAIMED, due=LATER + LEASE),
        row("owed: a result of nothing", OWED, Accepted(attempt=1), Phase.OWED, Why.STALE, due=NOON),
        row("owed: withdrawn", OWED, Withdrawn(), Phase.WITHDRAWN, Why.WITHDRAWN),
        row("owed: a newer one arrived", OWED, Superseded("I1-p2"), Phase.WITHDRAWN, Why.SUPERSEDED),
        row(
            "sending: a newer one arrived, and this may",
            SENDING,
            Superseded("I1-p2"),
            Phase.SENDING,
            Why.STALE,
            due=NOON + LEASE,
        ),
        row("withdrawn: a newer one arrived", WITHDRAWN, Superseded("I1-p2"), Phase.WITHDRAWN, Why.STALE),
        row("sending: its lease ends", SENDING, SendDue(), Phase.OWED, Why.UNKNOWN, due=LATER),
        row("sending: accepted", SENDING, Accepted(attempt=1), Phase.ACCEPTED, Why.ACCEPTED, accepted=True),
        row("sending: busy", SENDING, busy(1), Phase.OWED, Why.NEXT_METHOD, due=LATER),
        row(
            "sending: the connection broke, and it folds: the same again",
            SENDING,
            unsure(1),
            Phase.OWED,
            Why.UNKNOWN,
            due=LATER,
        ),
        row(
            "withdrawn in flight: the connection broke",
            FLYING_WITHDRAWN,
            unsure(1),
            Phase.WITHDRAWN,
            Why.UNKNOWN_WITHDRAWN,
        ),
        row("sending: refused", SENDING, refused(1), Phase.OWED, Why.NEXT_METHOD, due=LATER),
        row(
            "sending: a token of another",
            SENDING,
            Accepted(attempt=2),
            Phase.SENDING,
            Why.STALE,
            due=NOON + LEASE,
        ),
        row(
            "sending: withdrawn, its lease goes on",
            SENDING,
            Withdrawn(),
            Phase.WITHDRAWN,
            Why.WITHDRAWN_IN_FLIGHT,
            due=NOON + LEASE,
        ),
        row(
            "withdrawn in flight: accepted all the same",
            FLYING_WITHDRAWN,
            Accepted(attempt=1),
            Phase.WITHDRAWN,
            Why.ACCEPTED_BEFORE_WITHDRAWAL,
            accepted=True,
        ),
        row(
            "withdrawn in flight: busy",
            FLYING_WITHDRAWN,
            busy(1),
            Phase.WITHDRAWN,
            Why.RESULT_AFTER_WITHDRAWAL,
        ),
        row(
            "withdrawn in flight: refused",
            FLYING_WITHDRAWN,
            refused(1),
            Phase.WITHDRAWN,
            Why.RESULT_AFTER_WITHDRAWAL,
        ),
        row(
            "withdrawn in flight: its lease ends",
            FLYING_WITHDRAWN,
            SendDue(),
            Phase.WITHDRAWN,
            Why.UNKNOWN_WITHDRAWN,
        ),
        row(
            "withdrawn in flight: withdrawn again",
            FLYING_WITHDRAWN,
            Withdrawn(),
            Phase.WITHDRAWN,
            Why.STALE,
            due=NOON + LEASE,
        ),
        row("withdrawn: due", WITHDRAWN, SendDue(), Phase.WITHDRAWN, Why.STALE),
        row("withdrawn: a result of nothing", WITHDRAWN, busy(1), Phase.WITHDRAWN, Why.STALE),
        row("withdrawn: withdrawn again", WITHDRAWN, Withdrawn(), Phase.WITHDRAWN, Why.STALE),
        row(
            "withdrawn and lost: it arrived",
            UNKNOWN_WITHDRAWN,
            Accepted(attempt=1),
            Phase.WITHDRAWN,
            Why.LATE_RESULT,
            accepted=True,
        ),
        row("withdrawn and lost: it did not", UNKNOWN_WITHDRAWN, busy(1), Phase.WITHDRAWN, Why.LATE_RESULT),
        row("accepted: due", ACCEPTED, SendDue(), Phase.ACCEPTED, Why.STALE),
        row("accepted: accepted again", ACCEPTED, Accepted(attempt=1), Phase.ACCEPTED, Why.STALE),
        row("accepted: withdrawn", ACCEPTED, Withdrawn(), Phase.ACCEPTED, Why.STALE),
        row("failed: due", FAILED, SendDue(), Phase.FAILED, Why.STALE),
        row("failed: withdrawn", FAILED, Withdrawn(), Phase.FAILED, Why.STALE),
        row("failed: a result of nothing", FAILED, Accepted(attempt=3), Phase.FAILED, Why.STALE),
        row(
            "failed: one that was lost had arrived",
            FAILED_UNKNOWN,
            Accepted(attempt=1),
            Phase.ACCEPTED,
            Why.LATE_RESULT,
            accepted=True,
        ),
        row(
            "lost: it had arrived",
            UNKNOWN,
            Accepted(attempt=1),
            Phase.ACCEPTED,
            Why.LATE_RESULT,
            accepted=True,
        ),
        row("lost: it had not", UNKNOWN, busy(1), Phase.OWED, Why.LATE_RESULT, due=NOON + LEASE),
        row(
            "lost, sending again: it had arrived",
            UNKNOWN_AGAIN,
            Accepted(attempt=1),
            Phase.SENDING,
            Why.LATE_RESULT,
            due=NOON + 2 * LEASE,
            accepted=True,
        ),
    ],
)
def test_every_event_in_every_phase(state, event, phase, why, due, accepted):
    decision = advance(state, event, LATER)
    assert (decision.state.phase, decision.why) == (phase, why)
    assert decision.state.due() == (None if due is None else Due(due, DueKind.SEND))
    assert (decision.state.next_at is None) is (phase is not Phase.OWED)
    assert any(isinstance(emit, PageAccepted) for emit in decision.emits) is accepted
    assert bool(decision.effects) is (why is Why.CLAIMED)
    assert (why is Why.STALE) <= (decision.state == state)


def test_a_moment_before_it_is_due_nothing_is_sent():
    state, _ = drive(owed(SMS), BUSY)
    assert advance(state, SendDue(), NOON + 4 * SECOND).why is Why.STALE
    assert advance(SENDING, SendDue(), NOON + LEASE - SECOND).why is Why.STALE


def test_it_is_owed_from_when_it_was_asked_for():
    assert OWED.due() == Due(NOON, DueKind.SEND)
    assert begin(replace(OWED, asked_at=LATER)).why is Why.ASKED


def test_the_only_method_is_tried_again():
    state = advance(owed(SMS), SendDue(), NOON).state
    decision = advance(state, busy(1), NOON)
    assert (decision.why, decision.details) == (
        Why.RETRIED,
        {"attempt": "1", "channel": "sms", "detail": "busy"},
    )


# What others hear


def test_acceptance_tells_the_ladder_and_ends_the_alarms():
    assert advance(SENDING, Accepted(attempt=1), NOON).emits == told(SENDING)


def test_a_refusal_for_good_raises_an_alarm_about_the_channel():
    alarm = AlarmRaised(kind=AlarmKind.CHANNEL, subject="push", detail="gone")
    assert advance(SENDING, refused(1), NOON).emits == (alarm,)
    assert advance(FLYING_WITHDRAWN, refused(1), NOON).emits == (alarm,)
    assert advance(SENDING, busy(1), NOON).emits == ()


def test_when_every_method_refused_for_good_the_ladder_hears_and_so_do_we():
    state, _ = drive(owed(), GONE, GONE)
    last = advance(advance(state, SendDue(), NOON).state, refused(3), NOON)
    assert (last.state.phase, last.why, last.state.due()) == (Phase.FAILED, Why.FAILED, None)
    channel, failed, contact = last.emits
    assert failed == PageFailed(incident=I1, contact=ANA, reason=PageReason.STEP, step=2)
    assert isinstance(channel, AlarmRaised)
    assert (channel.kind, channel.subject) == (AlarmKind.CHANNEL, "mail")
    assert isinstance(contact, AlarmRaised)
    assert (contact.kind, contact.subject) == (AlarmKind.CONTACT, ANA)


def test_while_isolated_a_refusal_for_good_is_not_for_good():
    state, _ = drive(owed(PUSH, SMS), GONE)
    claimed = advance(state, SendDue(), NOON).state
    held = advance(claimed, refused(2, is_isolated=True), NOON)
    assert (held.state.phase, held.why) == (Phase.OWED, Why.HELD_ISOLATED)
    assert not any(isinstance(emit, PageFailed) for emit in held.emits)
    assert held.state.due() == Due(NOON + 5 * SECOND, DueKind.SEND)
    _, calls = drive(held.state, GONE, OK)
    assert calls == [(5, "push"), (5, "sms")]


def test_once_isolation_is_over_every_method_has_to_refuse_again_before_it_fails():
    state, _ = drive(owed(PUSH, SMS), GONE)
    held = advance(advance(state, SendDue(), NOON).state, refused(2, is_isolated=True), NOON).state
    again, _ = drive(held, GONE)
    assert again.phase is Phase.OWED
    failed, _ = drive(again, GONE)
    assert failed.phase is Phase.FAILED


def test_what_one_method_fails_for_now_is_not_held_for_isolation():
    state, _ = drive(owed(PUSH, SMS), BUSY)
    other = advance(advance(state, SendDue(), NOON).state, refused(2, is_isolated=True), NOON)
    assert (other.why, other.state.round_from) == (Why.NEXT_METHOD, 0)


def test_what_asks_for_no_answer_is_given_up_after_an_hour_isolated_or_not():
    state = advance(owed(SMS, reason=PageReason.RESOLVED), SendDue(), NOON + TELLING).state
    assert advance(state, refused(1, is_isolated=True), NOON + TELLING).why is Why.FAILED


def test_one_that_arrived_late_needs_no_further_call_when_the_one_under_way_fails():
    waiting = advance(UNKNOWN_AGAIN, Accepted(attempt=1), LATER).state
    decision = advance(waiting, busy(2), LATER)
    assert (decision.state.phase, decision.state.due()) == (Phase.ACCEPTED, None)
    alarm, *_ = advance(waiting, refused(2), LATER).emits
    assert alarm == AlarmRaised(kind=AlarmKind.CHANNEL, subject="push", detail="gone")
    lost = advance(waiting, SendDue(), NOON + 2 * LEASE)
    assert (lost.state.phase, lost.state.due()) == (Phase.ACCEPTED, None)


def test_a_late_result_is_marked_as_one():
    (attempt,) = advance(UNKNOWN, Accepted(attempt=1, receipt="r"), LATER).state.attempts
    assert (attempt.outcome, attempt.late, attempt.receipt) == (Outcome.ACCEPTED, True, "r")


# How long


def old(reason: PageReason) -> Page:
    flying = Attempt(number=1, channel=SMS.channel, method=0, due_at=NOON, claimed_at=NOON + TELLING)
    return replace(owed(SMS, MAIL, reason=reason), phase=Phase.SENDING, next_at=None, attempts=(flying,))


@pytest.mark.parametrize("reason", PageReason)
def test_only_what_asks_for_an_answer_is_owed_without_end(reason):
    decision = advance(old(reason), busy(1), NOON + TELLING)
    assert decision.state.phase is (Phase.OWED if reason.is_ladder else Phase.FAILED)


@pytest.mark.parametrize("reason", [PageReason.RESOLVED, PageReason.DUTY])
def test_what_asks_for_no_answer_is_tried_for_an_hour(reason):
    assert advance(old(reason), busy(1), NOON + HOUR - SECOND).state.phase is Phase.OWED


def test_it_is_live_while_a_call_may_still_come_back():
    live = {OWED, SENDING, FLYING_WITHDRAWN, UNKNOWN}
    over = {ACCEPTED, FAILED, WITHDRAWN, UNKNOWN_WITHDRAWN}
    assert all(state.is_live for state in live)
    assert not any(state.is_live for state in over)


def paced(attempt: int, **more: Any) -> Rejected:
    return Rejected(attempt=attempt, outcome=Outcome.BUSY, detail="in a moment", **more)


def test_a_method_that_only_asks_to_wait_leaves_the_page_to_the_next_at_once():
    state = advance(owed(SMS, MAIL), SendDue(), NOON).state
    decision = advance(state, paced(1, retry_after=MINUTE), NOON)
    assert (decision.why, decision.state.due(), decision.emits) == (
        Why.NEXT_METHOD,
        Due(NOON, DueKind.SEND),
        (),
    )
    assert advance(decision.state, SendDue(), NOON).effects[0].channel == MAIL.channel


@pytest.mark.parametrize("asked, waited", [(None, SECOND), (3 * SECOND, 3 * SECOND)])
def test_the_only_method_is_tried_again_when_it_said_so(asked, waited):
    state = advance(owed(SMS), SendDue(), NOON).state
    decision = advance(state, paced(1, retry_after=asked), NOON)
    assert decision.state.due() == Due(NOON + waited, DueKind.SEND)


def test_where_both_methods_only_asked_to_wait_the_one_less_tried_is_next():
    state = advance(owed(SMS, MAIL, PUSH), SendDue(), NOON).state
    state = advance(advance(state, paced(1), NOON).state, SendDue(), NOON).state
    decision = advance(state, paced(2, retry_after=MINUTE), NOON + 10 * SECOND)
    assert decision.state.due() == Due(NOON + 10 * SECOND, DueKind.SEND)
    (send,) = advance(decision.state, SendDue(), NOON + 10 * SECOND).effects
    assert send.channel == PUSH.channel
