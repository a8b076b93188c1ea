from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from responder.adapters.channels import KINDS, models
from responder.adapters.policy_files import PolicyFiles
from responder.core.policy.book import PolicyBook
from tests.cli.desk import Desk, at_desk
from tests.engine.world import make_world
from tests.fakes.store import MemoryStore
from tests.house.tree import ROOT


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No var/token of this tree is found, and nothing is left in it."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def service_log() -> Iterator[io.StringIO]:
    """What the engine logs, apart from what the commands print."""
    log = io.StringIO()
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(log), cache_logger_on_first_use=False)
    yield log
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def shipped() -> PolicyBook:
    return PolicyFiles(folder=ROOT / "policies", channel_kinds=KINDS, channel_models=models()).load()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """With the engine's small plan behind it."""
    async with at_desk(await make_world(MemoryStore())) as found:
        yield found


@pytest.fixture
async def shipped_desk(shipped: PolicyBook) -> AsyncIterator[Desk]:
    """With the shipped policies behind it, in front of the CTO; everybody has every address."""
    contacts = (ROOT / "policies" / "contacts.yaml").read_text(encoding="utf-8")
    addresses = dict.fromkeys(re.findall(r"from_env: (\w+)", contacts), "somewhere")
    async with at_desk(await make_world(MemoryStore(), book=shipped, environ=addresses), "cto") as found:
        yield found
