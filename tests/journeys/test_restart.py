"""Restarts: what was pending goes on, what was overdue is made up for, and what runs is not disturbed."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.faults import Side, Strike
from tests.fakes.sink import HANG, SLOW
from tests.journeys.kills import LATE, Life, due_of, life
from tests.journeys.served import run
from tests.journeys.side_by_side import Ended, Start, Stories
from tests.journeys.small import FAR, small_plan, write_plan
from tests.journeys.waiting import CLOCK, let_pass, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

stories = Stories()


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return stories.run(request, tmp_path_factory.mktemp("restarts"))


def living(home: Path, start: Start, **rungs: str) -> AbstractAsyncContextManager[Life]:
    """A life in which the first person is paged at once, and the others by these rungs."""
    return life(home, start, rungs={"first": "0s", **rungs})


@asynccontextmanager
async def paged(home: Path, start: Start) -> AsyncIterator[Life]:
    """Serving, with one incident whose first person has been paged; nobody else is to be for long."""
    async with living(home, start, second=FAR) as found:
        await found.serve()
        await found.post()
        await found.until_paged(1)
        await found.until_recorded()
        yield found


def where(found: Life) -> list[str]:
    return [f"{page.to} again" if page.is_repeat else page.to for page in found.pages()]


@stories.tell
async def test_overdue_steps_fire_after_a_restart_and_pending_ones_at_their_time(home, start):
    async with living(home, start, second="8s", third="16s") as found:
        await found.serve()
        await found.post()
        await found.until_paged(1)
        story = await found.until_recorded()
        assert await found.service.program.stop() == 0
        await CLOCK.sleep_until(due_of(story, "second") + timedelta(seconds=1))
        assert where(found) == ["sms/first"]

        await found.serve()
        await found.until_paged(2)
        await found.until_paged(3)
        assert CLOCK.now() >= due_of(story, "third")
        assert where(found) == ["sms/first", "sms/second", "sms/third"]
        assert [one["title"] for one in await found.service.incidents()][1:] == [LATE]


@stories.tell
async def test_an_acknowledgement_that_had_its_reply_outlives_a_kill(home, start):
    async with living(home, start, second="12s") as found:
        await found.serve()
        await found.post()
        await found.until_paged(1)
        due = due_of(await found.until_recorded(), "second")
        assert (await found.cli("incidents", "ack", "I1")).code == 0
        await found.kill()

        await found.serve()
        await CLOCK.sleep_until(due + timedelta(seconds=1.5))
        assert where(found) == ["sms/first"]
        assert (await found.story())["state"] == "acknowledged"


@stories.tell
async def test_killed_twice_on_its_way_an_alert_still_arrives_once(home, start):
    async with living(home, start, second=FAR) as found:
        await found.serve_armable()
        await found.arm(Strike(Side.AFTER, "claim.journal", past="commit.journal"))
        await found.post()
        await found.pulled()
        await found.kill()

        await found.serve_armable()
        await until(lambda: where(found), "the alert goes on by itself")
        await found.until_recorded()
        await found.kill()

        await found.serve()
        await let_pass(1.5)
        assert where(found) == ["sms/first"]


@stories.tell
async def test_a_body_that_kills_the_process_each_time_is_set_aside_and_somebody_is_paged(home, start):
    async with living(home, start, second=FAR) as found:
        await found.serve_armable()
        await found.arm(Strike(Side.BEFORE, "commit.handle"))
        await found.post()
        await found.pulled()
        await found.kill()
        for _ in range(2):
            await found.serve_armable(Strike(Side.BEFORE, "commit.handle"))
            await found.pulled()
            await found.kill()
        assert (found.answers, where(found)) == ([200], [])

        await found.serve()
        await found.until_paged(1)
        assert (await found.service.get("/status"))["set_aside_bodies"] == 1
        titles = [one["title"] for one in await found.service.incidents()]
        assert [title for title in titles if title != LATE] == ["responder: set-aside journal-1"]


@stories.tell
async def test_a_graceful_stop_waits_for_a_page_that_is_on_its_way_and_records_it(home, start):
    async with living(home, start, second=FAR) as found:
        found.sink.always(SLOW)
        await found.serve()
        await found.post()
        await found.until_paged(1)
        found.service.program.send(signal.SIGTERM)
        await let_pass(0.5)
        assert found.service.program.is_running
        found.sink.release()
        assert await found.service.program.ended() == 0

        await found.serve()
        (page,) = (await found.until_recorded())["pages"]
        assert [attempt["outcome"] for attempt in page["attempts"]] == ["accepted"]
        await let_pass(1.5)
        assert where(found) == ["sms/first"]


@stories.tell
async def test_a_graceful_stop_does_not_wait_for_ever_and_what_may_have_arrived_is_a_repeat(home, start):
    async with living(home, start, second=FAR) as found:
        found.sink.script(HANG)
        await found.serve()
        await found.post()
        await found.until_paged(1)
        assert await found.service.program.stop() == 0

        await found.serve()
        await found.until_paged(2)
        (page,) = (await found.until_recorded())["pages"]
        assert [attempt["outcome"] for attempt in page["attempts"]] == ["unknown", "accepted"]
        assert where(found) == ["sms/first", "mail/first again"]


@stories.tell
async def test_a_second_instance_on_the_same_database_is_refused_in_one_line(home, start):
    async with paged(home, start) as found:
        second = await run("serve", environ=found.service.settings)
        assert second.code == 1
        (line,) = second.err.strip().splitlines()
        assert f"in use by process {found.service.program.process.pid}" in line
        assert await found.service.program.stop() == 0


async def reloaded(found: Life, plan: Mapping[str, Any]) -> dict[str, Any]:
    """What the API says of the policies, once a SIGHUP for `plan` has been answered."""
    write_plan(found.home / "policies", plan)
    before = found.service.program.lines().count("policies ")
    found.service.program.send(signal.SIGHUP)
    await until(lambda: found.service.program.lines().count("policies ") > before, "the reload is told")
    answer: dict[str, Any] = await found.service.get("/policies")
    return answer


@stories.tell
async def test_faulty_policies_are_refused_with_the_reason_and_the_old_ones_stay(home, start):
    async with paged(home, start) as found:
        before = await found.service.get("/policies")
        plan = small_plan(found.sink.url, rungs={"first": "0s", "nobody-we-know": "15m"})
        after = await reloaded(found, plan)
        assert after["hash"] == before["hash"]
        assert ["nobody-we-know" in fault["what"] for fault in after["faults"]] == [True] * 4
        assert "nobody-we-know" in found.service.program.lines()
        assert (await found.cli("incidents", "ack", "I1")).code == 0


@stories.tell
async def test_policies_without_a_name_that_an_open_incident_relies_on_are_refused_with_its_id(home, start):
    async with paged(home, start) as found:
        before = await found.service.get("/policies")
        plan = small_plan(found.sink.url, rungs={"first": "0s"})
        del plan["contacts"]["contacts"]["second"]
        after = await reloaded(found, plan)
        assert after["hash"] == before["hash"]
        (fault,) = after["faults"]
        assert "contact second is gone, and incident I1, which is not closed, relies on it" in fault["what"]
        assert "incident I1, which is not closed, relies on it" in found.service.program.lines()


@stories.tell
async def test_sound_policies_are_taken_and_move_no_incident_in_flight(home, start):
    async with paged(home, start) as found:
        before = await found.service.get("/policies")
        pin = (await found.story())["pin"]
        after = await reloaded(
            found, small_plan(found.sink.url, rungs={"first": "0s", "second": "2s", "third": "2h"})
        )
        assert after["faults"] == []
        assert after["hash"] != before["hash"]
        await let_pass(2.5)
        assert where(found) == ["sms/first"]
        assert (await found.story())["pin"] == pin
