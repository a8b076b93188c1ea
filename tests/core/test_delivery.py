"""Delivery: how attempts close, what a late result may still change, and how long the waits are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from responder.core.delivery import (
    DEADLINE,
    LEASE,
    Accepted,
    Attempt,
    Outcome,
    Rejected,
    attempt_details,
    backoff,
    closed,
    lost,
    recorded_late,
)
from responder.core.identifiers import ChannelName
from tests.core.matrix import MINUTE, NOON, SECOND

FLYING = Attempt(number=1, channel=ChannelName("push"), method=0, due_at=NOON, claimed_at=NOON)
LOST = lost(FLYING, NOON + LEASE)
SECONDS = timedelta(seconds=1)


@pytest.mark.parametrize(
    "failures, asked, wait",
    [
        pytest.param(0, None, 5, id="none yet"),
        pytest.param(1, None, 5, id="the first"),
        pytest.param(2, None, 10, id="doubled"),
        pytest.param(4, None, 40, id="and doubled"),
        pytest.param(5, None, 60, id="a minute at the most"),
        pytest.param(10_000, None, 60, id="however many"),
        pytest.param(1, 90, 90, id="what the channel asks for"),
        pytest.param(5, 2, 60, id="but not less than our own"),
        pytest.param(1, 86_400, 300, id="and five minutes at the most"),
    ],
)
def test_backoff(failures, asked, wait):
    retry_after = None if asked is None else asked * SECONDS
    assert backoff(failures, retry_after) == wait * SECONDS


def test_a_call_ends_in_under_half_its_lease():
    assert 2 * DEADLINE < LEASE
    assert FLYING.lease_ends_at == NOON + LEASE


@pytest.mark.parametrize(
    "result, outcome, detail",
    [
        pytest.param(Accepted(attempt=1, receipt="r"), Outcome.ACCEPTED, "", id="accepted"),
        pytest.param(
            Rejected(attempt=1, outcome=Outcome.TRANSIENT, detail="busy"),
            Outcome.TRANSIENT,
            "busy",
            id="for now",
        ),
        pytest.param(
            Rejected(attempt=1, outcome=Outcome.PERMANENT, detail="gone"),
            Outcome.PERMANENT,
            "gone",
            id="for good",
        ),
    ],
)
def test_a_result_closes_its_attempt(result, outcome, detail):
    attempt = closed(FLYING, result, NOON + SECOND)
    assert (attempt.outcome, attempt.ended_at, attempt.detail) == (outcome, NOON + SECOND, detail)
    assert not attempt.late


def test_an_attempt_keeps_the_receipt_and_the_wait_that_was_asked_for():
    assert closed(FLYING, Accepted(attempt=1, receipt="r"), NOON).receipt == "r"
    slow = Rejected(attempt=1, outcome=Outcome.TRANSIENT, detail="slow down", retry_after=MINUTE)
    assert closed(FLYING, slow, NOON).retry_after == MINUTE


def test_a_lost_attempt_may_have_arrived():
    assert (LOST.outcome, LOST.ended_at) == (Outcome.UNKNOWN, NOON + LEASE)


def test_a_late_result_is_written_to_the_attempt_that_it_is_of():
    other = replace(FLYING, number=2)
    found = recorded_late((LOST, other), Accepted(attempt=1, receipt="r"), NOON + MINUTE)
    assert found is not None
    assert (found[0].outcome, found[0].receipt, found[0].late) == (Outcome.ACCEPTED, "r", True)
    assert found[1] == other


@pytest.mark.parametrize(
    "attempts",
    [
        pytest.param((), id="no attempt at all"),
        pytest.param((replace(LOST, number=2),), id="another attempt"),
        pytest.param((closed(FLYING, Accepted(attempt=1), NOON),), id="one that has its result"),
        pytest.param((FLYING,), id="one that is in flight"),
    ],
)
def test_a_result_without_a_lost_attempt_is_nobodys(attempts):
    assert recorded_late(attempts, Accepted(attempt=1), NOON) is None


def test_what_the_channel_said_is_shown_where_it_said_something():
    assert attempt_details(FLYING) == {"attempt": "1", "channel": "push"}
    refused = closed(FLYING, Rejected(attempt=1, outcome=Outcome.PERMANENT, detail="gone"), NOON)
    assert attempt_details(refused) == {"attempt": "1", "channel": "push", "detail": "gone"}
