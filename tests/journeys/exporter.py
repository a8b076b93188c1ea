"""An exporter of one gauge, which real Prometheis scrape; the test says what it shows."""

from __future__ import annotations

from typing import Self

from aiohttp import web

METRIC = "region_answers"


class Exporter:
    """`async with Exporter() as exporter`: serves /metrics at `address`."""

    def __init__(self) -> None:
        self.answers = 1.0  # what the gauge shows
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/metrics", self._show)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def address(self) -> str:
        assert self._runner is not None
        return f"127.0.0.1:{self._runner.addresses[0][1]}"

    async def _show(self, _: web.Request) -> web.Response:
        return web.Response(text=f"# TYPE {METRIC} gauge\n{METRIC} {self.answers}\n")
