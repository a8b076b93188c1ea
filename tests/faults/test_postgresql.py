"""A PostgreSQL that loses its power under load, and one whose standby takes over: what was answered is not lost.

Replicas that die, sleep past their leases, or have a wrong clock stand in tests/journeys/test_replicas.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from responder.engine.intake import ACCEPTED_WITHIN
from tests.faults.ledgers import handed, judge, seen, warnings
from tests.faults.lives import EVERY, LONG, PROOF, Lived, lived
from tests.faults.striking import resolve
from tests.journeys.waiting import CLOCK, let_pass, until
from tests.servers.postgresql import pair, running, service_url

pytestmark = [pytest.mark.postgresql, pytest.mark.slow, pytest.mark.timeout(300)]

MANY = 40  # alerts, one after the other
APART = 0.05  # seconds
DOWN = 1.0  # seconds without a server that takes writes
SILENT = timedelta(
    seconds=20
)  # in which all goes on without a primary that says nothing; a busy machine's 10


@dataclass(frozen=True, slots=True)
class At:
    """A database under this URL."""

    url: str

    def settings(self, home: Path) -> Mapping[str, str]:
        return {"RESPONDER_DATABASE_URL": self.url}

    def execute(self, home: Path, statement: str) -> None:
        raise NotImplementedError("nothing is done to it behind the service's back")


async def under_load(found: Lived, strike: Callable[[], None], mend: Callable[[], None]) -> None:
    """Every alert comes until it is taken; the server is struck in the midst of them, and mended."""
    names = [f"Down{number}" for number in range(MANY)]

    async def come(number: int) -> None:
        await let_pass(number * APART)
        await found.post_until_taken(names[number])

    await found.up()
    coming = asyncio.gather(*(come(number) for number in range(MANY)))
    await let_pass(MANY * APART / 2)
    strike()
    await let_pass(DOWN)
    mend()
    await coming
    assert any(len(answers) > 1 for answers in found.posts.values()), "nothing was felt of it"
    assert {status for answers in found.posts.values() for status in answers} <= {200, 503, None}

    async def all_are_paged() -> bool:
        return len({one.page for one in handed(found) if one.to.endswith("/first")}) >= MANY

    await until(all_are_paged, "every alert is paged", within=LONG, every=EVERY)
    began = CLOCK.now()
    await found.post_until_taken(PROOF)
    await found.settled(PROOF)
    proved_after = CLOCK.now() - began
    await resolve(found, PROOF)
    for name in names:
        await found.settled(name)
    await found.looked_at()
    judge(await seen(found, proved_after))
    assert "loop kept from working" in warnings(found.log)


async def test_a_server_that_loses_its_power_under_load_loses_nothing(tmp_path: Path) -> None:
    with running() as server:
        async with lived(tmp_path, At(server.fresh().url), asyncio.Semaphore(3)) as found:
            await under_load(found, server.kill, server.start)


async def test_a_primary_that_dies_under_load_is_followed_by_its_standby(tmp_path: Path) -> None:
    """Its commits wait for the standby, so what was answered is there; the service finds who takes writes by itself."""
    with pair() as (primary, standby):
        url = service_url(primary.fresh().name, primary.port, standby.port)
        async with lived(tmp_path, At(url), asyncio.Semaphore(3)) as found:
            await under_load(found, primary.kill, standby.promote)
            assert standby.sql("SELECT pg_is_in_recovery()") == "f"


async def test_a_primary_that_falls_silent_is_given_up_within_seconds(tmp_path: Path) -> None:
    """Its machine, or its network, is gone: nothing is refused, and nothing comes back."""
    with pair() as (primary, standby):
        url = service_url(primary.fresh().name, primary.port, standby.port)
        async with lived(tmp_path, At(url), asyncio.Semaphore(3)) as found:
            await found.up()
            await found.post_until_taken("Before")
            await found.settled("Before")
            primary.freeze()
            try:
                began = CLOCK.now()
                standby.promote()
                seen_unready = asyncio.ensure_future(until_unready(found))
                await longest_answer(found, "During")
                await found.settled("During")
                took = CLOCK.now() - began
                assert took < SILENT
                assert "the database cannot be reached" in await seen_unready
                await until(lambda: is_ready(found), "it is ready again", within=LONG, every=EVERY)
                assert standby.sql("SELECT pg_is_in_recovery()") == "f"
            finally:
                primary.thaw()


async def longest_answer(found: Lived, name: str) -> None:
    """Post until it is taken; no answer takes longer than the service allows itself, and what a busy machine adds."""
    answer: int | None = None
    while answer != 200:
        began = CLOCK.now()
        answer = await found.post(name)
        assert CLOCK.now() - began < ACCEPTED_WITHIN + timedelta(seconds=3)
        await let_pass(0.2)


async def until_unready(found: Lived) -> str:
    async def look() -> str:
        said = await found.life.service.text("/readyz")
        return said if "store" in said else ""

    return await until(look, "it says that the store takes nothing", within=LONG, every=EVERY)


async def is_ready(found: Lived) -> bool:
    return await found.life.service.text("/readyz") == "ready\n"


async def test_with_no_database_at_all_the_status_says_so(tmp_path: Path) -> None:
    with running() as server:
        async with lived(tmp_path, At(server.fresh().url), asyncio.Semaphore(3)) as found:
            await found.up()
            server.kill()
            await until_unready(found)
            ran = await found.life.service.cli("status")
            assert ran.code == 1
            assert "NOT READY" in ran.out
            assert "store: it has taken no commit since" in ran.out
            assert "the database cannot be reached" in ran.out
            await let_pass(20)
            again = [line for line in found.log.splitlines() if "loop kept from working" in line]
            assert len(again) < 40, len(again)
            assert "Traceback" not in found.log
