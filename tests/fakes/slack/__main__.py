"""`python -m tests.fakes.slack PORT`: the fake until it is interrupted, by the system's clock. PORT 0 = any.

Its first and only line is JSON: its addresses, its tokens and its signing secret.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys

from responder.adapters.clock import SystemClock
from tests.fakes.slack.control import Control
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.tokens import APP_TOKEN, BOT_TOKEN


async def serve(port: int) -> None:
    stopped = asyncio.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(wanted, stopped.set)
    fake = FakeSlack(SystemClock(), port)
    fake.also_serve(Control(fake).routes())
    async with fake:
        line = {
            "url": fake.url,
            "api_url": f"{fake.url}/api/",
            "bot_token": BOT_TOKEN,
            "app_token": APP_TOKEN,
            "signing_secret": fake.signing_secret,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
