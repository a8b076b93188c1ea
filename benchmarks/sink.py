"""The receiver of what is handed over, as a process of its own: `python -m benchmarks.sink [--hang PATH]`.

It answers 200 at once and keeps when each message came, its path, and what it was about; `GET /ledger` tells. At the
path that hangs it answers nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass

import uvloop
from aiohttp import web

from responder.adapters.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Came:
    at: float  # seconds since the epoch
    path: str
    body: bytes

    def shown(self) -> dict[str, object]:
        found = json.loads(self.body) if self.body else {}
        facts = found.get("facts", {})
        return {
            "at": self.at,
            "path": self.path,
            "incident": found.get("incident", ""),
            "purpose": found.get("purpose", ""),
            "name": facts.get("name", ""),
        }


def application(hang: str) -> web.Application:
    clock, ledger = SystemClock(), list[Came]()

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        ledger.append(Came(clock.now().timestamp(), request.path, body))
        if request.path == hang:
            await asyncio.Event().wait()
        return web.Response()

    async def tell(_request: web.Request) -> web.Response:
        return web.json_response([came.shown() for came in ledger])

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_get("/ledger", tell)
    app.router.add_post("/{path:.*}", take)
    return app


async def serve(hang: str) -> None:
    runner = web.AppRunner(application(hang), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    sys.stdout.write(f"serving on http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description="A receiver that keeps what came when.")
    asked.add_argument("--hang", default="", help="the path at which nobody is answered")
    uvloop.run(serve(asked.parse_args().hang))
