"""The beacon over HTTP: one URL that is called again and again, as dead man's switches take it.

healthchecks.io, Dead Man's Snitch, Cronitor, Better Stack and Uptime Kuma all take a GET, and most a POST; the URL is
the credential, so it is never told to anybody, and redirects are not followed. healthchecks.io answers 200 to a ping by
UUID even where it counted none, and says so in the body (healthchecks.io/docs/http_api, read 2026-11-23).
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

import aiohttp

from responder.adapters.sessions import Sessions, within
from responder.core.errors import Permanent, Transient, Unsure
from responder.ports.clock import Clock

READ = 200  # bytes of an answer that are looked at
PASSING = frozenset({408, 425, 429})


class HttpBeacon:
    def __init__(self, url: str, method: str, sessions: Sessions, clock: Clock) -> None:
        """`method`: GET or POST."""
        self._url = url
        self._host = urlsplit(url).hostname or ""
        self._method = method
        self._sessions = sessions
        self._clock = clock

    async def beat(self, deadline: datetime) -> None:
        try:
            status, text = await within(self._clock, deadline, self._call())
        except TimeoutError:
            raise Unsure(f"outward beat: {self._host} did not answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Not chained: what aiohttp says may repeat the URL.
            raise Transient(f"outward beat: {self._host} cannot be reached ({_reason(error)})") from None
        self._judge(status, text)

    async def _call(self) -> tuple[int, str]:
        async with self._sessions().request(
            self._method, self._url, headers={"User-Agent": "responder"}, allow_redirects=False
        ) as answer:
            return answer.status, (await answer.content.read(READ)).decode("ascii", "replace")

    def _judge(self, status: int, text: str) -> None:
        if status in PASSING or status >= 500 or "(rate limited)" in text:
            raise Transient(f"outward beat: {self._host} answered {status}, and counts it only later")
        if 300 <= status < 400:
            raise Permanent(
                f"outward beat: {self._host} redirects, which is not followed: set RESPONDER_BEAT_URL to where it ends"
            )
        if status >= 400 or "(not found)" in text:
            raise Permanent(
                f"outward beat: {self._host} answered {status} and knows no such beat: see RESPONDER_BEAT_URL and "
                "RESPONDER_BEAT_METHOD"
            )

    def __repr__(self) -> str:
        return f"HttpBeacon(host={self._host!r})"


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or type(error.os_error).__name__
    return type(error).__name__
