"""Notice, row by row: one call in flight, the newest state last, and nothing that happened is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised, Due, DueKind, NoticeReason, Send
from responder.core.delivery import DEADLINE, LEASE, TELLING, Accepted, Outcome, Rejected, SendDue, SenderGone
from responder.core.identifiers import ChannelName, ContactName, Fingerprint, Kind
from responder.core.machines.notice import (
    ALARM_AFTER,
    GATHERING,
    KEPT,
    NO_RESULT,
    SELDOM,
    SHOWING,
    Event,
    Notice,
    Phase,
    Superseded,
    Wanted,
    Why,
    advance,
    keep_current,
)
from tests.core.matrix import I1, MINUTE, NOON, SECOND

OPS = ChannelName("slack-ops")
ANA = ContactName("ana")
SHOWN = Notice(notice="I1/slack-ops", incident=I1, channel=OPS)


def wanted(reason: NoticeReason = NoticeReason.OPENED, subject: str = "") -> Wanted:
    return Wanted(reason=reason, subject=subject)


def busy(attempt: int, **more: Any) -> Rejected:
    return Rejected(attempt=attempt, outcome=Outcome.TRANSIENT, detail="busy", **more)


GONE = Rejected(attempt=1, outcome=Outcome.PERMANENT, detail="archived")
OWED = advance(SHOWN, wanted(), NOON).state
SENDING = advance(OWED, SendDue(), NOON).state
BEHIND = advance(SENDING, wanted(NoticeReason.JOINED), NOON).state
REFUSED = advance(SENDING, GONE, NOON).state
FAILED = advance(replace(SENDING, owed_since=NOON - SHOWING), GONE, NOON).state
LOST = advance(SENDING, SendDue(), NOON + LEASE).state
DONE = advance(SENDING, Accepted(attempt=1, receipt="ts1"), NOON).state
LATER = NOON + MINUTE
KEPT_PAGE = keep_current(
    Notice(notice="I1-p1/shown", incident=I1, channel=OPS, page="I1-p1", contact=ANA, posted="ts1")
).state
LEFT = replace(KEPT_PAGE, superseded=True)


def paced(attempt: int, **more: Any) -> Rejected:
    return Rejected(attempt=attempt, outcome=Outcome.BUSY, detail="in a moment", **more)


def row(id_: str, state: Notice, event: Event, phase: Phase, why: Why, due: datetime | None = None) -> Any:
    return pytest.param(state, event, phase, why, due, id=id_)


@pytest.mark.parametrize(
    "state, event, phase, why, due",
    [
        row("shown: something happens", SHOWN, wanted(), Phase.OWED, Why.WANTED, LATER),
        row("shown: due", SHOWN, SendDue(), Phase.SHOWN, Why.STALE),
        row("shown: a result of nothing", SHOWN, Accepted(attempt=1), Phase.SHOWN, Why.STALE),
        row("owed: more happens", OWED, wanted(), Phase.OWED, Why.FOLDED, NOON),
        row("owed: claimed", OWED, SendDue(), Phase.SENDING, Why.CLAIMED, LATER + LEASE),
        row("owed: a result of nothing", OWED, busy(1), Phase.OWED, Why.STALE, NOON),
        row("sending: more happens", SENDING, wanted(), Phase.SENDING, Why.FOLDED, NOON + LEASE),
        row("sending: accepted", SENDING, Accepted(attempt=1), Phase.SHOWN, Why.ACCEPTED),
        row(
            "sending: accepted, and behind",
            BEHIND,
            Accepted(attempt=1),
            Phase.OWED,
            Why.ACCEPTED_BEHIND,
            LATER + GATHERING,
        ),
        row("sending: busy", SENDING, busy(1), Phase.OWED, Why.RETRIED, LATER + 5 * SECOND),
        row("sending: at the channel's pace", SENDING, paced(1), Phase.OWED, Why.PACED, LATER + SECOND),
        row(
            "sending: at a pace that it names",
            SENDING,
            paced(1, retry_after=MINUTE),
            Phase.OWED,
            Why.PACED,
            LATER + MINUTE,
        ),
        row("shown: a newer page", KEPT_PAGE, Superseded(), Phase.OWED, Why.SUPERSEDED, LATER),
        row("left: something happens", LEFT, wanted(), Phase.SHOWN, Why.STALE),
        row("left: a newer page yet", LEFT, Superseded(), Phase.SHOWN, Why.STALE),
        row(
            "sending: slow down",
            SENDING,
            busy(1, retry_after=MINUTE),
            Phase.OWED,
            Why.RETRIED,
            LATER + MINUTE,
        ),
        row(
            "sending: the connection broke",
            SENDING,
            Rejected(attempt=1, outcome=Outcome.UNKNOWN, detail="connection broke"),
            Phase.OWED,
            Why.UNKNOWN,
            LATER + 5 * SECOND,
        ),
        row("sending: refused", SENDING, GONE, Phase.OWED, Why.REFUSED, LATER + SELDOM),
        row(
            "sending: its sender is gone", SENDING, SenderGone(), Phase.OWED, Why.UNKNOWN, LATER + 5 * SECOND
        ),
        row("owed: nobody was sending", OWED, SenderGone(), Phase.OWED, Why.STALE, NOON),
        row("sending: its lease ends", SENDING, SendDue(), Phase.OWED, Why.UNKNOWN, LATER + 5 * SECOND),
        row(
            "sending: a token of another",
            SENDING,
            Accepted(attempt=2),
            Phase.SENDING,
            Why.STALE,
            NOON + LEASE,
        ),
        row("failed: due", FAILED, SendDue(), Phase.FAILED, Why.STALE),
        row("failed: more happens", FAILED, wanted(), Phase.OWED, Why.WANTED, LATER),
        row("failed: a result of nothing", FAILED, Accepted(attempt=1), Phase.FAILED, Why.STALE),
        row("lost: it had arrived", LOST, Accepted(attempt=1), Phase.SHOWN, Why.ACCEPTED),
        row("lost: it had not", LOST, busy(1), Phase.OWED, Why.LATE_RESULT, NOON + LEASE + 5 * SECOND),
    ],
)
def test_every_event_in_every_phase(state, event, phase, why, due):
    decision = advance(state, event, LATER)
    assert (decision.state.phase, decision.why) == (phase, why)
    assert decision.state.due() == (None if due is None else Due(due, DueKind.SHOW))
    assert (decision.state.next_at is None) is (phase is not Phase.OWED)
    assert bool(decision.effects) is (why is Why.CLAIMED)
    assert (why is Why.STALE) <= (decision.state == state)


def test_a_claim_hands_over_to_the_channel_itself():
    assert advance(OWED, SendDue(), NOON).effects == (
        Send(
            kind=Kind.NOTICE,
            record="I1/slack-ops",
            incident=I1,
            attempt=1,
            channel=OPS,
            contact=None,
            method=None,
            key="I1/slack-ops.1",
            owed_since=NOON,
            due_at=NOON,
            deadline=NOON + DEADLINE,
            is_repeat=False,
        ),
    )


def reasons(state: Notice) -> list[NoticeReason]:
    return [happening.reason for happening in state.happenings]


def test_what_happens_while_a_call_is_in_flight_is_shown_by_the_next():
    assert reasons(BEHIND) == [NoticeReason.OPENED, NoticeReason.JOINED]
    behind = advance(BEHIND, Accepted(attempt=1), NOON).state
    assert (reasons(behind), behind.sent, behind.wanted) == ([NoticeReason.JOINED], 1, 2)
    then = NOON + GATHERING
    shown = advance(advance(behind, SendDue(), then).state, Accepted(attempt=2), then).state
    assert (reasons(shown), shown.sent, shown.owed_since) == ([], 2, None)


JOINED = wanted(NoticeReason.JOINED)


def test_alerts_that_join_are_gathered_for_a_second_after_the_last_message():
    state = advance(SENDING, Accepted(attempt=1), NOON).state
    for milliseconds in (0, 400, 999):
        state = advance(state, JOINED, NOON + timedelta(milliseconds=milliseconds)).state
        assert state.due() == Due(NOON + GATHERING, DueKind.SHOW)
    claimed = advance(state, SendDue(), NOON + GATHERING)
    assert (claimed.why, claimed.state.sending) == (Why.CLAIMED, 4)


def test_an_alert_that_joins_after_a_quiet_second_is_shown_at_once():
    state = advance(advance(SENDING, Accepted(attempt=1), NOON).state, JOINED, LATER).state
    assert state.due() == Due(LATER, DueKind.SHOW)


@pytest.mark.parametrize("reason", [one for one in NoticeReason if one is not NoticeReason.JOINED])
def test_what_is_more_than_a_joining_ends_the_gathering(reason):
    gathering = advance(advance(SENDING, Accepted(attempt=1), NOON).state, JOINED, NOON).state
    soon = NOON + timedelta(milliseconds=300)
    state = advance(gathering, wanted(reason), soon).state
    assert state.due() == Due(soon, DueKind.SHOW)
    assert advance(state, JOINED, soon).state.due() == Due(soon, DueKind.SHOW)


def test_what_is_more_than_a_joining_does_not_hurry_a_channel_that_fails():
    failing = advance(SENDING, busy(1), NOON).state
    assert advance(failing, wanted(NoticeReason.ACKNOWLEDGED), NOON).state.due() == failing.due()


def test_a_clock_set_back_keeps_nobody_from_hearing_of_alerts_that_join():
    state = advance(SENDING, Accepted(attempt=1), LATER).state
    assert advance(state, JOINED, NOON).state.due() == Due(NOON + GATHERING, DueKind.SHOW)


def test_what_queues_up_before_the_call_is_one_message():
    state = advance(advance(OWED, wanted(NoticeReason.LEVEL), NOON).state, SendDue(), NOON).state
    assert advance(state, Accepted(attempt=1), NOON).state.phase is Phase.SHOWN


def test_of_more_than_it_keeps_the_newest_are_shown():
    state = SENDING
    for _ in range(KEPT + 3):
        state = advance(state, wanted(NoticeReason.JOINED), NOON).state
    assert len(state.happenings) == KEPT
    assert len(advance(state, Accepted(attempt=1), NOON).state.happenings) == KEPT


def test_the_same_state_sent_again_has_the_same_key_and_a_newer_one_another():
    again = advance(LOST, SendDue(), LATER).effects[0]
    newer = advance(advance(LOST, wanted(), LATER).state, SendDue(), LATER).effects[0]
    assert [(send.key, send.is_repeat) for send in (again, newer)] == [
        ("I1/slack-ops.1", True),
        ("I1/slack-ops.2", True),
    ]


def test_a_refusal_raises_an_alarm_and_success_ends_it():
    alarm = AlarmRaised(kind=AlarmKind.CHANNEL, subject=OPS, detail="archived")
    assert advance(SENDING, GONE, NOON).emits == (alarm,)
    assert advance(SENDING, Accepted(attempt=1), NOON).emits == (
        AlarmCleared(kind=AlarmKind.CHANNEL, subject=OPS),
    )


@pytest.mark.parametrize("is_lost", [False, True], ids=["busy", "lost"])
def test_the_third_failure_in_a_row_raises_an_alarm(is_lost):
    state, raised = OWED, []
    for number in range(1, ALARM_AFTER + 2):
        due = state.due()
        assert due is not None
        state = advance(state, SendDue(), due.at).state
        event, now = (SendDue(), due.at + LEASE) if is_lost else (busy(number), due.at)
        decision = advance(state, event, now)
        state = decision.state
        raised.append(decision.emits)
    alarm = AlarmRaised(kind=AlarmKind.CHANNEL, subject=OPS, detail=NO_RESULT if is_lost else "busy")
    assert raised == [(), (), (alarm,), ()]


@pytest.mark.parametrize("event", [busy(1), SendDue(), GONE], ids=["busy", "lost", "refused"])
def test_after_an_hour_it_is_tried_seldom_and_after_a_day_no_more(event):
    decision = advance(replace(SENDING, owed_since=LATER - TELLING), event, LATER)
    assert decision.state.due() == Due(LATER + SELDOM, DueKind.SHOW)
    decision = advance(replace(SENDING, owed_since=LATER - SHOWING), event, LATER)
    assert (decision.state.phase, decision.why, decision.state.due()) == (Phase.FAILED, Why.FAILED, None)


def test_what_a_channel_shows_comes_right_once_it_works_again_though_nothing_changes_any_more():
    due = REFUSED.due()
    assert due is not None
    again = advance(REFUSED, SendDue(), due.at).state
    assert advance(again, Accepted(attempt=2), due.at).state.phase is Phase.SHOWN


def test_an_alert_that_opened_nothing_is_news_for_an_hour():
    info = replace(SENDING, incident=None, occurrence=Fingerprint("f"), owed_since=LATER - TELLING)
    assert advance(info, busy(1), LATER).state.phase is Phase.FAILED


def test_the_hour_counts_anew_for_what_happened_meanwhile():
    behind = advance(replace(BEHIND, owed_since=NOON - TELLING), Accepted(attempt=1), LATER).state
    assert (behind.owed_since, behind.failures) == (LATER, 0)


def test_a_success_ends_the_row_of_failures():
    twice = replace(SENDING, failures=2)
    assert advance(twice, Accepted(attempt=1), NOON).state.failures == 0
    assert advance(twice, SendDue(), NOON + LEASE).state.failures == 3


def test_the_next_change_begins_with_what_was_given_up():
    state = advance(FAILED, wanted(NoticeReason.RESOLVED), LATER).state
    assert reasons(state) == [NoticeReason.OPENED, NoticeReason.RESOLVED]
    assert (state.failures, state.owed_since) == (0, LATER)


def test_the_thread_is_remembered_however_often_the_channel_fails_after():
    state = advance(DONE, wanted(), NOON).state
    for number in range(2, KEPT + 4):
        due = state.due()
        assert due is not None
        state = advance(advance(state, SendDue(), due.at).state, busy(number), due.at).state
    assert (state.posted, len(state.attempts)) == ("ts1", KEPT)


def test_a_late_result_is_recorded_as_one():
    (attempt,) = advance(LOST, busy(1), LATER).state.attempts
    assert (attempt.late, attempt.detail) == (True, "busy")


def test_a_lost_call_that_another_followed_only_records_its_late_result():
    again = advance(LOST, SendDue(), LATER).state
    decision = advance(again, Accepted(attempt=1), LATER)
    assert (decision.why, decision.state.phase, decision.state.sent) == (Why.LATE_RESULT, Phase.SENDING, 0)


def test_a_notice_without_an_incident_is_over_when_it_is_shown():
    info = replace(SHOWN, incident=None, occurrence=Fingerprint("f"))
    assert not info.is_live
    assert advance(info, wanted(NoticeReason.INFO), NOON).state.is_live
    assert SHOWN.is_live


def test_what_a_channel_only_put_off_is_no_attempt_and_no_failure():
    decision = advance(BEHIND, paced(1), LATER)
    assert (decision.state.attempts, decision.state.failures, decision.emits) == ((), 0, ())
    assert reasons(decision.state) == [NoticeReason.OPENED, NoticeReason.JOINED]
    assert decision.state.owed_since == NOON
    again = advance(decision.state, SendDue(), LATER + SECOND).effects[0]
    assert (again.attempt, again.key, again.is_repeat) == (2, "I1/slack-ops.2", False)


def test_putting_off_for_hours_gives_nothing_up():
    waiting = replace(SENDING, owed_since=NOON - 2 * TELLING)
    assert advance(waiting, paced(1), LATER).state.phase is Phase.OWED


def test_a_page_that_is_kept_current_is_sent_to_its_reader_and_changed_where_it_stands():
    state = advance(KEPT_PAGE, wanted(NoticeReason.ACKNOWLEDGED), NOON).state
    (send,) = advance(state, SendDue(), NOON).effects
    assert (send.contact, send.method, send.record, state.posted) == (ANA, None, "I1-p1/shown", "ts1")


def test_a_change_that_names_no_message_leaves_the_one_that_stands():
    state = advance(advance(KEPT_PAGE, wanted(NoticeReason.ACKNOWLEDGED), NOON).state, SendDue(), NOON).state
    assert advance(state, Accepted(attempt=1), NOON).state.posted == "ts1"


def test_an_older_page_is_changed_once_more_and_then_left():
    state = advance(KEPT_PAGE, Superseded(), NOON).state
    assert state.is_live
    state = advance(state, SendDue(), NOON).state
    assert state.is_live
    state = advance(state, Accepted(attempt=1, receipt="ts1"), NOON).state
    assert (state.phase, state.is_live, state.due()) == (Phase.SHOWN, False, None)
