"""A body that a dead process had claimed does not wait for its lease: nobody else can have held it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from responder.adapters.storage.sqlite import SqliteStore, open_sqlite
from responder.ports.store import StoredBody
from tests.builders import NOON, body

LEASE = timedelta(seconds=30)


async def claim(store: SqliteStore) -> list[StoredBody]:
    async with store.unit() as unit:
        return await unit.claim_bodies(10, NOON, NOON + LEASE)


async def test_a_body_claimed_before_the_store_was_opened_can_be_claimed_at_once(tmp_path: Path):
    path = tmp_path / "responder.db"
    dead = await open_sqlite(path)
    async with dead.unit() as unit:
        await unit.append_bodies([body(b"1"), body(b"2")])
    assert len(await claim(dead)) == 2
    assert await claim(dead) == []
    await dead.close()

    born = await open_sqlite(path)
    found = await claim(born)
    await born.close()
    assert [(one.body, one.attempts) for one in found] == [(b"1", 2), (b"2", 2)]


async def test_what_is_done_or_set_aside_does_not_wait_again(tmp_path: Path):
    path = tmp_path / "responder.db"
    dead = await open_sqlite(path)
    async with dead.unit() as unit:
        done, aside = await unit.append_bodies([body(b"1"), body(b"2")])
    await claim(dead)
    async with dead.unit() as unit:
        await unit.finish_bodies([done], NOON)
        await unit.set_body_aside(aside, "unreadable", NOON)
    await dead.close()

    born = await open_sqlite(path)
    found = await claim(born)
    await born.close()
    assert found == []
