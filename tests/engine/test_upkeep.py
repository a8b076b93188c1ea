"""Loops, batches, tokens and retention: what keeps the service alive and small."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from responder.core.errors import Failure, Permanent, Refused, Transient, Unsure
from responder.core.identifiers import ContactName
from responder.engine.batches import Batcher, Limit, Take, together_or_alone
from responder.engine.commands import Role
from responder.engine.supervise import LOG_AGAIN, SOUND_AFTER, Supervisor
from responder.ports.store import Store
from responder.telemetry import Metrics
from tests.engine.world import World, make_world
from tests.fakes.channel import Accepts, FailsForNow
from tests.fakes.clock import NOON, FakeClock, let_others_run
from tests.web.faults import Trouble


async def test_what_arrives_during_a_commit_is_the_next_batch() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def work(take: Take[int]) -> Sequence[int]:
        batches.append(take())
        await gate.wait()
        return [item * 2 for item in take()]

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

    async def work(take: Take[int]) -> Sequence[int]:
        items = take()
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
    async def work(take: Take[int]) -> Sequence[int]:
        items = take()
        if 1 in items:
            raise ValueError("one")
        return items

    batcher = Batcher(work, most=10)
    with pytest.raises(ValueError, match="one"):
        await batcher.submit(1)
    assert await batcher.submit(2) == 2


async def test_what_arrives_before_the_work_can_begin_belongs_to_the_batch() -> None:
    ready = asyncio.Event()
    batches: list[list[int]] = []

    async def work(take: Take[int]) -> Sequence[int]:
        await ready.wait()
        batches.append(take())
        return take()

    batcher = Batcher(work, most=3)
    tasks = [asyncio.ensure_future(batcher.submit(n)) for n in range(4)]
    await asyncio.wait(set(tasks), timeout=0)
    ready.set()
    assert await asyncio.gather(*tasks) == [0, 1, 2, 3]
    assert batches == [[0, 1, 2], [3]]


async def test_work_that_cannot_begin_leaves_nobody_waiting() -> None:
    async def work(take: Take[int]) -> Sequence[int]:
        raise Transient("no connection is free")

    batcher = Batcher(work, most=2)
    found = await asyncio.gather(*(batcher.submit(n) for n in range(3)), return_exceptions=True)
    assert [str(problem) for problem in found] == ["no connection is free"] * 3


async def test_who_has_waited_for_long_is_told_and_what_is_not_begun_is_left() -> None:
    clock, go_on, begun = FakeClock(), asyncio.Event(), asyncio.Event()
    batches: list[list[int]] = []

    async def work(take: Take[int]) -> Sequence[int]:
        batches.append(take())
        begun.set()
        await go_on.wait()
        return take()

    batcher = Batcher(work, most=1, limit=Limit(clock, timedelta(seconds=10)))
    first = [asyncio.ensure_future(batcher.submit(number)) for number in range(2)]
    await begun.wait()
    clock.advance(seconds=5)
    later = asyncio.ensure_future(batcher.submit(2))
    await let_others_run()
    clock.advance(seconds=3)
    last = asyncio.ensure_future(batcher.submit(3))
    await let_others_run()
    clock.advance(seconds=2)
    told = await asyncio.gather(*first, return_exceptions=True)
    assert [str(one) for one in told] == ["no result within 10 s; it may come all the same"] * 2
    assert all(isinstance(one, Unsure) for one in told)
    assert not later.done()
    await clock.until_sleeping()
    clock.advance(seconds=5)
    with pytest.raises(Unsure):
        await later
    assert not last.done()
    go_on.set()
    assert await last == 3
    assert batches == [[0], [3]]
    await batcher.drain()
    assert clock.waited_for() == []
    go_on.clear()
    again = asyncio.ensure_future(batcher.submit(4))
    await clock.until_sleeping()
    clock.advance(seconds=10)
    with pytest.raises(Unsure):
        await again
    go_on.set()
    await batcher.drain()


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


async def test_a_loop_that_the_store_keeps_from_working_tries_every_second_and_is_no_fault_of_ours() -> None:
    clock, metrics = FakeClock(), Metrics()
    supervisor = Supervisor(clock, metrics)
    started: asyncio.Queue[datetime] = asyncio.Queue()

    async def loop() -> None:
        await started.put(clock.now())
        if clock.now() < NOON + timedelta(minutes=1):
            raise Transient("the database is away")
        await asyncio.Event().wait()

    supervisor.start("loop", loop)
    began = [await started.get()]
    while began[-1] < NOON + timedelta(minutes=1):
        await clock.until_sleeping()
        assert supervisor.unsound() == {"loop": "the database is away"}
        assert supervisor.broken() == {}
        [until] = clock.waited_for()
        assert until - began[-1] <= timedelta(seconds=1)
        clock.advance(seconds=(until - clock.now()).total_seconds())
        began.append(await started.get())
    assert supervisor.unsound() == {}
    await supervisor.stop()


@pytest.mark.parametrize(
    "failure, event, level",
    [
        pytest.param(Transient("the database is away"), "loop kept from working", "warning", id="for now"),
        pytest.param(Permanent("no such table"), "loop failed", "error", id="for good"),
    ],
)
async def test_what_fails_again_and_again_is_one_line_every_few_seconds(
    failure: Failure, event: str, level: str
) -> None:
    """A database that is away fails every loop every second; what it was doing then shows nobody anything."""
    clock = FakeClock()
    supervisor = Supervisor(clock, Metrics())
    said = [str(failure)]

    async def loop() -> None:
        raise type(failure)(said[-1])

    async def fail_until(moment: datetime) -> None:
        while clock.now() < moment:
            await clock.until_sleeping()
            clock.advance(seconds=(clock.waited_for()[0] - clock.now()).total_seconds())
            await let_others_run(5)

    with capture_logs() as lines:
        supervisor.start("loop", loop)
        await fail_until(NOON + timedelta(seconds=6))
        assert len(lines) == 1
        await fail_until(NOON + LOG_AGAIN + timedelta(seconds=2))
        assert len(lines) == 2
        said.append("something else")
        await fail_until(clock.now() + timedelta(seconds=1))
    assert [line["problem"] for line in lines] == [*[str(failure)] * 2, "something else"]
    assert {(line["event"], line["log_level"]) for line in lines} == {(event, level)}
    assert not any("exc_info" in line for line in lines)
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


async def test_a_store_that_cannot_delete_so_much_in_its_time_is_asked_for_less_and_then_for_more(
    store: Store,
) -> None:
    """A limit for a statement that is too short for a chunk would end it every time."""
    trouble = Trouble()
    world = await make_world(store, faults=trouble)
    for number in range(20):
        await world.fire(f"Old{number}")
        await world.clear(f"Old{number}")
    await world.advance(hours=2)
    world.clock.advance(days=401)
    trouble.failures = {"commit.retention": Transient("statement timeout")}
    for _ in range(10):
        with pytest.raises(Transient):
            await world.service.retention.delete_old()
    trouble.failures.clear()
    assert await world.service.retention.delete_old() > 0
    done = {"point": "commit.retention", "outcome": "ok"}
    figures = world.service.points.metrics.registry
    commits = figures.get_sample_value("responder_call_seconds_count", done) or 0
    assert 5 <= commits <= 20
    assert await world.incidents() == []


async def test_an_alert_that_was_shown_and_forgotten_is_shown_again(world: World) -> None:
    """Its occurrence may be forgotten before its notice, which its channel took late."""
    world.channels["board"].always(FailsForNow())
    await world.fire("Quiet", severity="info")
    await world.advance(minutes=5)
    await world.clear("Quiet", severity="info")
    await world.advance(minutes=5)
    world.channels["board"].always(Accepts())
    await world.advance(hours=1)
    shown = len(world.handed("board"))
    await world.sleep(days=400, minutes=-64)
    await world.service.retention.delete_old()
    await world.post(world.alert("Quiet", {"severity": "info"}, started=world.clock.now()))
    await world.settle()
    assert len(world.handed("board")) == shown + 1


async def test_of_what_is_of_no_incident_nothing_is_left_once_it_is_over(world: World) -> None:
    await world.fire("Quiet", severity="info")
    await world.advance(minutes=5)
    await world.clear("Quiet", severity="info")
    world.clock.advance(days=401)
    assert await world.service.retention.delete_old() > 0
    async with world.store.unit() as unit:
        assert await unit.delete_strays_before(world.clock.now(), 10) == 0


async def test_one_that_is_still_to_be_shown_is_not_begun_anew(world: World) -> None:
    """What ended long ago is forgotten at once, however lately it was heard of."""
    world.channels["board"].always(FailsForNow())
    old = world.alert("Quiet", {"severity": "info"}, started=NOON - timedelta(days=500))
    await world.post(old)
    await world.post(old | {"status": "resolved", "endsAt": (NOON - timedelta(days=499)).isoformat()})
    await world.settle()
    await world.service.retention.delete_old()
    tried = len(world.handed("board"))
    await world.fire("Quiet", severity="info")
    assert len(world.handed("board")) == tried
    world.channels["board"].always(Accepts())
    await world.advance(hours=1)
    assert len(world.handed("board")) == tried + 1
