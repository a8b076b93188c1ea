"""What another process was doing when it died is taken up at the next start, where nobody else can be doing it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

from structlog.testing import capture_logs

from responder.adapters.storage.sqlite import SqliteStore
from responder.core.delivery import Outcome
from responder.core.machines.page import Phase
from responder.ports.store import Store
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.channel import Hangs


async def cut_off(store: Store) -> World:
    """A process that died while a page and a notice were on their way; and the one that is started after it."""
    document = plan.plan()
    document["contacts"]["contacts"]["first"]["methods"] = [{"fake": "to-first"}, {"fake": "to-third"}]
    book = plan.book(document)
    dead = await make_world(store, book=book)
    for channel in ("to-first", "board"):
        dead.channels[channel].always(Hangs())
    await dead.post(dead.alert("RegionDown", {"level": "3"}))
    await dead.service.intake.consume()
    await dead.service.outbox.claim()
    await dead.channels["board"].until_handed()
    await dead.channels["to-first"].until_handed()
    dead.clock.advance(seconds=2)
    return await make_world(store, book=book, clock=dead.clock)


async def test_a_page_that_was_in_flight_goes_by_another_way_at_once(store: Store) -> None:
    world = await cut_off(store)
    assert await world.service.outbox.recover() == 2
    await world.settle()
    (page,) = (await world.story()).pages
    assert page.phase is Phase.ACCEPTED
    assert [attempt.outcome for attempt in page.attempts] == [Outcome.UNKNOWN, Outcome.ACCEPTED]
    (told,) = world.handed("to-third")
    assert told.message.is_repeat
    await world.advance(seconds=5)
    assert [delivery.message.is_repeat for delivery in world.handed("board")] == [True]


async def test_nothing_is_recovered_twice(store: Store) -> None:
    world = await cut_off(store)
    await world.service.outbox.recover()
    await world.settle()
    assert await world.service.outbox.recover() == 0


async def test_what_others_may_be_doing_is_left_to_their_leases(store: Store) -> None:
    world = await cut_off(store)
    store.is_exclusive = False  # type: ignore[misc]  # as of a database that others use too
    assert await world.service.outbox.recover() == 0
    await world.settle()
    assert world.handed("to-third") == []
    await world.advance(seconds=29)
    assert len(world.handed("to-third")) == 1


async def test_a_backlog_that_was_only_owed_is_no_call_that_was_cut_off(store: Store) -> None:
    world = await make_world(store)
    await world.post(world.alert("RegionDown", {"level": "3"}))
    await world.service.intake.consume()
    assert await world.service.outbox.recover() == 0
    world.clock.advance(seconds=timedelta(minutes=1).total_seconds())
    await world.settle()
    assert world.reasons("first") == ["step"]


async def test_a_record_that_cannot_be_read_keeps_nobody_from_starting(store: SqliteStore) -> None:
    world = await cut_off(store)
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("UPDATE records SET body = '{}' WHERE id = 'I1/board'")
        other.commit()
    with capture_logs() as logs:
        await world.service.outbox.recover()
    assert "notice/I1/board" in [line["record"] for line in logs if line["log_level"] == "error"]
