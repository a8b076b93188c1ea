"""A receiver of webhooks on loopback, with a ledger of what it got and a script of how it answers.

It lives in the test's own loop (or in the parent of a killed service), so that its ledger outlives what it judges.
Nothing in it waits for a time: what hangs or is slow goes on when the test says so.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from aiohttp import web


class How(StrEnum):
    ANSWER = "answer"
    HANG = "hang"  # never answers
    SLOW = "slow"  # answers after `release`
    RESET = "reset"  # reads the request, then closes without an answer
    RESET_MID_ANSWER = "reset_mid_answer"  # says 200, then closes within the body that it announced


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    how: How = How.ANSWER
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


ACCEPT = Answer()
FAIL = Answer(status=500)
HANG = Answer(how=How.HANG)
SLOW = Answer(how=How.SLOW)
RESET = Answer(how=How.RESET)
RESET_MID_ANSWER = Answer(how=How.RESET_MID_ANSWER)


def refuse(status: int = 400) -> Answer:
    return Answer(status=status)


def throttle(retry_after: str) -> Answer:
    return Answer(status=429, headers={"Retry-After": retry_after})


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    method: str
    path: str  # with its query
    headers: Mapping[str, str]  # looked up without regard to case
    body: bytes
    peer: tuple[str, int] | None  # the connection's other end

    def json(self) -> Any:
        return json.loads(self.body)


class Sink:
    """`async with Sink() as sink`: POST to `sink.url`; what came is in `sink.ledger`, oldest first."""

    def __init__(self, port: int = 0) -> None:
        """port: 0 = any that is free."""
        self.ledger: list[Received] = []
        self._script: deque[Answer] = deque()
        self._always = ACCEPT
        self._came = asyncio.Condition()
        self._released = asyncio.Event()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._port = port

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def script(self, *answers: Answer) -> None:
        """The next requests are answered so, one each; then as `always` says."""
        self._script.extend(answers)

    def always(self, answer: Answer) -> None:
        self._always = answer

    def release(self) -> None:
        """Whatever is slow is answered now."""
        self._released.set()

    async def until_received(self, count: int = 1) -> list[Received]:
        """The ledger, once it holds at least `count` requests."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.ledger) >= count)
        return self.ledger

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        answer = self._script.popleft() if self._script else self._always
        async with self._came:
            self.ledger.append(_received(request, body))
            self._came.notify_all()
        return await self._answer(request, answer)

    async def _answer(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        match answer.how:
            case How.HANG:
                await self._closing.wait()
            case How.SLOW:
                await self._released.wait()
            case How.RESET:
                _cut(request)
            case How.RESET_MID_ANSWER:
                begun = web.StreamResponse(status=answer.status, headers={"Content-Length": "1000"})
                await begun.prepare(request)
                await begun.write(b"half an ans")
                _cut(request)
                return begun
            case How.ANSWER:
                pass
        return web.Response(status=answer.status, headers=answer.headers, text=answer.body)


def _received(request: web.Request, body: bytes) -> Received:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return Received(
        method=request.method,
        path=request.path_qs,
        headers=request.headers,
        body=body,
        peer=peer and tuple(peer),
    )


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
