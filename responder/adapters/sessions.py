"""What every HTTP call to a vendor is made with: the client that all share, and a deadline by our own clock."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar

import aiohttp

from responder.ports.clock import Clock

T = TypeVar("T")


class Sessions:
    """The HTTP client that all channels share, opened when the first of them needs it.

    Connections are not kept: a kept one may have been closed by the other side, which is noticed only when a page is
    written into it, and then nobody knows whether the page arrived. Proxies (HTTPS_PROXY, NO_PROXY) are honoured.
    """

    def __init__(self, *, trust_env: bool = True) -> None:
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None

    def __call__(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, limit=100),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # every call has its own deadline, by our clock
                trust_env=self._trust_env,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def within(clock: Clock, deadline: datetime, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Raises TimeoutError at `deadline`, by which time `work` has been cancelled."""
    done = asyncio.Event()
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda _: done.set())
    try:
        await clock.sleep_until(deadline, done)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # looked at, so that nothing is reported as never retrieved
