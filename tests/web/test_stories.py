"""Stories: what an attempt is said to have come to, and what of strangers' text goes out as it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from responder.core.delivery import Attempt, Outcome
from responder.core.identifiers import ChannelName
from responder.core.machines import notice as notices
from responder.core.machines import page as pages
from responder.web.stories import of_alert, of_notice, of_page
from tests.builders import CTO, NOON, notice, occurrence, page

SMS, MAIL = ChannelName("sms"), ChannelName("mail")
METHODS = (
    pages.Method(index=0, channel=SMS, folds=False),
    pages.Method(index=1, channel=MAIL, folds=False),
)


def attempt(outcome: Outcome | None, *, number: int = 1, method: int | None = 0, **changed: Any) -> Attempt:
    fields: dict[str, Any] = {
        "number": number,
        "channel": SMS if not method else MAIL,
        "method": method,
        "due_at": NOON,
        "claimed_at": NOON,
        "outcome": outcome,
        "ended_at": None if outcome is None else NOON + timedelta(seconds=1),
        "detail": "busy" if outcome in (Outcome.TRANSIENT, Outcome.PERMANENT) else "",
    }
    return Attempt(**fields | changed)


ACCEPTED, TRANSIENT, PERMANENT, UNKNOWN = (
    Outcome.ACCEPTED,
    Outcome.TRANSIENT,
    Outcome.PERMANENT,
    Outcome.UNKNOWN,
)
GATHERING, GATHERED, OWED, SENDING, TAKEN, FAILED, WITHDRAWN = pages.Phase


@pytest.mark.parametrize(
    "phase, outcomes, words",
    [
        pytest.param(SENDING, [None], ["attempt 1, by sms"], id="in flight"),
        pytest.param(TAKEN, [ACCEPTED], ["handed over to sms for cto (attempt 1)"], id="accepted"),
        pytest.param(
            WITHDRAWN,
            [ACCEPTED],
            ["sent before the acknowledgement: sms took it (attempt 1)"],
            id="accepted, and not needed",
        ),
        pytest.param(OWED, [TRANSIENT], ["sms failed (attempt 1): busy; tried again"], id="failed for now"),
        pytest.param(
            OWED,
            [PERMANENT],
            ["sms failed (attempt 1): busy; the next method is tried"],
            id="failed for good",
        ),
        pytest.param(
            TAKEN,
            [TRANSIENT, ACCEPTED],
            [
                "sms failed (attempt 1): busy; the next method is tried",
                "handed over to mail for cto (attempt 2)",
            ],
            id="by the other method",
        ),
        pytest.param(
            FAILED,
            [PERMANENT, PERMANENT],
            [
                "sms failed (attempt 1): busy; the next method is tried",
                "no method of cto took it; last mail (attempt 2): busy",
            ],
            id="by no method",
        ),
        pytest.param(
            WITHDRAWN,
            [TRANSIENT],
            ["sms failed (attempt 1): busy; not needed any more"],
            id="failed, not needed",
        ),
        pytest.param(
            OWED, [UNKNOWN], ["attempt 1 by sms has no result: it may have arrived; sent again"], id="unknown"
        ),
        pytest.param(
            WITHDRAWN,
            [UNKNOWN],
            ["attempt 1 by sms has no result: it may have arrived"],
            id="unknown, not needed",
        ),
    ],
)
def test_an_attempt_is_told_in_words(phase, outcomes, words):
    attempts = tuple(
        attempt(outcome, number=index + 1, method=index % 2) for index, outcome in enumerate(outcomes)
    )
    following = 1 if outcomes == [PERMANENT] else 0
    told = of_page(page(contact=CTO, methods=METHODS, phase=phase, attempts=attempts, next_method=following))
    assert [one.words for one in told.attempts] == words


@pytest.mark.parametrize(
    "phase, outcome, words",
    [
        pytest.param(OWED, None, "cto is to be paged: a step of the ladder came due", id="owed"),
        pytest.param(WITHDRAWN, TRANSIENT, "not needed any more; it was not sent", id="withdrawn in time"),
        pytest.param(WITHDRAWN, None, "not needed any more, but it was on its way already", id="on its way"),
        pytest.param(
            WITHDRAWN, UNKNOWN, "not needed any more, but it was on its way already", id="may be there"
        ),
        pytest.param(
            WITHDRAWN, ACCEPTED, "not needed any more, but it was on its way already", id="was taken"
        ),
    ],
)
def test_a_page_says_whether_it_may_have_arrived(phase, outcome, words):
    told = of_page(page(contact=CTO, methods=METHODS, phase=phase, attempts=(attempt(outcome),)))
    assert told.words == words


def test_a_page_says_that_it_waits_for_others_and_in_which_digest_it_went():
    waiting = of_page(page(contact=CTO, methods=METHODS, phase=GATHERING, next_at=NOON))
    assert "waits until 2026-11-23 12:00 UTC for others" in waiting.words
    gathered = of_page(page(contact=CTO, methods=METHODS, phase=GATHERED, next_at=None, digest="D57"))
    assert (gathered.digest, gathered.words) == ("D57", "goes in the digest D57")


@pytest.mark.parametrize(
    "phase, outcome, words",
    [
        pytest.param(notices.Phase.SENDING, None, "attempt 1, on board", id="in flight"),
        pytest.param(notices.Phase.SHOWN, ACCEPTED, "shown on board (attempt 1)", id="shown"),
        pytest.param(
            notices.Phase.OWED, TRANSIENT, "board failed (attempt 1): busy; tried again", id="failed for now"
        ),
        pytest.param(
            notices.Phase.FAILED,
            PERMANENT,
            "board failed (attempt 1): busy; given up until something changes",
            id="given up",
        ),
        pytest.param(
            notices.Phase.OWED,
            UNKNOWN,
            "attempt 1 on board has no result: it may have arrived; sent again",
            id="unknown",
        ),
    ],
)
def test_a_notice_says_what_its_attempts_came_to(phase, outcome, words):
    shown = notice(phase=phase, attempts=(attempt(outcome, method=None, channel=ChannelName("board")),))
    assert [one.words for one in of_notice(shown).attempts] == [words]


@pytest.mark.parametrize(
    "url, link",
    [
        ("https://prometheus.example/graph?g0.expr=up", "https://prometheus.example/graph?g0.expr=up"),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_a_link_is_one_that_may_be_followed(url, link):
    assert of_alert(occurrence(generator_url=url)).source == link
