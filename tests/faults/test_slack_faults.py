"""Slack on a bad day: it throttles, breaks, hangs, or is slow. The page arrives once, and the message comes right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.slack.outcomes import Hangs, Outcome, Status, TakesAndBreaks, Throttles
from tests.faults.ledgers import handed
from tests.faults.lives import ALERT, LONG, Lived, Way, lived
from tests.faults.places import OnSqlite
from tests.journeys.side_by_side import Start, Stories
from tests.journeys.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

stories = Stories()
POST = "chat.postMessage"


@pytest.fixture(scope="module")
def told(request, tmp_path_factory):
    return stories.run(request, tmp_path_factory.mktemp("slack"))


async def outcomes(found: Lived, *scripted: Outcome) -> list[tuple[str, str]]:
    """Of the page's attempts, by channel; the next messages that Slack is sent end as they are scripted."""
    assert found.slack is not None
    found.slack.fake.script(POST, *scripted)
    await found.up()
    await found.post()
    return attempts(await found.settled(ALERT))


def attempts(story: dict[str, Any]) -> list[tuple[str, str]]:
    (page,) = story["pages"]
    return [(attempt["channel"], attempt["outcome"]) for attempt in page["attempts"]]


def where(found: Lived) -> Sequence[str]:
    arrived = [one for one in handed(found) if one.page.startswith("I1-")]
    return [f"{one.to} again" if one.is_repeat else one.to for one in arrived]


async def is_shown(found: Lived) -> None:
    """On the board, once, as things stand."""
    assert found.slack is not None
    slack = found.slack
    await until(lambda: len(slack.roots()) == 1, "one message on the board", within=LONG)
    await slack.shows("paged: First", within=LONG)


@stories.tell
async def test_a_throttled_page_goes_by_the_next_method(home: Path, start: Start) -> None:
    async with lived(home, OnSqlite(), start, way=Way.SLACK) as found:
        found_outcomes = await outcomes(found, Throttles(retry_after=30))
        assert found_outcomes == [("slack", "busy"), ("mail-first", "accepted")]
        assert where(found) == ["mail/first"]


@stories.tell
async def test_a_slack_that_breaks_is_asked_what_became_of_it(home: Path, start: Start) -> None:
    """Behind a 500 it may have been done."""
    async with lived(home, OnSqlite(), start, way=Way.SLACK) as found:
        assert await outcomes(found, Status(500)) == [("slack", "unknown"), ("slack", "accepted")]
        assert where(found) == ["slack"]


@stories.tell
async def test_a_slack_that_took_it_and_hangs_up_is_asked_before_it_is_sent_again(
    home: Path, start: Start
) -> None:
    async with lived(home, OnSqlite(), start, way=Way.SLACK) as found:
        await outcomes(found, TakesAndBreaks())
        assert where(found) == ["slack"]


@stories.tell
async def test_a_slack_that_hangs_costs_a_deadline_and_no_page(home: Path, start: Start) -> None:
    async with lived(home, OnSqlite(), start, way=Way.SLACK) as found:
        assert await outcomes(found, Hangs()) == [("slack", "unknown"), ("slack", "accepted")]
        assert where(found) == ["slack"]


@stories.tell
async def test_a_board_in_a_slack_that_is_slow_and_throttles_comes_right(home: Path, start: Start) -> None:
    """The page and the board's message end differently, in whichever order they come."""
    async with lived(home, OnSqlite(), start, way=Way.SLACK, board=True) as found:
        await outcomes(found, Throttles(retry_after=1), Status(503))
        await is_shown(found)
