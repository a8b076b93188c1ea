from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from responder.adapters.storage.sqlite import open_sqlite
from responder.ports.store import Store
from tests.engine.world import World, make_world


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A real file; durability is not what these tests are about, so nothing waits for the disk."""
    store = await open_sqlite(tmp_path / "responder.db", pragmas={"synchronous": "OFF"})
    yield store
    await store.close()


@pytest.fixture
async def world(store: Store) -> World:
    return await make_world(store)
