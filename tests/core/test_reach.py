"""When no channel takes anything: what the last calls say, and what they do not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from responder.core.delivery import Outcome
from responder.core.identifiers import ChannelName
from responder.core.reach import QUIET, TAKEN_WITHIN, TRIED_WITHIN, Tried, all_failed, takes_nothing
from tests.builders import NOON

TAKEN, FOR_NOW, FOR_GOOD, UNKNOWN = Outcome.ACCEPTED, Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.UNKNOWN
SECOND = timedelta(seconds=1)


def tried(channel: str, outcome: Outcome, ago: timedelta = SECOND, by: str = "ana") -> Tried:
    return Tried(channel=ChannelName(channel), recipient=by, at=NOON - ago, outcome=outcome)


@pytest.mark.parametrize(
    "tries, is_so",
    [
        pytest.param([], False, id="nothing was tried"),
        pytest.param([tried("sms", FOR_NOW)], False, id="one channel fails, and there are others"),
        pytest.param([tried("sms", FOR_NOW), tried("mail", FOR_NOW)], True, id="two fail for now"),
        pytest.param([tried("sms", UNKNOWN), tried("mail", FOR_GOOD)], True, id="one hangs and one refuses"),
        pytest.param(
            [tried("sms", FOR_GOOD), tried("mail", FOR_GOOD)], False, id="one person is refused everywhere"
        ),
        pytest.param(
            [tried("sms", FOR_GOOD), tried("mail", FOR_GOOD, by="bo")], True, id="two people are refused"
        ),
        pytest.param(
            [tried("sms", FOR_NOW), tried("mail", FOR_NOW), tried("chat", TAKEN, TRIED_WITHIN + SECOND)],
            False,
            id="a third took something when it was tried last",
        ),
        pytest.param(
            [tried("sms", FOR_NOW), tried("mail", FOR_NOW), tried("chat", TAKEN, TAKEN_WITHIN + SECOND)],
            True,
            id="a third was tried too long ago to tell",
        ),
        pytest.param(
            [tried("sms", FOR_NOW), tried("mail", FOR_NOW), tried("mail", TAKEN, 2 * SECOND, by="bo")],
            True,
            id="one that fails now took something before",
        ),
        pytest.param(
            [
                tried("sms", FOR_NOW),
                tried("mail", TAKEN, 2 * QUIET),
                tried("mail", FOR_NOW, 3 * QUIET, by="bo"),
            ],
            False,
            id="one that failed has taken something since",
        ),
        pytest.param(
            [tried("sms", FOR_NOW), tried("mail", FOR_NOW, TRIED_WITHIN + SECOND)],
            False,
            id="the second was tried too long ago to tell",
        ),
    ],
)
def test_no_channel_takes_anything(tries, is_so):
    assert all_failed(tries, 3, NOON) is is_so
    assert all_failed(reversed(tries), 3, NOON) is is_so
    assert takes_nothing(tries, 3, None, NOON) is is_so


def test_where_there_is_one_channel_it_alone_tells():
    assert all_failed([tried("sms", FOR_NOW)], 1, NOON)


def test_where_everything_prints_nothing_tells():
    assert not all_failed([], 0, NOON)
    gone_since = [tried("sms", FOR_NOW), tried("mail", FOR_NOW)]
    assert not all_failed(gone_since, 0, NOON)


@pytest.mark.parametrize(
    "ago, is_so",
    [
        pytest.param(QUIET - SECOND, False, id="something was taken within the minute"),
        pytest.param(QUIET, True, id="something was taken a minute ago"),
        pytest.param(None, True, id="nothing was ever taken"),
    ],
)
def test_nothing_is_taken_only_after_a_minute_of_quiet(ago, is_so):
    """Whoever it was taken for: the last call to the same person, that failed, does not hide it."""
    taken_at = NOON - ago if ago is not None else None
    assert takes_nothing([tried("sms", FOR_NOW), tried("mail", FOR_NOW)], 3, taken_at, NOON) is is_so
