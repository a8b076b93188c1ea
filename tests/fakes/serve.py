"""`python -m tests.fakes.serve FD [STRIKE …]`: the service as it is wired in earnest, but for what its parent arms.

FD is the descriptor of a socket that it inherited, each STRIKE armed from the start on; `tests.fakes.faults` says how
they are spoken.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys

import uvloop

from responder import app
from responder.adapters.clock import SystemClock
from responder.settings import Settings
from tests.fakes.faults import ArmedFaults, Strike, read_strike


async def serve(descriptor: int, armed: list[Strike]) -> int:
    faults = ArmedFaults(socket.socket(fileno=descriptor), SystemClock(), armed)
    listening = asyncio.create_task(faults.listen())
    try:
        return await app.serve(Settings.load(os.environ), os.environ, faults=faults)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


if __name__ == "__main__":
    fd, *strikes = sys.argv[1:]
    sys.exit(uvloop.run(serve(int(fd), [read_strike(strike) for strike in strikes])))
