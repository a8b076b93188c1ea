"""The floor: the least that could answer Slack and keep its word. `python -m benchmarks.floor DATABASE SECRET`.

A bare aiohttp handler verifies the signature and inserts one durable row (SQLite in WAL mode, synchronous=FULL, which
is what the service writes with); it reads no policies, knows no incidents and tells nobody.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
        self._connection.execute("CREATE TABLE IF NOT EXISTS command (id INTEGER PRIMARY KEY, body BLOB)")

    async def insert(self, body: bytes) -> None:
        """Returns once it is on the disk."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._insert, body)

    def _insert(self, body: bytes) -> None:
        self._connection.execute("INSERT INTO command (body) VALUES (?)", (body,))


async def serve(database: Path, secret: str) -> None:
    rows, door = Rows(database), SlackDoor((secret,), "", SystemClock())

    async def take(request: web.Request) -> web.Response:
        signed = door.signed(request)
        body = await request.read()
        door.admit(signed, body)
        await rows.insert(body)
        return web.json_response({"text": "kept"})

    app = web.Application()
    app.router.add_post("/slack/commands", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"serving on http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), sys.argv[2]))
