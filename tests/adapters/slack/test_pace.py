"""Who may call Slack now, and when to come back: never faster than documented, in turn, and nobody starved."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.adapters.slack.pace import GRACE, LANES, POSTING, TIER_3, WAITING, Pace, Rate
from tests.fakes.clock import NOON

POST, UPDATE = "chat.postMessage", "chat.update"
SRE = "#sre"
SECOND = timedelta(seconds=1)


def seconds(count: float) -> datetime:
    return NOON + timedelta(seconds=count)


def take(pace: Pace, record: str, at: float = 0, *, place: str = SRE, is_page: bool = False) -> float | None:
    """Seconds to wait; None = it goes."""
    wait = pace.take(POST, place, record, now=seconds(at), is_page=is_page)
    return None if wait is None else wait.total_seconds()


def drain(pace: Pace, records: list[str], *, lag: float = 0, place: str = SRE) -> tuple[list[str], int]:
    """Everybody asks at noon, and comes back when told, `lag` seconds late. Who went, in order, and how many asked."""
    due = [(0.0, number, record) for number, record in enumerate(records)]
    went, asked = [], 0
    while due:
        due.sort()
        at, number, record = due.pop(0)
        asked += 1
        wait = take(pace, record, at, place=place)
        if wait is None:
            went.append(record)
        else:
            assert wait > 0
            due.append((at + wait + lag, number, record))
    return went, asked


def test_a_few_go_at_once_and_then_one_a_second():
    pace = Pace()
    assert [take(pace, record) for record in "abcdef"] == [None, None, None, 1, 2, 3]


def test_who_comes_back_in_time_goes():
    pace = Pace()
    for record in "abcde":
        take(pace, record)
    assert take(pace, "d", 1) is None
    assert take(pace, "e", 2) is None


def test_who_comes_back_early_keeps_its_place():
    pace = Pace()
    for record in "abcde":
        take(pace, record)
    assert take(pace, "e", 0.5) == 1.5
    assert take(pace, "f", 0.5) == 2.5
    assert take(pace, "e", 2) is None


def test_who_comes_back_early_again_and_again_stays_ahead_of_those_behind():
    pace = Pace()
    for record in "abcde":
        take(pace, record)
    assert [take(pace, "d", at) for at in (0.25, 0.5, 0.75)] == [0.75, 0.5, 0.25]
    assert take(pace, "e", 0.75) == 1.25


def test_those_who_do_not_come_back_hold_nobody_up():
    pace = Pace()
    for record in ["a", "b", "c", *(f"gone-{number}" for number in range(60))]:
        take(pace, record)
    assert take(pace, "patient") == 61
    assert take(pace, "patient", 61) is None


def test_who_is_new_does_not_pass_those_who_wait():
    pace = Pace()
    for record in "abcd":
        take(pace, record)
    assert take(pace, "new", 1.2) == pytest.approx(0.8)
    assert take(pace, "d", 1.2) is None


def test_who_does_not_come_back_is_forgotten():
    pace = Pace()
    for record in ["a", "b", "c", *(f"gone-{number}" for number in range(50))]:
        take(pace, record)
    late = 50 + GRACE.total_seconds() + 1
    assert [take(pace, record, late) for record in "xyz"] == [None, None, None]
    assert take(pace, "late", late) == 1


@pytest.mark.parametrize("lag", [0, 0.3, 0.9, 1.7], ids=str)
def test_two_hundred_come_back_about_once_each_and_in_order(lag):
    records = [f"I{number}" for number in range(200)]
    went, asked = drain(Pace(), records, lag=lag)
    assert went == records
    assert asked <= 2 * len(records)


def test_a_page_does_not_wait_behind_notices():
    pace = Pace()
    for number in range(100):
        take(pace, f"notice-{number}")
    assert [take(pace, f"page-{number}", is_page=True) for number in range(POSTING.spare)] == [
        None
    ] * POSTING.spare
    assert take(pace, "one more", is_page=True) == 1


def test_another_place_is_another_lane():
    pace = Pace()
    for number in range(100):
        take(pace, f"notice-{number}")
    assert take(pace, "notice-200", place="#other") is None


def test_updates_share_the_workspaces_limit():
    pace = Pace()
    waits = [pace.take(UPDATE, "", f"I{number}", now=NOON) for number in range(TIER_3.burst + 2)]
    assert waits == [None] * TIER_3.burst + [TIER_3.every, 2 * TIER_3.every]


def test_behind_any_number_of_edits_what_may_not_wait_goes_at_once():
    pace = Pace()
    for number in range(100):
        pace.take(UPDATE, "", f"I{number}", now=NOON)
    waits = [pace.take(UPDATE, "", f"now-{number}", now=NOON, is_page=True) for number in range(3)]
    assert waits == [None, None, TIER_3.every]


def test_edits_and_what_passes_them_stay_within_fifty_a_minute():
    pace, went = Pace(), 0
    for tick in range(60 * 4):
        at = NOON + timedelta(seconds=tick / 4)
        for name, is_page in (("edits", False), ("now", True)):
            while pace.take(UPDATE, "", name, now=at, is_page=is_page) is None:
                went += 1
    assert 48 <= went <= 50


@pytest.mark.parametrize("is_page", [False, True], ids=["notice", "page"])
def test_what_slack_says_holds_for_everybody(is_page):
    pace = Pace()
    pace.hold(POST, SRE, seconds(30), now=NOON)
    assert take(pace, "a", 1, is_page=is_page) == 29
    assert take(pace, "a", 29.9, is_page=is_page) == pytest.approx(0.1)
    assert take(pace, "a", 30, is_page=is_page) is None
    assert take(pace, "b", 30) == 1


def test_a_lane_keeps_so_many_places_and_no_more():
    pace = Pace()
    for number in range(POSTING.burst + WAITING):
        take(pace, f"I{number}")
    last = take(pace, "one more")
    assert last == WAITING + 1
    assert take(pace, "and another") == last


def test_lanes_that_are_idle_make_room_and_others_stay():
    pace = Pace()
    for number in range(LANES - 1):
        take(pace, "a", place=f"D{number}")
    for number in range(5):
        take(pace, f"I{number}", 1.5, place="busy")
    take(pace, "a", 2, place="one more")
    assert take(pace, "new", 2, place="busy") == 2.5


def test_lanes_are_no_more_than_so_many_even_if_none_is_idle():
    pace = Pace()
    for number in range(LANES + 1):
        for record in "abcd":
            take(pace, record, place=f"D{number}")
    assert take(pace, "d", 0.5, place=f"D{LANES}") == 0.5
    assert take(pace, "d", 0.5, place="D0") is None  # forgotten


# For any traffic

RATE = Rate(every=SECOND, burst=3, spare=4)
askings = st.lists(
    st.tuples(
        st.integers(0, 3_000),  # milliseconds since the one before
        st.sampled_from([f"I{number}" for number in range(12)]),
        st.booleans(),
    ),
    max_size=80,
)


@given(askings)
def test_it_is_never_faster_than_the_rate(asked):
    pace, at, notices, everything = Pace({POST: RATE}), NOON, [], []
    for pause, record, is_page in asked:
        at += timedelta(milliseconds=pause)
        if pace.take(POST, SRE, f"{record}{is_page}", now=at, is_page=is_page) is None:
            everything.append(at)
            if not is_page:
                notices.append(at)
    for went, room in ((notices, RATE.burst), (everything, RATE.burst + RATE.spare)):
        for first, begun in enumerate(went):
            for last in range(first, len(went)):
                assert last - first + 1 <= room + (went[last] - begun) / RATE.every


@given(st.lists(st.integers(0, 2_500), min_size=1, max_size=60), st.integers(0, 1_500))
def test_whoever_comes_back_when_told_goes_in_the_end(pauses, lag):
    pace, at = Pace({POST: RATE}), 0
    due: list[tuple[int, int, int]] = []
    for number, pause in enumerate(pauses):
        at += pause
        due.append((at, number, 0))
    went = set()
    while due:
        due.sort()
        at, number, times = due.pop(0)
        assert times <= 3, "told to come back again and again"
        wait = pace.take(POST, SRE, f"I{number}", now=NOON + timedelta(milliseconds=at))
        if wait is None:
            went.add(number)
        else:
            assert wait <= (len(pauses) + 1) * RATE.every
            due.append((at + -(-wait // timedelta(milliseconds=1)) + lag, number, times + 1))
    assert went == set(range(len(pauses)))


@given(st.lists(st.integers(0, 2_000), min_size=1, max_size=60))
def test_whoever_came_first_goes_first(pauses):
    pace, at = Pace({POST: RATE}), 0
    due: list[tuple[int, int]] = []
    for number, pause in enumerate(pauses):
        at += pause
        due.append((at, number))
    went = []
    while due:
        due.sort()
        at, number = due.pop(0)
        wait = pace.take(POST, SRE, f"I{number}", now=NOON + timedelta(milliseconds=at))
        if wait is None:
            went.append(number)
        else:
            due.append((at + wait // timedelta(milliseconds=1), number))
    assert went == sorted(went)
