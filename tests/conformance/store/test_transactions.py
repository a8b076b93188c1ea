"""A unit happens as a whole or not at all, and nobody sees it half."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from responder.core.decision import DueKind
from responder.core.errors import Permanent
from responder.core.identifiers import JournalId
from responder.core.machines import incident as incidents
from responder.ports.store import (
    SummaryQuery,
    Unit,
    key_of,
)
from tests.builders import (
    I1,
    NOON,
    audit_line,
    body,
    escalation,
    incident,
    page,
    summary,
)
from tests.conformance.store.steps import (
    append,
    fail_after,
    put,
    put_summaries,
    turns,
)


async def test_what_a_unit_wrote_is_read_by_the_next_reader(store):
    await put(store, incident(), escalation(), page())
    async with store.reading() as reader:
        keys = [key_of(incident()), key_of(escalation()), key_of(page())]
        assert await reader.records(keys) == {
            keys[0]: incident(),
            keys[1]: escalation(),
            keys[2]: page(),
        }


async def test_nobody_sees_a_unit_before_it_commits(store):
    async with store.unit() as unit:
        await unit.put_record(incident(), NOON)
        await unit.put_summary(summary())
        await unit.append_bodies([body()])
        assert await unit.take_due(DueKind.TIMER, NOON, 1) == []  # whatever waits is in the database now
        async with store.reading() as reader:
            assert await reader.records([key_of(incident())]) == {}
            assert await reader.summary(I1) is None
            assert await reader.waiting_count() == 0


async def test_an_exception_leaves_nothing_behind(store):
    await put(store, incident(title="before"))

    async def work(unit: Unit) -> None:
        await unit.records([key_of(incident())])
        await unit.put_record(incident(title="after"), NOON)
        await unit.put_record(page(), NOON)
        await unit.put_audit([audit_line()])
        await unit.append_bodies([body()])
        await unit.next_due(DueKind.SEND)

    await fail_after(store, work)
    async with store.reading() as reader:
        assert await reader.records([key_of(incident()), key_of(page())]) == {
            key_of(incident()): incident(title="before")
        }
        assert await reader.next_due(DueKind.SEND) is None
        assert await reader.audit_of(I1, 10) == []
        assert await reader.waiting_count() == 0


async def test_a_store_works_on_after_a_unit_that_failed(store):
    await fail_after(store, lambda unit: unit.append_bodies([body(b"lost")]))
    assert await append(store, b"kept")
    async with store.reading() as reader:
        assert [one.body for one in await reader.bodies(JournalId(0), 10)] == [b"kept"]


async def test_a_cancelled_unit_leaves_nothing_behind_and_the_store_usable(store):
    inside, never = asyncio.Event(), asyncio.Event()

    async def stuck() -> None:
        async with store.unit() as unit:
            await unit.put_record(page(), NOON)
            await unit.append_bodies([body(b"lost")])
            await unit.next_due(DueKind.SEND)
            inside.set()
            await never.wait()

    task = asyncio.ensure_future(stuck())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await append(store, b"kept")
    async with store.reading() as reader:
        assert await reader.records([key_of(page())]) == {}
        assert [one.body for one in await reader.bodies(JournalId(0), 10)] == [b"kept"]


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987])
async def test_a_unit_cancelled_at_any_moment_is_done_whole_or_not_at_all(store, steps):
    async def work() -> None:
        async with store.unit() as unit:
            await unit.append_bodies([body(b"one"), body(b"two")])
            await unit.put_record(page(), NOON)
            await unit.put_audit([audit_line()])
            await unit.next_due(DueKind.SEND)
            await unit.put_audit([audit_line()])

    task = asyncio.ensure_future(work())
    await turns(steps)
    task.cancel()
    await asyncio.wait([task])
    async with store.reading() as reader:
        seen = (
            await reader.waiting_count(),
            len(await reader.records([key_of(page())])),
            len(await reader.audit_of(I1, 10)),
        )
    assert seen in ((0, 0, 0), (2, 1, 2))
    assert task.cancelled() or seen == (2, 1, 2)
    await append(store, b"three")


async def test_a_unit_waits_its_turn_and_then_sees_what_the_one_before_wrote(store):
    await put(store, incident(revision=0))
    inside, go_on = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def first() -> None:
        async with store.unit() as unit:
            await unit.lock([I1])
            await unit.records([key_of(incident())])
            await unit.put_record(incident(revision=1), NOON)
            inside.set()
            await go_on.wait()
            order.append("first")

    async def second() -> int:
        await inside.wait()
        async with store.unit() as unit:
            await unit.lock([I1])
            order.append("second")
            seen = (await unit.records([key_of(incident())]))[key_of(incident())]
            assert isinstance(seen, incidents.Incident)
            await unit.put_record(replace(seen, revision=seen.revision + 1), NOON)
            return seen.revision

    tasks = asyncio.gather(first(), second())
    await inside.wait()
    await turns(20)
    assert order == []
    go_on.set()
    assert (await tasks)[1] == 1
    assert order == ["first", "second"]


async def test_a_hundred_units_at_once_lose_no_change(store):
    await put(store, incident(revision=0))

    async def add_one() -> None:
        async with store.unit() as unit:
            await unit.lock([I1])
            seen = (await unit.records([key_of(incident())]))[key_of(incident())]
            assert isinstance(seen, incidents.Incident)
            await unit.put_record(replace(seen, revision=seen.revision + 1), NOON)

    await asyncio.gather(*(add_one() for _ in range(100)))
    async with store.reading() as reader:
        assert (await reader.records([key_of(incident())]))[key_of(incident())] == incident(revision=100)


async def test_readers_do_not_wait_for_a_unit(store):
    await put_summaries(store, summary())
    async with store.unit() as unit:
        await unit.put_summary(summary(title="changed"))
        await unit.counts()
        async with store.reading() as one, store.reading() as other:
            assert await one.summary(I1) == await other.summary(I1) == summary()


async def test_a_reader_reads_one_moment(store):
    await put_summaries(store, summary())
    async with store.reading() as reader:
        assert await reader.summary(I1) == summary()
        await put_summaries(store, summary(title="changed"), summary("I2"))
        assert await reader.summary(I1) == summary()
        assert await reader.summaries(SummaryQuery()) == [summary()]


async def test_a_closed_store_refuses_in_words(store):
    await store.close()
    for refused in (store.unit(), store.reading()):
        with pytest.raises(Permanent, match="closed"):
            await refused.__aenter__()
    await store.close()
