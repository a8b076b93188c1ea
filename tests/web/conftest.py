from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from responder.adapters.channels import KINDS, models
from responder.adapters.policy_files import PolicyFiles
from responder.adapters.storage.sqlite import open_sqlite
from responder.core.policy.book import PolicyBook
from responder.ports.store import Store
from tests.engine.world import World, make_world
from tests.fakes.store import MemoryStore
from tests.house.tree import ROOT
from tests.web.face import Face, facing


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        opened: Store = MemoryStore()
    else:
        opened = await open_sqlite(tmp_path / "responder.db", pragmas={"synchronous": "OFF"})
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def shipped() -> PolicyBook:
    """The policies that are shipped."""
    return PolicyFiles(folder=ROOT / "policies", channel_kinds=KINDS, channel_models=models()).load()


@pytest.fixture
async def world(store: Store) -> World:
    """With the engine's small plan."""
    return await make_world(store)


@pytest.fixture
async def face(world: World) -> AsyncIterator[Face]:
    """Open doors."""
    async with facing(world) as found:
        yield found


@pytest.fixture
async def shipped_face(store: Store, shipped: PolicyBook) -> AsyncIterator[Face]:
    """Open doors, and the shipped policies behind them."""
    async with facing(await make_world(store, book=shipped)) as found:
        yield found
