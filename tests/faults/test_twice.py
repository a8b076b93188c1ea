"""The service started twice on one file: the second says who has it, and the first goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from responder.cli.outcome import Exit
from tests.faults.lives import ALERT, lived
from tests.faults.places import OnSqlite
from tests.journeys.served import run, usual

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def test_a_second_service_on_the_same_file_says_who_has_it_and_ends(tmp_path: Path) -> None:
    async with lived(tmp_path, OnSqlite(), asyncio.Semaphore(3)) as found:
        await found.up()
        second = await run("serve", environ={**usual(tmp_path), **found.life.settings})
        assert second.code == Exit.NOT_SO
        assert f"process {found.life.service.program.process.pid}" in second.err
        assert str(tmp_path / "responder.db") in second.err
        assert "Traceback" not in second.err
        assert await found.post() == 200
        await found.settled(ALERT)
