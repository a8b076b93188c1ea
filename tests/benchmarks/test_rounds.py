"""The frame: which rows are run, on what, and one small run of the cheap ones, whose figures nobody looks at."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import AsyncExitStack
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import machine
from benchmarks.__main__ import ROWS, chosen, run
from benchmarks.crowd import crowd_of, let_be_due, waiting
from benchmarks.ground import Database, Ground
from benchmarks.load import paced
from tests.journeys.waiting import CLOCK

pytestmark = pytest.mark.timeout(120)


def test_every_row_has_its_own_name_and_either_a_measure_or_a_reason():
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert [row.name for row in ROWS if (row.measure is None) is not bool(row.not_yet)] == []
    assert [row.name for row in ROWS if row.measure is not None and not row.measures] == []


def test_rows_are_chosen_by_name_and_by_what_the_database_has():
    assert [row.name for row in chosen(["memory", "webhook"], Database.SQLITE)] == ["webhook", "memory"]
    assert "takeover" not in {row.name for row in chosen([], Database.SQLITE)}
    assert [row.name for row in chosen(["takeover", "memory"], Database.POSTGRESQL)] == ["takeover"]


def test_the_machine_is_told_without_names_and_paths():
    told = json.dumps(machine.machine() | machine.versions())
    assert machine.machine()["cores"]
    assert not re.search(r"(?<!\d)/(?:\w+/)", told)


@pytest.mark.slow
async def test_a_round_starts_what_it_needs_and_reads_every_measure():
    rows = [row for row in ROWS if row.name in ("start", "memory")]
    say = Console(file=StringIO())
    found = await run(rows, 1, Database.SQLITE, keep=None, quick=True, say=say)
    assert [(one.row, one.measure.name) for one in found] == [
        (row.name, measure.name) for row in rows for measure in row.measures
    ]
    assert [one.measure.name for one in found if one.value.median <= 0 or one.floor is None] == []


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("wrk") is None, reason="wrk is not installed (benchmarks/debian-packages.txt)"
)
async def test_wrk_posts_bodies_that_are_all_new(tmp_path):
    rows = [row for row in ROWS if row.name == "consumed"]
    found = await run(rows, 1, Database.SQLITE, keep=None, quick=True, say=Console(file=StringIO()))
    alerts = {one.measure.name: one.readings[0].also["alerts"] for one in found}
    assert min(alerts.values()) >= 20


@pytest.mark.slow
async def test_a_crowd_is_many_copies_of_one_that_the_service_finds_to_be_its_own(tmp_path: Path):
    async with AsyncExitStack() as stack:
        home = tmp_path / "home"
        home.mkdir()
        ground = Ground(home, tmp_path, stack)
        lies = await crowd_of(ground, 300)
        soon = CLOCK.now() + timedelta(minutes=1)
        let_be_due(lies, [(number, soon) for number in (2, 3, 300)])
        with waiting(lies) as count:
            assert (count(soon - timedelta(seconds=1)), count(soon)) == (0, 3)
        assert await crowd_of(ground, 300) == lies  # made once
    with sqlite3.connect(lies / "responder.db") as database:
        bodies = database.execute("SELECT body FROM records WHERE incident = 'I300'").fetchall()
        titles = database.execute(
            "SELECT count(DISTINCT title), count(DISTINCT key) FROM summaries"
        ).fetchone()
    database.close()
    assert titles == (300, 300)
    assert [body for (body,) in bodies if '"I1"' in body or '"I1-' in body] == []


async def test_what_is_paced_does_not_wait_for_the_answer_before():
    under_way: list[int] = []
    together: list[int] = []

    async def ask() -> None:
        under_way.append(1)
        together.append(len(under_way))
        await CLOCK.sleep_until(CLOCK.now() + timedelta(milliseconds=200))
        under_way.pop()

    await paced(ask, rate=100, times=5)
    assert max(together) == 5
