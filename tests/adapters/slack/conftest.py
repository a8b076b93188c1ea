"""A fake workspace for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.slack.bench import Bench
from tests.adapters.slack.bench import bench as make_bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with make_bench() as made:
        yield made
