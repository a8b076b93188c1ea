"""Supervision: the loops that must not stop. One that fails is started again, and everybody can see it.

A loop that fails is an error in the log, a count in the metrics, and not ready at /readyz until it has run a while.
One that the store or the world keeps from working is not ready only until it runs again, and tries every second: a
database that comes back after a failover must not be waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from responder.core.errors import Failure, Transient
from responder.ports.clock import Clock
from responder.telemetry import Metrics

FIRST = timedelta(milliseconds=200)
MOST = timedelta(seconds=10)
MOST_PASSING = timedelta(seconds=1)  # where what it met passes by itself
SOUND_AFTER = timedelta(seconds=30)  # a loop that has run this long has recovered
LOG_AGAIN = timedelta(seconds=10)  # of one loop, where its problem is the same as before

log = structlog.get_logger("supervise")


@dataclass(slots=True)
class Loop:
    """What can be seen of one loop."""

    name: str
    started_at: datetime
    failures: int = 0  # since it last ran for SOUND_AFTER
    problem: str = ""  # for anybody's eyes, where the failure has words for that
    is_waiting: bool = False  # it failed, and is about to be started again
    is_passing: bool = False  # what it met passes by itself
    logged: str = ""  # the last failure that was
    logged_at: datetime | None = None


class Supervisor:
    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._tasks: list[asyncio.Task[None]] = []
        self.loops: dict[str, Loop] = {}

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        loop = Loop(name=name, started_at=self._clock.now())
        self.loops[name] = loop
        self._tasks.append(asyncio.create_task(self._keep(loop, run), name=f"loop {name}"))

    def unsound(self) -> dict[str, str]:
        """Loops that failed and have not yet run long enough since, each with its last problem."""
        now = self._clock.now()
        return {
            name: loop.problem
            for name, loop in self.loops.items()
            if loop.is_waiting
            or (loop.failures and not loop.is_passing and now - loop.started_at < SOUND_AFTER)
        }

    def broken(self) -> dict[str, str]:
        """Those of the unsound whose problem is our own fault and does not pass by itself."""
        return {name: problem for name, problem in self.unsound().items() if not self.loops[name].is_passing}

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _keep(self, loop: Loop, run: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await run()
                loop.problem, loop.is_passing = "it ended", False
            except Failure as failure:
                self._note(loop, failure)
            except Exception as problem:
                loop.problem, loop.is_passing = f"{type(problem).__name__}: {problem}", False
                loop.logged = ""
                log.error("loop failed", loop=loop.name, problem=loop.problem, exc_info=problem)
            await self._wait(loop)

    def _note(self, loop: Loop, failure: Failure) -> None:
        """In one line, and not again at once: a database that is away fails every loop every second."""
        now, said = self._clock.now(), str(failure)
        loop.problem, loop.is_passing = failure.outward or said, isinstance(failure, Transient)
        if said == loop.logged and loop.logged_at is not None and now - loop.logged_at < LOG_AGAIN:
            return
        loop.logged, loop.logged_at = said, now
        if loop.is_passing:
            log.warning("loop kept from working", loop=loop.name, problem=said)
        else:
            log.error("loop failed", loop=loop.name, problem=said)

    async def _wait(self, loop: Loop) -> None:
        now = self._clock.now()
        loop.failures = 1 if now - loop.started_at >= SOUND_AFTER else loop.failures + 1
        self._metrics.loop_restarts.labels(loop.name).inc()
        loop.is_waiting = True
        wait = min(FIRST * (1 << min(loop.failures - 1, 10)), MOST_PASSING if loop.is_passing else MOST)
        await self._clock.sleep_until(now + wait)
        loop.started_at, loop.is_waiting = self._clock.now(), False
