"""The web as its callers see it: a real listener on loopback in front of a whole engine that is driven by hand."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from responder.web.auth import Doors
from responder.web.server import Listener, listen, make_app
from tests.engine.world import World

LARGE = 1024 * 1024  # bytes that aiohttp's client would rather read from a file
WEBHOOK = "/webhooks/alertmanager"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The end of its type. It is a whole problem, or the test fails."""
        assert self.headers["Content-Type"] == "application/problem+json", (self.status, self.body)
        found = self.json()
        assert found["status"] == self.status
        assert found["title"]
        assert found["detail"]
        return str(found["type"]).removeprefix("urn:responder:problem:")


@dataclass
class Face:
    world: World
    listener: Listener
    base: str
    session: aiohttp.ClientSession

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Said:
        sent = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token is not None else {})
        async with self.session.request(method, self.base + path, headers=sent, **more) as answer:
            return Said(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **more: Any) -> Said:
        return await self.call("GET", path, **more)

    async def post(self, path: str, **more: Any) -> Said:
        return await self.call("POST", path, **more)

    async def webhook(self, body: object, **more: Any) -> Said:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.post(WEBHOOK, data=io.BytesIO(raw) if len(raw) > LARGE else raw, **more)


@asynccontextmanager
async def facing(world: World, doors: Doors = Doors()) -> AsyncIterator[Face]:  # noqa: B008  # it is frozen
    listener = await listen(make_app(world.service, doors), "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(auto_decompress=True) as session:
            yield Face(world, listener, f"http://127.0.0.1:{listener.port}", session)
    finally:
        await listener.close()


def body_of(*alerts: object, **top: Any) -> dict[str, Any]:
    """Alertmanager's body with these alerts."""
    return {
        "version": "4",
        "status": "firing",
        "receiver": "responder",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "alerts": list(alerts),
    } | top
