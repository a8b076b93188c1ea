from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from responder.adapters.storage.sqlite import open_sqlite
from responder.ports.store import Store
from tests.web.slack.office import Office, office


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_sqlite(tmp_path / "responder.db", pragmas={"synchronous": "OFF"})
    yield opened
    await opened.close()


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Office]:
    """With one incident open, I1, that the board shows."""
    async with office(store) as found:
        await found.world.fire("Disk", cluster="seoul")
        yield found
