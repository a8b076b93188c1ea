"""What a newer program wrote: an older one beside it takes nothing of it, loses nothing, and shuts nobody out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from responder.adapters.storage.codec import UPCASTERS, VERSIONS, Codec
from responder.adapters.storage.sqlite import open_sqlite
from responder.core.decision import DueKind
from responder.core.identifiers import JournalId, Kind
from responder.ports.store import Standing, Stored
from tests.engine.world import World, make_world
from tests.fakes.channel import FailsForNow
from tests.fakes.clock import FakeClock

NEWER = Codec(
    {**VERSIONS, Kind.PAGE: VERSIONS[Kind.PAGE] + 1},
    {**UPCASTERS, (Kind.PAGE, VERSIONS[Kind.PAGE]): lambda fields: fields},
)


@asynccontextmanager
async def running(path: Path, clock: FakeClock, codec: Codec | None = None) -> AsyncIterator[World]:
    store = await open_sqlite(path, codec=codec, pragmas={"synchronous": "OFF"})
    try:
        yield await make_world(store, clock=clock)
    finally:
        await store.close()


async def test_a_body_about_what_a_newer_program_wrote_waits_for_that_one(tmp_path: Path) -> None:
    path, clock = tmp_path / "responder.db", FakeClock()
    async with running(path, clock, NEWER) as newer:
        newer.channels["to-first"].always(FailsForNow())
        await newer.fire("Disk", level="3")
    async with running(path, clock) as older:
        of_both = await older.post(older.alert("Disk", {"level": "3"}, resolved=True), status="resolved")
        own = await older.post(older.alert("Other", {"level": "3"}))
        taken = [await older.service.intake.consume() for _ in range(5)]
        assert taken == [1, 0, 0, 0, 0]
        async with older.store.reading() as reader:
            bodies = await reader.bodies(JournalId(of_both - 1), 10)
        assert [(body.id, body.state) for body in bodies] == [(of_both, Stored.WAITING), (own, Stored.DONE)]
        assert bodies[0].attempts == 0
    async with running(path, clock, NEWER) as newer:
        await newer.settle()
        assert (await newer.story("I1")).standing is Standing.RESOLVED


async def test_a_ladder_beside_a_page_of_a_newer_program_is_climbed_by_that_one(tmp_path: Path) -> None:
    path, clock = tmp_path / "responder.db", FakeClock()
    async with running(path, clock, NEWER) as newer:
        newer.channels["to-first"].always(FailsForNow())
        await newer.fire("Disk", level="3")
    async with running(path, clock) as older:
        await older.fire("Other", level="3")
        clock.advance(minutes=16)
        for _ in range(5):
            await older.service.timers.fire_due()
        assert await older.service.timers.fire_due() == 0
        assert older.reasons("second", "I1") == []
        async with older.store.reading() as reader:
            (row,) = [
                row for row in await reader.overdue(DueKind.TIMER, clock.now(), 9) if row.incident == "I1"
            ]
        assert row.failures == 0
    async with running(path, clock, NEWER) as newer:
        await newer.settle()
        assert newer.reasons("second", "I1") == ["step"]
