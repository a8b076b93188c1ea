"""What else is outside: an Alertmanager that answers what it is asked, and somebody who waits for our beat.

It was started a moment ago, so that what it does not know proves nothing yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from aiohttp import web

from tests.journeys.waiting import CLOCK

CONFIG = "route: {receiver: responder}\nreceivers: [{name: responder}]\n"


class Outside:
    """`async with Outside() as outside`: `outside.settings` are a service's that has to do with it."""

    def __init__(self) -> None:
        self.beats: list[datetime] = []
        self._since = CLOCK.now()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/api/v2/status", self._status)
        app.router.add_get("/api/v2/alerts", self._alerts)
        app.router.add_get("/beat", self._beat)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def settings(self) -> Mapping[str, str]:
        assert self._runner is not None
        url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return {
            "RESPONDER_ALERTMANAGER_URLS": url,
            "RESPONDER_ALERTMANAGER_EVERY": "1s",
            "RESPONDER_BEAT_URL": f"{url}/beat",
            "RESPONDER_BEAT_EVERY": "1s",
        }

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response({"config": {"original": CONFIG}, "uptime": self._since.isoformat()})

    async def _alerts(self, _request: web.Request) -> web.Response:
        return web.json_response([])

    async def _beat(self, _request: web.Request) -> web.Response:
        self.beats.append(CLOCK.now())
        return web.Response(text="OK")
