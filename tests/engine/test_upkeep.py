"""Loops, batches, tokens and retention: what keeps the service alive and small."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from responder.core.errors import Refused, Transient
from responder.core.identifiers import ContactName
from responder.engine.batches import Batcher, together_or_alone
from responder.engine.commands import Role
from responder.engine.supervise import SOUND_AFTER, Supervisor
from responder.telemetry import Metrics
from tests.engine.world import World
from tests.fakes.clock import FakeClock


async def test_what_arrives_during_a_commit_is_the_next_batch() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def work(items: list[int]) -> Sequence[int]:
        batches.append(items)
        await gate.wait()
        return [item * 2 for item in items]

    batcher = Batcher(work, most=10)
    first = asyncio.ensure_future(batcher.submit(1))
    await asyncio.wait({first}, timeout=0)
    others = [asyncio.ensure_future(batcher.submit(n)) for n in (2, 3, 4)]
    await asyncio.wait(set(others), timeout=0)
    gate.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert batches == [[1], [2, 3, 4]]


async def test_too_many_waiting_are_asked_to_come_again() -> None:
    gate = asyncio.Event()

    async def work(items: list[int]) -> Sequence[int]:
        await gate.wait()
        return items

    batcher = Batcher(work, most=1, waiting_most=2)
    tasks = [asyncio.ensure_future(batcher.submit(n)) for n in range(3)]
    await asyncio.wait(set(tasks), timeout=0)
    with pytest.raises(Transient, match="waiting already"):
        await asyncio.gather(*[batcher.submit(n) for n in range(3)])
    gate.set()
    await asyncio.wait(set(tasks))


async def test_a_batch_that_fails_fails_its_own_callers_only() -> None:
    async def work(items: list[int]) -> Sequence[int]:
        if 1 in items:
            raise ValueError("one")
        return items

    batcher = Batcher(work, most=10)
    with pytest.raises(ValueError, match="one"):
        await batcher.submit(1)
    assert await batcher.submit(2) == 2


async def test_one_bad_item_is_found_and_the_others_are_done() -> None:
    done: list[int] = []
    spoilt: list[int] = []

    async def work(items: Sequence[int]) -> None:
        if 3 in items:
            raise ValueError
        done.extend(items)

    async def spoil(item: int, problem: Exception) -> None:
        spoilt.append(item)

    await together_or_alone([1, 2, 3, 4], work, spoil)
    assert (done, spoilt) == ([1, 2, 4], [3])


async def test_a_loop_that_fails_is_started_again_and_can_be_seen() -> None:
    clock, metrics = FakeClock(), Metrics()
    supervisor = Supervisor(clock, metrics)
    started: asyncio.Queue[int] = asyncio.Queue()

    async def loop() -> None:
        await started.put(clock.now().second)
        if clock.now().second < 2:
            raise RuntimeError("broken")
        await asyncio.Event().wait()

    supervisor.start("loop", loop)
    for second in range(2):
        assert await started.get() == second
        await clock.until_sleeping()
        assert supervisor.unsound() == {"loop": "RuntimeError: broken"}
        clock.advance(seconds=1)
    assert await started.get() == 2
    assert "loop" in supervisor.unsound()
    clock.advance(seconds=SOUND_AFTER.total_seconds())
    assert supervisor.unsound() == {}
    assert metrics.registry.get_sample_value("responder_loop_restarts_total", {"loop": "loop"}) == 2
    await supervisor.stop()


async def test_a_token_is_known_by_its_digest_and_dies_when_revoked(world: World) -> None:
    tokens = world.service.tokens
    fresh = await tokens.make(name="laptop", role=Role.RESPONDER, contact=ContactName("first"))
    actor = await tokens.actor(fresh.secret)
    assert actor is not None
    assert (actor.contact, actor.role) == ("first", Role.RESPONDER)
    assert fresh.secret not in repr(await tokens.all())
    assert await tokens.actor(fresh.secret + "x") is None
    with pytest.raises(Refused, match="valid already"):
        await tokens.make(name="laptop", role=Role.VIEWER)
    second = await tokens.make(name="laptop-2", role=Role.RESPONDER, contact=ContactName("first"))
    await tokens.revoke("laptop")
    assert await tokens.actor(fresh.secret) is None
    assert await tokens.actor(second.secret) is not None
    with pytest.raises(Refused, match="no valid token"):
        await tokens.revoke("laptop")


async def test_a_token_expires(world: World) -> None:
    fresh = await world.service.tokens.make(name="t", role=Role.VIEWER, lasts=timedelta(hours=1))
    assert await world.service.tokens.actor(fresh.secret) is not None
    world.clock.advance(hours=1)
    assert await world.service.tokens.actor(fresh.secret) is None


async def test_what_is_over_goes_in_its_time_and_what_is_open_stays(world: World) -> None:
    await world.fire("Old")
    await world.clear("Old")
    await world.fire("Open", level="3")
    await world.advance(hours=2)
    assert await world.service.retention.delete_old() == 0
    world.clock.advance(days=401)
    assert await world.service.retention.delete_old() > 0
    assert await world.incidents() == ["Open"]
