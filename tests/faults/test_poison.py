"""What cannot be worked on, however often: it is set aside with an alarm, and holds up nobody else.

A body that kills the process each time stands in tests/journeys/test_restart.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.ledgers import warnings
from tests.faults.lives import ALERT, LONG, Lived, lived
from tests.faults.places import OnSqlite
from tests.journeys.side_by_side import Start, Stories
from tests.journeys.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

stories = Stories()
OTHER = "Other"


@pytest.fixture(scope="module")
def told(request, tmp_path_factory):
    return stories.run(request, tmp_path_factory.mktemp("poison"))


async def damaged(found: Lived, statement: str) -> None:
    """Started, with an open incident, and stopped; then something happens to the file, and it is started again."""
    await found.up()
    await found.post()
    await found.settled(ALERT)
    await found.life.service.program.stop()
    found.place.execute(found.life.home, statement)
    await found.life.serve()


async def alarm(found: Lived, title: str) -> None:
    async def told() -> bool:
        return any(one["title"].startswith(title) for one in await found.alarms())

    await until(told, f"an alarm {title!r}", within=LONG)


@stories.tell
async def test_a_body_that_raises_each_time_is_set_aside_and_others_go_on(home: Path, start: Start) -> None:
    """It ends the alert of an incident whose record is gone."""
    async with lived(home, OnSqlite(), start) as found:
        await damaged(found, "DELETE FROM records WHERE kind = 'incident'")
        assert await found.post(status="resolved") == 200
        assert await found.post(OTHER) == 200
        await found.settled(OTHER)
        await alarm(found, "responder: set-aside journal-2")
        assert (await found.life.service.get("/status"))["set_aside_bodies"] == 1
        assert "body failed" in warnings(found.log)
        assert await found.metric("responder_set_aside_total", what="body") == 1


@stories.tell
async def test_a_timer_that_raises_each_time_is_set_aside_and_others_fire(home: Path, start: Start) -> None:
    async with lived(home, OnSqlite(), start, second="6s") as found:
        await damaged(found, "DELETE FROM records WHERE kind = 'escalation'")
        assert await found.post(OTHER) == 200
        await found.settled(OTHER, people=2)
        await alarm(found, "responder: set-aside escalation")
        assert "due row failed" in warnings(found.log)
        assert await found.metric("responder_set_aside_total", what="due") == 1


@stories.tell
async def test_a_record_that_cannot_be_read_holds_up_nobody_else(home: Path, start: Start) -> None:
    async with lived(home, OnSqlite(), start, second="6s") as found:
        await damaged(found, "UPDATE records SET body = '{' WHERE kind = 'escalation'")
        assert await found.post(OTHER) == 200
        await found.settled(OTHER, people=2)
