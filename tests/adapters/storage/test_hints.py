"""Hints: another process hears that there may be something to do, soon and not too often; nothing rests on them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
import pytest_asyncio

from responder.adapters.storage.hints import EVERY
from responder.adapters.storage.postgres import PostgresStore, open_postgres
from responder.core.decision import DueKind
from responder.core.machines import notice as notices
from responder.ports.store import StoredBody
from tests.builders import NOON, body, incident, notice, page
from tests.conformance.store.steps import append, beating, claim, fail_after, put
from tests.fakes.clock import FakeClock
from tests.servers.postgresql import Database, Postgresql

pytestmark = pytest.mark.postgresql


@pytest.fixture
def database(postgresql: Postgresql) -> Iterator[Database]:
    made = postgresql.fresh()
    yield made
    postgresql.drop(made)


class Ears:
    """A process that listens, and what it has heard."""

    def __init__(self, store: PostgresStore, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.heard: Counter[str] = Counter()
        self._rung = asyncio.Event()
        self._listening = asyncio.ensure_future(store.hear(self._ring))

    def _ring(self, hint: str) -> None:
        self.heard[hint] += 1
        self._rung.set()

    async def until(self, *hints: str) -> None:
        while not all(self.heard[hint] for hint in hints):
            self._rung.clear()
            await self._rung.wait()

    async def forget_the_beginning(self) -> None:
        await self.until(*EVERY)
        self.heard.clear()

    async def close(self) -> None:
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening
        await self.store.close()


async def opened(database: Database) -> Ears:
    clock = FakeClock()
    return Ears(await open_postgres(database.url, clock=clock), clock)


@pytest_asyncio.fixture
async def one(database: Database) -> AsyncIterator[Ears]:
    ears = await opened(database)
    yield ears
    await ears.close()


@pytest_asyncio.fixture
async def other(database: Database) -> AsyncIterator[Ears]:
    ears = await opened(database)
    yield ears
    await ears.close()


async def test_who_begins_to_listen_looks_at_everything_once(one):
    await one.until(*EVERY)
    assert one.heard == dict.fromkeys(EVERY, 1)


@pytest.mark.parametrize(
    "work, hint",
    [
        pytest.param(lambda store: append(store, b"1"), "journal", id="a body"),
        pytest.param(lambda store: put(store, incident(), page()), DueKind.SEND.value, id="a page"),
        pytest.param(
            lambda store: put(store, incident(), notice(phase=notices.Phase.OWED, next_at=NOON)),
            DueKind.SHOW.value,
            id="a notice",
        ),
        pytest.param(lambda store: put(store, beating("b", NOON)), DueKind.TIMER.value, id="a timer"),
    ],
)
async def test_what_one_commits_the_other_hears_of(one, other, work, hint):
    await one.forget_the_beginning()
    await other.forget_the_beginning()
    await work(one.store)
    await other.until(hint)
    assert other.heard == {hint: 1}
    assert not one.heard  # it knows


async def test_a_body_that_is_given_back_is_a_hint(one, other):
    async with one.store.unit() as unit:
        await unit.append_bodies([body()])
    held: list[StoredBody] = await claim(one.store)
    await one.forget_the_beginning()
    await one.clock.until_sleeping()  # it has told of the body
    await other.forget_the_beginning()
    async with one.store.unit() as unit:
        await unit.release_bodies([each.id for each in held])
    one.clock.advance(seconds=1)
    await other.until("journal")


async def test_many_commits_are_one_hint_until_the_pace_allows_another(one, other):
    await one.forget_the_beginning()
    await other.forget_the_beginning()
    await append(one.store, b"1")
    await other.until("journal")
    await one.clock.until_sleeping()
    for number in range(20):
        await append(one.store, b"%d" % number)
    assert other.heard == {"journal": 1}
    one.clock.advance(milliseconds=100)
    other.heard.clear()
    await other.until("journal")
    assert other.heard == {"journal": 1}


async def test_what_was_rolled_back_is_no_hint(one, other):
    await one.forget_the_beginning()
    await other.forget_the_beginning()
    await fail_after(one.store, lambda unit: unit.append_bodies([body()]))
    await put(one.store, incident(), page())
    await other.until(DueKind.SEND.value)
    assert other.heard == {DueKind.SEND.value: 1}


async def test_a_connection_that_broke_is_made_again_and_everything_looked_at(one, postgresql, database):
    await one.forget_the_beginning()
    await asyncio.to_thread(postgresql.terminate_clients, database)
    await one.clock.until_sleeping()
    assert not one.heard
    heard = asyncio.ensure_future(one.until(*EVERY))
    while not heard.done():
        one.clock.advance(seconds=1)  # the pace, or already the time until the next try
        await asyncio.wait([heard], timeout=0.05)


async def test_a_store_without_a_clock_neither_tells_nor_hears(database, other):
    quiet = await open_postgres(database.url)
    await quiet.hear(lambda hint: other.heard.update([hint]))
    await other.forget_the_beginning()
    await append(quiet, b"1")
    await quiet.close()
    assert not other.heard
