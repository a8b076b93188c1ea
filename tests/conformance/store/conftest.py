"""Every store there is; each test of this folder is run with each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from responder.adapters.storage.sqlite import open_sqlite
from responder.ports.store import (
    Store,
)
from tests.fakes.store import MemoryStore


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store = (
        MemoryStore() if request.param == "memory" else await open_sqlite(tmp_path / "responder.db")
    )
    yield opened
    await opened.close()
