from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from responder.cli.client import open_api
from responder.cli.options import Format, Session
from responder.cli.outcome import Trouble
from responder.cli.watch import watch
from tests.cli.desk import Desk
from tests.fakes.clock import FakeClock, let_others_run
from tests.house.tree import ROOT


class Watcher:
    """Somebody who watches, on a clock of their own; `look` lets the next look happen and returns what it printed."""

    def __init__(
        self, capsys: pytest.CaptureFixture[str], task: asyncio.Task[None], clock: FakeClock
    ) -> None:
        self._capsys = capsys
        self._task = task
        self._clock = clock

    async def look(self) -> tuple[list[str], list[str]]:
        self._clock.advance(seconds=2)
        await self.until_waiting()
        return self.printed()

    async def until_waiting(self) -> None:
        while not any(moment > self._clock.now() for moment in self._clock.waited_for()):
            assert not self._task.done(), self._task
            await let_others_run()

    def printed(self) -> tuple[list[str], list[str]]:
        out, err = self._capsys.readouterr()
        return out.splitlines(), err.splitlines()


@asynccontextmanager
async def watching(
    desk: Desk, capsys: pytest.CaptureFixture[str], form: Format = Format.TABLE
) -> AsyncIterator[Watcher]:
    clock = FakeClock()
    session = Session(form=form, url=desk.url, timezone="UTC", environ={"RESPONDER_TOKEN": desk.token})
    async with open_api(session) as api:
        task = asyncio.ensure_future(watch(session, api, 2, clock))
        watcher = Watcher(capsys, task, clock)
        await watcher.until_waiting()
        yield watcher
        task.cancel()
        await asyncio.wait([task])


async def test_what_changes_is_printed_once_a_line_for_each(desk, capsys):
    await desk.world.fire("Disk", level="3")
    async with watching(desk, capsys) as watcher:
        assert watcher.printed()[0] == ["12:00:00 I1 level 3 open: there: Disk"]
        assert (await watcher.look())[0] == []
        await desk.done("incidents", "ack", 1)
        assert (await watcher.look())[0] == [
            "12:00:04 I1 level 3 acknowledged: state open -> acknowledged, holder nobody -> first: Disk"
        ]
        await desk.world.fire("Net", level="2")
        assert (await watcher.look())[0] == ["12:00:06 I2 level 2 open: new: Net"]
        await desk.world.clear("Disk", level="3")
        await desk.world.clear("Net", level="2")
        assert [line.split(": ")[0] for line in (await watcher.look())[0]] == [
            "12:00:08 I1 level 3 resolved",
            "12:00:08 I2 level 2 resolved",
        ]
        await desk.world.advance(hours=2)
        assert [line.split(": ")[1] for line in (await watcher.look())[0]] == ["closed", "closed"]


async def test_a_service_that_is_away_is_told_once_and_looked_for_again(desk, capsys):
    async with watching(desk, capsys) as watcher:
        desk.world.service.is_stopping = True
        views, desk.world.service.views = desk.world.service.views, None
        for told in (1, 0):
            out, err = await watcher.look()
            assert out == []
            assert len(err) == told, err
        desk.world.service.views = views
        await desk.world.fire("Disk", level="3")
        out, err = await watcher.look()
        assert err == ["it answers again"]
        assert out == ["12:00:06 I1 level 3 open: new: Disk"]


async def test_programs_get_one_object_a_line(desk, capsys):
    await desk.world.fire("Disk", level="3")
    async with watching(desk, capsys, Format.JSON) as watcher:
        [line] = watcher.printed()[0]
    assert '"incident": "I1"' in line
    assert '"change": "there"' in line


async def test_ctrl_c_ends_it_well(desk):
    await desk.world.fire("Disk", level="3")
    # A shell that starts us in the background may have us inherit SIGINT as ignored.
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from responder.cli.main import main; main()"
    )
    env = {**os.environ, "RESPONDER_TOKEN": desk.token, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        "--url",
        desk.url,
        "incidents",
        "watch",
        "-o",
        "json",
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert b'"I1"' in await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, err) == (0, b"")


async def test_a_token_that_is_not_valid_ends_it(desk, capsys):
    session = Session(url=desk.url, environ={"RESPONDER_TOKEN": "rsp_none"})
    async with open_api(session) as api:
        with pytest.raises(Trouble):
            await watch(session, api, 2, FakeClock())
