"""The demo: it walks without an Alertmanager too, ends what it started when it is stopped, and can fail."""

from __future__ import annotations

import asyncio
import re
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.journeys.demo import STOPPED, verdict
from tests.journeys.programs import Program, python
from tests.journeys.waiting import until

PLAN = ({("CTO", "paged"), ("board", "open")}, {("CEO", "paged")})


@pytest.mark.parametrize(
    "got, wrong",
    [
        pytest.param([("board", "open"), ("CTO", "paged"), ("CEO", "paged")], "", id="as the plan says"),
        pytest.param(
            [("CEO", "paged"), ("CTO", "paged"), ("board", "open")],
            "expected",
            id="somebody before their time",
        ),
        pytest.param([("CTO", "paged"), ("CTO", "paged"), ("CEO", "paged")], "expected", id="one told twice"),
        pytest.param([("CTO", "paged"), ("board", "open")], "expected", id="one not told"),
        pytest.param(
            [("CTO", "paged"), ("board", "open"), ("CEO", "paged"), ("CEO", "resolved")],
            "nobody should have been told",
            id="one told who should not be",
        ),
    ],
)
def test_the_ledger_decides(got, wrong):
    assert verdict(PLAN, got).startswith(wrong)
    assert bool(verdict(PLAN, got)) is bool(wrong)


async def demo(folder: Path) -> Program:
    """Started where no Alertmanager is to be found."""
    environ = {"PATH": str(folder), "TMPDIR": str(folder), "COLUMNS": "200"}
    return await Program.start("demo", *python("-m", "tests.journeys.demo"), folder=folder, environ=environ)


def started_by(program: Program) -> list[int]:
    """The processes whose parent it is."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and f"PPid:\t{program.process.pid}\n" in _status(entry)
    ]


def _status(process: Path) -> str:
    try:
        return (process / "status").read_text(encoding="utf-8")
    except OSError:  # it has ended meanwhile
        return ""


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_without_an_alertmanager_it_posts_the_body_itself_and_says_so(tmp_path):
    async with await demo(tmp_path) as running:
        async with asyncio.timeout(100):
            code = await running.process.wait()
    told = running.lines()
    assert code == 0, told
    assert "There is no prometheus-alertmanager on this machine" in told
    assert len(re.findall("RegionDown cluster=kerp — ", told)) == 25
    assert [left.name for left in tmp_path.iterdir()] == ["demo.log"]


@pytest.mark.slow
async def test_stopped_with_ctrl_c_it_ends_what_it_has_started(tmp_path):
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(await demo(tmp_path))
        await running.says("— paged")
        children = started_by(running)
        assert len(children) == 1
        running.send(signal.SIGINT)
        assert await running.ended() == STOPPED
        await until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), "it has ended")
    assert [left.name for left in tmp_path.iterdir()] == ["demo.log"]
