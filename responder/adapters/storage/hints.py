"""Hints between processes on one PostgreSQL: "look now, something may be due", by NOTIFY.

Nothing rests on them: one that is lost costs the time until the next look. So they travel on a connection of their own,
outside of every unit, a few a second however many units there are, and whatever fails is tried again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Any

import asyncpg
import structlog

from responder.core.decision import DueKind
from responder.ports.clock import Clock

log = structlog.get_logger("hints")

JOURNAL = "journal"  # a body waits; the other hints are the names of DueKind
EVERY = frozenset({JOURNAL, *(kind.value for kind in DueKind)})
CHANNEL = "responder"
PACE = timedelta(milliseconds=100)  # between two notifications
AGAIN = timedelta(seconds=1)  # after the connection broke

Ring = Callable[[str], None]


class Hints:
    """`connect`: makes a connection of asyncpg's to the server that takes writes."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], clock: Clock) -> None:
        self._connect = connect
        self._clock = clock
        self._waiting: set[str] = set()
        self._wake = asyncio.Event()

    def tell(self, hints: Collection[str]) -> None:
        """The others, soon."""
        if hints:
            self._waiting.update(hints)
            self._wake.set()

    async def run(self, ring: Ring) -> None:
        """Tell, and ring for what is heard, until cancelled."""
        while True:
            try:
                await self._talk(ring)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as problem:
                log.info("hints broken off", problem=f"{type(problem).__name__}: {problem}")
            await self._clock.sleep_until(self._clock.now() + AGAIN)

    async def _talk(self, ring: Ring) -> None:
        connection = await self._connect()
        try:
            connection.add_termination_listener(lambda _: self._wake.set())
            await connection.add_listener(CHANNEL, _ears(connection, ring))
            for hint in sorted(EVERY):
                ring(hint)  # whatever was said before we listened
            while not connection.is_closed():
                await self._wake.wait()
                self._wake.clear()
                told, self._waiting = self._waiting, set()
                if told:
                    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, ",".join(sorted(told)))
                await self._clock.sleep_until(self._clock.now() + PACE)
        finally:
            connection.terminate()


def _ears(connection: Any, ring: Ring) -> Callable[[Any, int, str, str], None]:
    own = connection.get_server_pid()

    def heard(_connection: Any, said_by: int, _channel: str, said: str) -> None:
        if said_by != own:
            for hint in EVERY.intersection(said.split(",")):
                ring(hint)

    return heard
