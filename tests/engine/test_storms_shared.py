"""A storm that several processes see, on one PostgreSQL database: one storm, and each page in one digest."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from responder.adapters.storage.postgres import PostgresStore, open_postgres
from responder.core.identifiers import ContactName, IncidentId, Kind, RecordKey
from responder.core.machines.page import Page, Phase
from responder.core.policy.book import PolicyBook
from responder.engine.commands import ALL_ACKNOWLEDGED, NOTHING_TO_DO, Acknowledge, Actor, Role
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.servers.postgresql import Postgresql

pytestmark = pytest.mark.postgresql

NAMES = [f"A{number:02}" for number in range(24)]


def stormy() -> PolicyBook:
    documents = plan.plan()
    documents["escalation"]["storm"] = {"incidents": 4}
    return plan.book(documents)


@pytest.fixture
async def replicas(postgresql: Postgresql) -> AsyncIterator[tuple[World, World]]:
    """Two that have taken in 24 alerts between them, a body each, at the same time."""
    url = postgresql.fresh().url
    await (await open_postgres(url)).close()
    stores = PostgresStore(url), PostgresStore(url)
    one = await make_world(stores[0], book=stormy())
    two = await make_world(stores[1], book=stormy(), clock=one.clock)
    for name in NAMES:
        await one.post(one.alert(name))
    while sum(await asyncio.gather(one.service.intake.consume(), two.service.intake.consume())):
        pass
    await one.settle()
    yield one, two
    for store in stores:
        await store.close()


async def pages(world: World) -> list[Page]:
    async with world.store.reading() as reader:
        found = [await reader.records_of(IncidentId(f"I{number}"), Kind.PAGE) for number in range(1, 60)]
    return [page for each in found for page in each if isinstance(page, Page)]


async def test_each_page_goes_by_itself_or_in_one_digest(replicas: tuple[World, World]) -> None:
    one, two = replicas
    one.clock.advance(seconds=31)
    for _ in range(3):
        await asyncio.gather(one.service.timers.fire_due(), two.service.timers.fire_due())
    await asyncio.gather(one.settle(), two.settle())
    sent = Counter(delivery.record for world in replicas for delivery in world.handed("to-first"))
    assert set(sent.values()) == {1}
    gathered = [page for page in await pages(one) if page.digest]
    assert len(gathered) > 4
    assert {page.phase for page in gathered} == {Phase.ACCEPTED}
    for page in gathered:
        async with one.store.reading() as reader:
            digest = (await reader.records([RecordKey(Kind.PAGE, page.digest)]))[
                RecordKey(Kind.PAGE, page.digest)
            ]
        assert isinstance(digest, Page)
        assert [member.page for member in digest.members].count(page.page) == 1
        assert page.page not in sent
    assert len({page.digest for page in gathered}) == 1


async def test_two_who_acknowledge_at_once_are_one_who_does(replicas: tuple[World, World]) -> None:
    one, two = replicas
    one.clock.advance(seconds=31)
    await one.settle()
    digest = IncidentId(next(page.digest for page in await pages(one) if page.digest))
    first, second = (
        Actor(contact=ContactName(name), role=Role.RESPONDER, via="a test") for name in ("first", "second")
    )
    replies = await asyncio.gather(
        one.service.commands.ask(first, digest, Acknowledge()),
        two.service.commands.ask(second, digest, Acknowledge()),
    )
    assert sorted(reply.code for reply in replies) == sorted((ALL_ACKNOWLEDGED, NOTHING_TO_DO))
