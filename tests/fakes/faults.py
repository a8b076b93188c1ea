"""Faults of the tests: what strikes a service at a named point, as its parent has armed it.

It holds still there until it is killed, dies at once, fails as the world may fail, or waits. Parent and service speak
over one socket, a line each way: the parent arms a strike, the service says when it has struck.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from responder.core.errors import Permanent, Transient, Unsure
from responder.ports.clock import Clock


class Side(StrEnum):
    """Of a transaction: all is written and nothing committed, or all is committed. Of a call: not begun, or done."""

    BEFORE = "before"
    AFTER = "after"


class Does(StrEnum):
    """What becomes of whoever comes to the point. Everybody else goes on, as far as they can without what is held."""

    HOLD = "hold"  # goes no further
    KILL = "kill"  # the whole process, SIGKILL
    FAIL = "fail"  # Transient: it was not done
    DOUBT = "doubt"  # Unsure: it may have been done
    REFUSE = "refuse"  # Permanent
    BREAK = "break"  # what nobody expects: a fault of ours
    DELAY = "delay"  # goes on after `seconds`


@dataclass(frozen=True, slots=True)
class Strike:
    """Where, and what. The loops pass their points every second, whether there is work or not; so what does not count
    is: a pass before `since` (UTC, ISO 8601; "" = any time), and one before a pass behind `past` ("" = none). Of those
    that count it strikes the `nth` and so many after it that they are `times`.
    """

    side: Side
    point: str
    since: str = ""
    past: str = ""
    does: Does = Does.HOLD
    seconds: float = 0.0
    nth: int = 1
    times: int = 1


def written(strike: Strike) -> str:
    """On one line; `read_strike` reads it."""
    return json.dumps(asdict(strike))


def read_strike(line: str) -> Strike:
    said = json.loads(line)
    return Strike(**{**said, "side": Side(said["side"]), "does": Does(said["does"])})


class ArmedFaults:
    """The service's end."""

    def __init__(self, parent: socket.socket, clock: Clock, armed: list[Strike]) -> None:
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
        try:
            while line := await reader.readline():
                self._armed.append(read_strike(line.decode()))
                await self._say("armed")
        finally:
            writer.close()

    async def before(self, point: str) -> None:
        await self._pass(Side.BEFORE, point)

    async def after(self, point: str) -> None:
        await self._pass(Side.AFTER, point)

    async def _pass(self, side: Side, point: str) -> None:
        for strike in list(self._armed):
            if self._counts(strike, side, point):
                await self._strike(strike)

    def _counts(self, strike: Strike, side: Side, point: str) -> bool:
        """Whether it strikes here and now; what is left of it stays armed."""
        if strike.since and self._clock.now() < datetime.fromisoformat(strike.since):
            return False
        if strike.past:
            if (side, point) == (Side.AFTER, strike.past):
                self._become(strike, replace(strike, past=""))
            return False
        if (side, point) != (strike.side, strike.point):
            return False
        if strike.nth > 1:
            self._become(strike, replace(strike, nth=strike.nth - 1))
            return False
        self._become(strike, replace(strike, times=strike.times - 1) if strike.times > 1 else None)
        return True

    def _become(self, strike: Strike, left: Strike | None) -> None:
        place = self._armed.index(strike)
        self._armed[place : place + 1] = [left] if left is not None else []

    async def _strike(self, strike: Strike) -> None:
        where = f"struck {strike.side} {strike.point}"
        if strike.does is Does.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        await self._say("here")
        match strike.does:
            case Does.HOLD | Does.KILL:
                await self._never.wait()
            case Does.DELAY:
                await self._clock.sleep_until(self._clock.now() + timedelta(seconds=strike.seconds))
            case Does.FAIL:
                raise Transient(where)
            case Does.DOUBT:
                raise Unsure(where)
            case Does.REFUSE:
                raise Permanent(where)
            case Does.BREAK:
                raise RuntimeError(where)
            case _:
                assert_never(strike.does)

    async def _say(self, word: str) -> None:
        await self._heard.wait()
        self._writer.write(f"{word}\n".encode())
        await self._writer.drain()


class Trigger:
    """The parent's end. `child` is the descriptor that the service inherits."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self.child = self._theirs.fileno()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._armed: asyncio.Queue[None] = asyncio.Queue()
        self._here: asyncio.Queue[None] = asyncio.Queue()

    async def arm(self, strike: Strike) -> None:
        """Returns once the service knows; from then on the next pass counts."""
        writer = await self._open()
        writer.write(f"{written(strike)}\n".encode())
        await self._armed.get()

    async def pulled(self, *, within: float = 20) -> None:
        """Once the service has been struck, once more than before. Raises TimeoutError."""
        await self._open()
        async with asyncio.timeout(within):
            await self._here.get()

    async def _open(self) -> asyncio.StreamWriter:
        if self._writer is None:
            self._theirs.close()  # the service has its own by now
            reader, self._writer = await asyncio.open_connection(sock=self._ours)
            self._reading = asyncio.create_task(self._read(reader))
        return self._writer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            (self._here if line == b"here\n" else self._armed).put_nowait(None)

    async def close(self) -> None:
        writer = await self._open()
        assert self._reading is not None
        self._reading.cancel()
        writer.close()
        await asyncio.gather(self._reading, writer.wait_closed(), return_exceptions=True)
