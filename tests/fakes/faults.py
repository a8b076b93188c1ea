"""Faults of the tests: a service that holds still at a named point, until its parent kills it there.

Parent and service speak over one socket, a line each way: the parent arms a point, the service says when it is there.
"""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum

from responder.ports.clock import Clock


class Side(StrEnum):
    """Of a transaction: all is written and nothing committed, or all is committed. Of a call: not begun, or done."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Hold:
    """Where to hold still. The loops pass their points every second, whether there is work or not; so what does not
    count is: a pass before `since` (UTC, ISO 8601; "" = any time), and one before a pass behind `past` ("" = none).
    """

    side: Side
    point: str
    since: str = ""
    past: str = ""


def written(hold: Hold) -> str:
    """On one line; `read_hold` reads it."""
    return json.dumps(asdict(hold))


def read_hold(line: str) -> Hold:
    return Hold(**json.loads(line))


class HoldStill:
    """The service's end: at the point that is armed it says so, and whoever came there goes no further.

    Everybody else goes on, as far as they can without what is held (a transaction that is not committed yet).
    """

    def __init__(self, parent: socket.socket, clock: Clock, armed: Hold | None = None) -> None:
        """`armed`: from the start on."""
        self._parent = parent
        self._clock = clock
        self._armed = armed
        self._heard = asyncio.Event()
        self._never = asyncio.Event()

    async def listen(self) -> None:
        """Take what the parent arms, until it hangs up."""
        reader, writer = await asyncio.open_connection(sock=self._parent)
        self._writer = writer
        self._heard.set()
        while line := await reader.readline():
            self._armed = read_hold(line.decode())
            await self._say("armed")

    async def before(self, point: str) -> None:
        await self._pass(Side.BEFORE, point)

    async def after(self, point: str) -> None:
        await self._pass(Side.AFTER, point)

    async def _pass(self, side: Side, point: str) -> None:
        armed = self._armed
        if armed is None or (armed.since and self._clock.now() < datetime.fromisoformat(armed.since)):
            return
        if armed.past:
            if (side, point) == (Side.AFTER, armed.past):
                self._armed = replace(armed, past="")
        elif (side, point) == (armed.side, armed.point):
            self._armed = None
            await self._say("here")
            await self._never.wait()

    async def _say(self, word: str) -> None:
        await self._heard.wait()
        self._writer.write(f"{word}\n".encode())
        await self._writer.drain()


class Trigger:
    """The parent's end. `child` is the descriptor that the service inherits."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self.child = self._theirs.fileno()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def arm(self, hold: Hold) -> None:
        """Returns once the service knows; from then on the next pass counts."""
        reader, writer = await self._open()
        writer.write(f"{written(hold)}\n".encode())
        assert await reader.readline() == b"armed\n"

    async def pulled(self, *, within: float = 20) -> None:
        """Once the service holds still. Raises TimeoutError."""
        reader, _ = await self._open()
        async with asyncio.timeout(within):
            assert await reader.readline() == b"here\n"

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._theirs.close()  # the service has its own by now
            self._streams = await asyncio.open_connection(sock=self._ours)
        return self._streams

    async def close(self) -> None:
        _, writer = await self._open()
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
