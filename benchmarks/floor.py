"""The floor: the least that could answer and keep its word. `python -m benchmarks.floor DATABASE`.

Bare aiohttp handlers that insert one durable row a request (SQLite in WAL mode, synchronous=FULL, which is what the
service writes with); they read no policies, know no incidents and tell nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web

from responder.adapters.clock import SystemClock
from responder.web.slack.door import SlackDoor


class Rows:
    """One connection on one thread, so that the loop waits for no disk."""

    def __init__(self, database: Path) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS accepted (id INTEGER PRIMARY KEY, body BLOB)")

    async def insert(self, body: bytes) -> None:
        """Returns once it is on the disk."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._insert, body)

    def _insert(self, body: bytes) -> None:
        self._connection.execute("INSERT INTO accepted (body) VALUES (?)", (body,))


def application(rows: Rows, *, secret: str, sink: str) -> web.Application:
    door = SlackDoor((secret,), "", SystemClock())

    async def command(request: web.Request) -> web.Response:
        signed = door.signed(request)
        body = await request.read()
        door.admit(signed, body)
        await rows.insert(body)
        return web.json_response({"text": "kept"})

    async def keep(request: web.Request) -> web.Response:
        await rows.insert(await request.read())
        return web.json_response({"journal": 1})

    async def pass_on(request: web.Request) -> web.Response:
        """Keep it, and hand a message for each alert to the sink, as a page is: on a connection of its own."""
        body = await request.read()
        await rows.insert(body)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
            for alert in json.loads(body)["alerts"]:
                facts = {"name": alert["labels"]["alertname"]}
                async with http.post(f"{sink}floor", json={"facts": facts}) as answer:
                    await answer.read()
        return web.json_response({"journal": 1})

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/slack/commands", command)
    app.router.add_post("/webhooks/alertmanager", keep)
    app.router.add_post("/passed-on", pass_on)
    return app


async def serve(app: web.Application) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"serving on http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    asked = argparse.ArgumentParser(description="The least that could answer and keep its word.")
    asked.add_argument("database", type=Path)
    asked.add_argument("--secret", default="unused", help="that Slack's requests are signed with")
    asked.add_argument("--sink", default="", help="where /passed-on hands its messages to, ends in /")
    given = asked.parse_args()
    uvloop.run(serve(application(Rows(given.database), secret=given.secret, sink=given.sink)))


if __name__ == "__main__":
    main()
