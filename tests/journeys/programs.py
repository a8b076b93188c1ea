"""Programs: child processes that write their lines to a file, and are ended by their own handle."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.house.tree import ROOT
from tests.journeys.waiting import until

STOPPING = 30  # seconds that a program has to end by itself
# What a child is given of our own environment; proxies and our settings are not among it.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")


class Program:
    """`async with await Program.start(…)`: terminated at the end, killed where that does not help."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self._begun = log.stat().st_size  # what stands in the file before is another run's

    @classmethod
    async def start(
        cls, name: str, *command: str, folder: Path, environ: Mapping[str, str], keep: Sequence[int] = ()
    ) -> Self:
        """`folder` gets the file of its lines, NAME.log; `keep`: descriptors that it inherits."""
        log = folder / f"{name}.log"
        log.touch()
        with log.open("ab") as lines:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=ROOT,
                env=environment(environ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                pass_fds=keep,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )
        return cls(name, process, log)

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    def lines(self) -> str:
        """What it has written since it was started."""
        return self.log.read_bytes()[self._begun :].decode("utf-8", "replace")

    async def says(self, pattern: str, *, within: float = 40) -> re.Match[str]:
        """The first place in its lines that matches. Raises AssertionError, with its lines, where it ends before."""

        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.lines())
            assert found or self.is_running, f"{self.name} ended ({self.process.returncode}):\n{self.lines()}"
            return found

        try:
            found = await until(look, f"{self.name} says {pattern!r}", within=within)
        except AssertionError as problem:
            problem.add_note(f"{self.name} has said:\n{self.lines()}")
            raise
        assert found is not None
        return found

    async def ready(self, pattern: str, *, within: float = 40) -> re.Match[str]:
        """`says`, for its first words: a program that does not come to say them is killed."""
        try:
            return await self.says(pattern, within=within)
        except BaseException:
            await self.kill()
            raise

    def send(self, number: signal.Signals) -> None:
        if self.is_running:
            self.process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL, and gone."""
        self.send(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.send(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        """Its exit code, when it has ended by itself. Raises AssertionError where it does not within STOPPING."""
        try:
            async with asyncio.timeout(STOPPING):
                return await self.process.wait()
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"{self.name} did not stop within {STOPPING} s:\n{self.lines()}") from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.is_running:
            await self.stop()


def environment(more: Mapping[str, str]) -> dict[str, str]:
    own = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return own | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | dict(more)


def python(*arguments: str) -> tuple[str, ...]:
    """A command of this interpreter, whose warnings are errors as they are in the tests."""
    return (sys.executable, "-W", "error", *arguments)
