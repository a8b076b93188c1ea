"""Receivers that break off: before their answer nobody knows whether it arrived; within it, they have said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.sink import RESET, RESET_MID_ANSWER
from tests.faults.ledgers import handed
from tests.faults.lives import ALERT, Lived, lived
from tests.faults.places import OnSqlite
from tests.journeys.side_by_side import Start, Stories

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

stories = Stories()


@pytest.fixture(scope="module")
def told(request, tmp_path_factory):
    return stories.run(request, tmp_path_factory.mktemp("receivers"))


async def paged(found: Lived) -> tuple[list[str], list[str]]:
    """What arrived, and what each attempt came to."""
    await found.up()
    await found.post()
    story = await found.settled(ALERT)
    (page,) = story["pages"]
    arrived = [
        f"{one.to} again" if one.is_repeat else one.to for one in handed(found) if one.page == page["page"]
    ]
    return arrived, [attempt["outcome"] for attempt in page["attempts"]]


@stories.tell
async def test_a_connection_that_is_reset_before_the_answer_is_unknown(home: Path, start: Start) -> None:
    async with lived(home, OnSqlite(), start) as found:
        found.life.sink.script(RESET)
        assert await paged(found) == (["sms/first", "mail/first again"], ["unknown", "accepted"])
        assert await found.metric("responder_sends_total", channel="sms-first", outcome="unknown") == 1
        assert '"event": "not handed over"' in found.log


@stories.tell
async def test_a_connection_that_is_reset_within_the_answer_has_said_it_all(home: Path, start: Start) -> None:
    async with lived(home, OnSqlite(), start) as found:
        found.life.sink.script(RESET_MID_ANSWER)
        assert await paged(found) == (["sms/first"], ["accepted"])
