"""Whether the store takes commits: what shows it, what does not, and what tells of a time that is over."""

from __future__ import annotations

import pytest

from responder.core.errors import Conflict, Failure, FromNewer, Permanent, Transient, Unreadable, Unsure
from responder.engine.commits import LATE, WRITTEN, Commits
from tests.fakes.clock import NOON, FakeClock

SINCE = f"it has taken no commit since {NOON.isoformat()}"
FULL = Transient("/var/x.db: full", outward="the disk is full")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def commits(clock: FakeClock) -> Commits:
    return Commits(clock)


@pytest.mark.parametrize("point", sorted(WRITTEN))
def test_what_was_refused_is_told_until_something_is_written(
    commits: Commits, clock: FakeClock, point: str
) -> None:
    commits.took(point)
    clock.advance(seconds=1)
    commits.refused(FULL, began=clock.now())
    commits.took("claim.journal")
    assert commits.problem() == f"{SINCE}: the disk is full"
    commits.took(point)
    assert commits.problem() == ""


@pytest.mark.parametrize("failure", [Permanent("no table"), Unsure("who knows")], ids=["for good", "unsure"])
def test_where_nobody_has_words_for_it_the_log_is_named(commits: Commits, failure: Failure) -> None:
    commits.refused(failure, began=NOON)
    assert commits.problem() == f"{SINCE}: the log says why"


@pytest.mark.parametrize(
    "failure", [Conflict("x"), FromNewer("x"), Unreadable("x")], ids=lambda one: type(one).__name__
)
def test_what_tells_of_others_or_of_a_record_is_nothing_of_the_store(
    commits: Commits, failure: Failure
) -> None:
    commits.refused(failure, began=NOON)
    assert commits.problem() == ""


def test_a_refusal_that_comes_late_tells_of_a_time_that_is_over(commits: Commits, clock: FakeClock) -> None:
    began = clock.now()
    clock.advance(seconds=3)
    commits.took("commit.journal")
    commits.refused(FULL, began=began)
    assert commits.problem() == ""


def test_silence_for_long_is_no_better_than_a_refusal(commits: Commits, clock: FakeClock) -> None:
    clock.advance(seconds=LATE.total_seconds())
    assert commits.problem() == ""
    clock.advance(seconds=1)
    assert commits.problem() == SINCE
