"""How a call ends: as Slack would end it, or as a test scripted it."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import assert_never

from aiohttp import web

from tests.fakes.slack.outcomes import (
    Breaks,
    Call,
    Fails,
    Hangs,
    Malformed,
    Outcome,
    Status,
    TakesAndBreaks,
    Throttles,
)
from tests.fakes.slack.workspace import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """status: HTTP's. `said`: what the ledger keeps, and is sent as JSON where there is no `text`."""

    status: int
    said: Json
    text: str | None = None
    kind: str = "text/plain"  # of `text`
    retry_after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A call that waits for its end. `do`: what Slack would do, and answer; `refuse`: an error code, in its words."""

    request: web.Request
    call: Call
    do: Callable[[], Answer]
    refuse: Callable[[Fails], Answer]
    headers: dict[str, str]


class Script:
    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self._changed = changed
        self._next: dict[str, deque[Outcome]] = defaultdict(deque)
        self._always: dict[str, Outcome] = {}
        self._released = asyncio.Event()
        self._closing = asyncio.Event()

    def add(self, method: str, *outcomes: Outcome) -> None:
        self._next[method].extend(outcomes)

    def always(self, method: str, outcome: Outcome | None) -> None:
        if outcome is None:
            self._always.pop(method, None)
        else:
            self._always[method] = outcome

    def release(self) -> None:
        self._released.set()
        self._released = asyncio.Event()

    def close(self) -> None:
        """Whatever hangs goes on, now and later."""
        self._closing.set()

    async def end(self, exchange: Exchange) -> web.StreamResponse:
        waiting = self._next[exchange.call.method]
        outcome = waiting.popleft() if waiting else self._always.get(exchange.call.method)
        match outcome:
            case None:
                answer = exchange.do()
            case Fails():
                answer = exchange.refuse(outcome)
            case Throttles(retry_after=retry_after):
                answer = Answer(
                    status=429, said={"ok": False, "error": "ratelimited"}, retry_after=str(retry_after)
                )
            case Status(status=status, body=body, headers=headers):
                exchange = replace(exchange, headers=headers)
                answer = Answer(status=status, said={}, text=body)
            case Malformed(body=body, is_taken=is_taken):
                if is_taken:
                    exchange.do()
                answer = Answer(status=200, said={}, text=body, kind="application/json")
            case Hangs(is_taken=True):
                answer = exchange.do()
                await self._hang()
            case Hangs():
                await self._hang()
                answer = exchange.do()
            case TakesAndBreaks():
                exchange.do()
                return await self._cut(exchange)
            case Breaks():
                return await self._cut(exchange)
            case _:
                assert_never(outcome)
        return await self._answer(exchange, answer)

    async def _answer(self, exchange: Exchange, answer: Answer) -> web.StreamResponse:
        exchange.call.status, exchange.call.answer = answer.status, answer.said
        await self._changed()
        headers = exchange.headers | ({"Retry-After": answer.retry_after} if answer.retry_after else {})
        if answer.text is None:
            return web.json_response(answer.said, status=answer.status, headers=headers)
        headers = {"Content-Type": answer.kind} | headers
        return web.Response(status=answer.status, text=answer.text, headers=headers)

    async def _cut(self, exchange: Exchange) -> web.StreamResponse:
        await self._changed()
        if exchange.request.transport is not None:
            exchange.request.transport.abort()
        return web.Response()

    async def _hang(self) -> None:
        waits = [asyncio.ensure_future(one.wait()) for one in (self._released, self._closing)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
