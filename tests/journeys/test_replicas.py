"""Replicas on one PostgreSQL, all active: each page is handed over once, and one that dies or sleeps is made up for."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from responder.core.delivery import LEASE
from responder.engine.replicas import GONE
from tests.fakes.faults import Side, Strike
from tests.fakes.sink import SLOW
from tests.journeys.kills import LATE, STARTS, due_of
from tests.journeys.replicas import Replicas, replicas
from tests.journeys.served import Served
from tests.journeys.side_by_side import Ended, Start, Stories
from tests.journeys.small import FAR, small_plan, write_plan
from tests.journeys.waiting import CLOCK, let_pass, until
from tests.servers.postgresql import Postgresql, running

pytestmark = [pytest.mark.postgresql, pytest.mark.slow, pytest.mark.timeout(240)]

# In which what a dead replica owed is taken up, a timer or a send past its lease, on however slow a machine. The
# figure is the benchmark's (row "takeover").
PAST_DUE = timedelta(seconds=5)
MANY = 60  # alerts

stories = Stories()
servers: list[Postgresql] = []  # the one that all stories but one share


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    with running() as server:
        servers.append(server)
        return stories.run(request, tmp_path_factory.mktemp("replicas"))


@asynccontextmanager
async def living(home: Path, start: Start, **rungs: str) -> AsyncIterator[Replicas]:
    async with replicas(home, servers[-1].fresh().url, start, **rungs) as found:
        yield found


async def both(found: Replicas) -> tuple[Served, Served]:
    one, other = await asyncio.gather(found.serve("one"), found.serve("other"))
    return one, other


async def claimed_late(found: Replicas, by: Served, who: str) -> timedelta:
    """How long after it was due the last attempt to reach `who` was claimed."""
    story = await found.until_recorded(by)
    (page,) = [page for page in story["pages"] if page["contact"] == who]
    last = page["attempts"][-1]
    return datetime.fromisoformat(last["claimed_at"]) - datetime.fromisoformat(last["due_at"])


@stories.tell
async def test_two_that_start_at_once_on_an_empty_database_both_serve(home, start):
    async with living(home, start) as found:
        one, other = await both(found)
        assert await one.text("/readyz") == await other.text("/readyz") == "ready\n"

        async def two() -> bool:
            return "responder_replicas 2.0" in await one.text("/metrics")

        await until(two, "each knows of the other")
        assert (await one.cli("incidents", "list")).code == 0
        assert (await other.cli("incidents", "list")).code == 0


@stories.tell
async def test_an_acknowledgement_at_one_stops_the_ladder_of_all(home, start):
    async with living(home, start, second="20s") as found:
        one, other = await both(found)
        await found.post(one)
        await found.until_paged(1)
        due = due_of(await found.until_recorded(other), "second")
        assert (await other.cli("incidents", "ack", "I1")).code == 0
        assert (await one.story())["state"] == "acknowledged"
        await CLOCK.sleep_until(due + timedelta(seconds=1.5))
        assert found.where() == ["sms/first"]


@stories.tell
async def test_the_timers_of_one_that_was_killed_fire_at_their_time(home, start):
    async with living(home, start, second="6s") as found:
        one, other = await both(found)
        await found.post(one)
        await found.until_paged(1)
        await found.until_recorded(one)
        await one.program.kill()
        await found.until_paged(2)
        assert found.where() == ["sms/first", "sms/second"]
        # By the database's clock, both: ours may be some milliseconds off.
        assert timedelta(0) <= await claimed_late(found, other, "second") < PAST_DUE


@stories.tell
async def test_what_one_was_sending_when_it_was_killed_goes_another_way_when_its_lease_ends(home, start):
    async with living(home, start) as found:
        # It is there from the start, because to start may take longer than a lease, and stands still meanwhile.
        other = await found.serve("other")
        other.program.send(signal.SIGSTOP)
        one = await found.serve_armable("one", Strike(Side.BEFORE, "page.send.webhook"))
        await found.post(one)
        await found.triggers["one"].pulled(within=40)
        await one.program.kill()
        other.program.send(signal.SIGCONT)
        (page,) = (await other.story())["pages"]
        lease = datetime.fromisoformat(page["attempts"][0]["claimed_at"]) + LEASE
        assert CLOCK.now() < lease
        await found.until_paged(1)
        assert CLOCK.now() >= lease
        assert found.where() == ["mail/first again"]
        assert await claimed_late(found, other, "first") < PAST_DUE


@stories.tell
async def test_a_body_that_one_had_when_it_was_killed_is_another_s_when_its_lease_ends(home, start):
    async with living(home, start) as found:
        one = await found.serve_armable("one", Strike(Side.AFTER, "claim.journal", past="commit.journal"))
        assert await found.post(one) == 200
        await found.triggers["one"].pulled(within=40)
        claimed = CLOCK.now()
        other = await found.serve("other")
        await one.program.kill()
        await found.until_paged(1)
        assert CLOCK.now() < claimed + LEASE + PAST_DUE
        assert found.where() == ["sms/first"]
        assert (await other.get("/status"))["set_aside_bodies"] == 0


@stories.tell
async def test_one_that_slept_past_its_lease_adds_its_late_receipt_and_sends_nothing(home, start):
    async with living(home, start) as found:
        found.sink.script(SLOW)
        one = await found.serve("one")
        await found.post(one)
        await found.until_paged(1)
        one.program.send(signal.SIGSTOP)
        other = await found.serve("other")
        await found.until_paged(2)
        found.sink.release()
        await found.until_recorded(other)
        one.program.send(signal.SIGCONT)

        async def late() -> list[bool]:
            (page,) = (await other.story())["pages"]
            return [attempt["late"] for attempt in page["attempts"]] if page["attempts"][0]["late"] else []

        assert await until(late, "the late receipt") == [True, False]
        await let_pass(1.5)
        assert found.where() == ["sms/first", "mail/first again"]
        (page,) = (await one.story())["pages"]
        assert [attempt["outcome"] for attempt in page["attempts"]] == ["unknown", "accepted"]


@stories.tell
async def test_the_body_of_one_that_slept_past_its_lease_is_worked_on_once(home, start):
    async with living(home, start) as found:
        one = await found.serve_armable("one", Strike(Side.AFTER, "claim.journal", past="commit.journal"))
        await found.post(one)
        await found.triggers["one"].pulled(within=40)
        one.program.send(signal.SIGSTOP)
        other = await found.serve("other")
        await found.until_paged(1)
        one.program.send(signal.SIGCONT)
        await let_pass(2)
        assert found.where() == ["sms/first"]
        story = await other.story()
        assert [line["why"] for line in story["audit"]["lines"]].count("incident.opened") == 1
        assert story["seen"] == 1


@stories.tell
async def test_a_machine_whose_clock_is_minutes_off_is_as_good_as_any(home, start):
    async with living(home, start, second="6s", third=FAR) as found:
        ahead = await found.serve("ahead", command=("-m", "tests.fakes.skewed", "300"))
        behind = await found.serve("behind", command=("-m", "tests.fakes.skewed", "-300"))
        assert await found.post(ahead) == 200
        await found.until_paged(1)
        due = due_of(await found.until_recorded(behind), "second")
        assert timedelta(0) < due - CLOCK.now() < timedelta(seconds=6)
        await found.until_paged(2)
        assert due <= CLOCK.now()
        assert await claimed_late(found, ahead, "second") < PAST_DUE
        await behind.program.kill()
        assert (await ahead.cli("incidents", "ack", "I1")).code == 0
        lease = (await ahead.story())["lease"]
        assert abs(datetime.fromisoformat(lease["since"]) - CLOCK.now()) < timedelta(seconds=5)
        assert [one["title"] for one in await ahead.troubles()] == ["no answer from any zone"]
        assert found.where() == ["sms/first", "sms/second"]


@stories.tell
async def test_only_who_has_the_policies_that_were_loaded_last_pages_by_them_until_it_dies(home, start):
    async with living(home, start) as found:
        older = await found.serve("older")
        plan = small_plan(found.sink.url, rungs={"first": "0s"})
        plan["channels"]["channels"]["fax"] = {"webhook": {"url": f"{found.sink.url}fax"}}
        plan["contacts"]["contacts"]["first"]["methods"] = [{"webhook": "fax"}]
        newer_plan = write_plan(home / "newer-policies", plan)
        newer = await found.serve("newer", settings={"RESPONDER_POLICIES": str(newer_plan)})
        names = [f"Down{number}" for number in range(10)]
        for name in names:
            assert await found.post(older, name) == 200
        await found.until_paged(len(names))
        await let_pass(1.5)
        assert found.where() == ["fax"] * len(names)

        async def stands_by() -> bool:
            return "other policies are in force" in await older.text("/readyz")

        await until(stands_by, "the older one says so")
        await newer.program.kill()
        died = CLOCK.now()
        assert await found.post(older, "OneMore") == 200
        await found.until_paged(len(names) + 1)
        assert CLOCK.now() - died < GONE + PAST_DUE
        assert found.where()[-1] == "sms/first"

        async def ready() -> bool:
            return await older.text("/readyz") == "ready\n"

        await until(ready, "the older one is ready again")


# Under load, and so by themselves


async def test_alerts_that_come_to_all_of_them_are_each_paged_once(tmp_path: Path) -> None:
    with running() as server:
        async with replicas(tmp_path, server.fresh().url, Start(STARTS), second="8s") as found:
            served = await asyncio.gather(*(found.serve(name) for name in ("one", "two", "three")))
            names = [f"Down{number}" for number in range(MANY)]
            posts = [
                found.post(to, name) for name in names for to in served
            ]  # each alert comes to each of them
            assert set(await asyncio.gather(*posts)) == {200}
            await found.until_paged(2 * MANY)
            await let_pass(1.5)
            assert Counter(found.where()) == {"sms/first": MANY, "sms/second": MANY}
            shown = [one for one in await served[0].incidents(limit=200) if one["rule"] == "all"]
            assert sorted(one["key"] for one in shown) == sorted(
                f'all{{alertname="{name}"}}' for name in names
            )
            assert len({one["incident"] for one in shown}) == MANY
            assert found.errors() == []


async def test_while_the_server_restarts_nothing_that_was_answered_is_lost(tmp_path: Path) -> None:
    with running() as server:
        async with replicas(tmp_path, server.fresh().url, Start(STARTS)) as found:
            served = await both(found)
            names = [f"Down{number}" for number in range(MANY)]
            answers: dict[str, list[int | None]] = {name: [] for name in names}

            async def post(number: int) -> None:
                """As Alertmanager does: what got no 2xx comes again."""
                name = names[number]
                await let_pass(number * 0.05)
                while 200 not in answers[name]:
                    answers[name].append(await found.post(served[number % 2], name))
                    if answers[name][-1] != 200:
                        await let_pass(0.3)

            posting = asyncio.gather(*(post(number) for number in range(MANY)))
            await let_pass(1.5)
            server.stop(signal.SIGQUIT)
            await let_pass(1)
            server.start()
            await posting
            assert {status for got in answers.values() for status in got} <= {200, 503, None}
            assert any(len(got) > 1 for got in answers.values()), "the restart was not felt"

            async def all_paged() -> bool:
                first = {page.page for page in found.pages()}
                return len(first) >= MANY

            await until(all_paged, "every alert is paged", within=60)
            await let_pass(1.5)
            shown = await served[0].incidents(limit=200)
            keys = {one["key"] for one in shown if one["rule"] == "all"}
            assert keys == {f'all{{alertname="{name}"}}' for name in names}
            seen = Counter(page.page for page in found.pages() if not page.is_repeat)
            assert [page for page, count in seen.items() if count > 1] == [], "a repeat says that it is one"

            async def ready() -> bool:
                return all([await one.text("/readyz") == "ready\n" for one in served])

            await until(ready, "both are ready again", within=40)


async def test_beside_a_newer_version_the_older_one_leaves_what_it_cannot_read(tmp_path: Path) -> None:
    with running() as server:
        async with replicas(tmp_path, server.fresh().url, Start(STARTS), second="8s") as found:
            older = await found.serve("older")
            newer = await found.serve("newer", command=("-m", "tests.fakes.newer"))
            names = [f"Down{number}" for number in range(20)]
            for name in names:
                assert await found.post(older if name.endswith(("1", "3", "5")) else newer, name) == 200
            await found.until_paged(2 * len(names))
            for name in names:  # by now each has something that only the newer one can read
                assert await found.post(older, name, "resolved") == 200

            async def over() -> bool:
                shown = [one for one in await newer.incidents(limit=100) if one["rule"] == "all"]
                return {one["state"] for one in shown} == {"resolved"}

            await until(over, "all is over")
            await let_pass(12)  # an auditor's look, and more
            paged = Counter(page.to for page in found.pages() if page.reason == "step")
            assert paged == {"sms/first": len(names), "sms/second": len(names)}
            assert (await newer.get("/status"))["set_aside_bodies"] == 0
            alarms = {one["title"] for one in await newer.incidents(limit=100) if one["rule"] != "all"}
            assert alarms <= {LATE}  # as on a busy machine
            # What the older one sent of an incident that the newer one has touched meanwhile is told unknown.
            assert [line for line in found.errors() if "result not recorded" not in line] == []
