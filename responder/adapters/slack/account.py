"""One Slack app in one workspace: its tokens, and calls of the Web API that end by a deadline, in words if they fail.

Slack's own client writes and reads the calls; retrying is the engine's, so its retries are off, and so are its logs,
which would hold bodies. Only the configured address is ever called: redirects are not followed. A call that says whose
turn it is keeps to Slack's rates, and remembers what Slack says about them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from responder.adapters.sessions import Sessions, within
from responder.adapters.slack.failures import WAIT, Asked, failure_of
from responder.adapters.slack.pace import Pace
from responder.core.errors import Busy, Failure, Permanent, Transient
from responder.ports.clock import Clock

API = "https://slack.com/api/"
FOR_THE_APP = "apps.connections.open"  # the one method that takes the app's token

# Methods that change something; the others may be asked twice.
_WRITES = ("chat.", "views.")
# How a method is asked: few take JSON, and of the others those that only read take the address's own query.
_IN_JSON = ("chat.", "views.", "conversations.open")
_READS = ("conversations.", "users.", "team.")
_SILENT = logging.getLogger(f"{__name__}.client")
_SILENT.setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """On whose behalf a call is made: who has to wait comes back with the same `record`.

    `place`: what Slack counts the method by, "" where it counts the workspace's calls.
    """

    record: str
    place: str = ""
    is_page: bool = False


class SlackAccount:
    """`api_url`: with its last slash. `app_token`: for Socket Mode, "" without."""

    def __init__(
        self, *, token: str, api_url: str = API, sessions: Sessions, clock: Clock, app_token: str = ""
    ) -> None:
        self.clock = clock
        self.sessions = sessions
        self.api_url = api_url if api_url.endswith("/") else f"{api_url}/"
        self._token = token
        self._app_token = app_token
        self._pace = Pace()
        self._scopes: frozenset[str] | None = None

    @property
    def scopes(self) -> frozenset[str] | None:
        """The bot token's, as Slack said them beside its last answer; None before one, or where it did not say."""
        return self._scopes

    @property
    def host(self) -> str:
        return urlsplit(self.api_url).hostname or ""

    def __repr__(self) -> str:
        return f"SlackAccount(host={self.host!r})"

    async def call(
        self,
        method: str,
        *,
        deadline: datetime,
        by: str = "slack",
        target: str = "",
        turn: Turn | None = None,
        **arguments: object,
    ) -> Mapping[str, Any]:
        """Slack's answer, where it is a success.

        `by`, `target`: who calls and what about, in the words of a failure ("slack: channel #sre archived …"). `turn`:
        None = it is not counted. Raises Busy, Transient, Unsure (it may have been done) or Refusal.
        """
        asked = Asked(
            method=method,
            by=by,
            target=target,
            is_write=method.startswith(_WRITES),
            is_person=str(arguments.get("channel") or arguments.get("users", "")).startswith(("U", "W")),
        )
        if turn is not None:
            self._take(asked, turn)
        try:
            return await within(self.clock, deadline, self._call(asked, arguments))
        except TimeoutError:
            raise asked.unanswered(f"{self.host} did not answer in time") from None
        except Busy as busy:
            self._hold(asked, turn, busy)
            raise

    def _take(self, asked: Asked, turn: Turn) -> None:
        now = self.clock.now()
        wait = self._pace.take(asked.method, turn.place, turn.record, now=now, is_page=turn.is_page)
        if wait is not None:
            why = f"its turn at {asked.target or 'Slack'} comes in {wait.total_seconds():.1f} s ({asked.method})"
            raise Busy(f"{asked.by}: {why}", retry_after=wait)

    def _hold(self, asked: Asked, turn: Turn | None, busy: Busy) -> None:
        now = self.clock.now()
        until = now + (busy.retry_after or WAIT)
        self._pace.hold(asked.method, turn.place if turn else "", until, now=now)

    async def _call(self, asked: Asked, arguments: Mapping[str, object]) -> Mapping[str, Any]:
        try:
            return await self._ask(asked, arguments)
        except SlackApiError as error:
            raise refused(asked, error) from error
        except (aiohttp.ClientError, OSError, ValueError, SlackClientError) as error:
            raise broken(asked, self.host, error) from None if isinstance(error, ValueError) else error

    async def _ask(self, asked: Asked, arguments: Mapping[str, object]) -> Mapping[str, Any]:
        client = _Client(
            self._app_token if asked.method == FOR_THE_APP else self._token,
            base_url=self.api_url,
            session=self.sessions(),
            retry_handlers=[],
            logger=_SILENT,
        )
        client.proxy = None  # the session knows the proxies, and where none is to be used
        if asked.method.startswith(_IN_JSON):
            answer = await client.api_call(asked.method, json=dict(arguments))
        else:
            verb = "GET" if asked.method.startswith(_READS) else "POST"
            answer = await client.api_call(asked.method, http_verb=verb, params=dict(arguments))
        if asked.method != FOR_THE_APP:
            self._scopes = _listed(answer.headers.get("X-OAuth-Scopes"))
        found: Mapping[str, Any] = answer.data if isinstance(answer.data, dict) else {}
        return found


def _listed(header: str | None) -> frozenset[str] | None:
    return None if header is None else frozenset(each.strip() for each in header.split(",")) - {""}


class _Client(AsyncWebClient):
    """Slack's client, but that it follows no redirect, and takes nothing for an answer that is no JSON object."""

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> dict[str, Any]:
        stays = {**req_args, "allow_redirects": False}
        found: dict[str, Any] = await super()._request(http_verb=http_verb, api_url=api_url, req_args=stays)
        return found if isinstance(found["data"], dict) else {**found, "data": {}}


def refused(asked: Asked, error: SlackApiError) -> Failure:
    """A call that got an answer, which is no success: Slack's own, or aiohttp's where it could not be read."""
    response = error.response
    data = getattr(response, "data", None)
    body: Mapping[str, object] = data if isinstance(data, dict) else {}
    status = response.status_code if hasattr(response, "status_code") else response.status
    wait = response.headers.get("Retry-After", "")
    return failure_of(
        asked, status=int(status), code=body.get("error"), scope=body.get("needed"), retry_after=wait
    )


def broken(asked: Asked, host: str, error: Exception) -> Transient | Permanent:
    """A call that got no answer."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return Transient(f"{asked.by}: {host} cannot be reached: its certificate is not trusted")
        case aiohttp.ClientConnectorError():
            why = error.os_error.strerror or type(error.os_error).__name__
            return Transient(f"{asked.by}: {host} cannot be reached: {why}")
        case aiohttp.ClientHttpProxyError():
            return Transient(f"{asked.by}: the proxy on the way to {host} answered {error.status}")
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError() | OSError():
            return asked.unanswered(f"{host}: the connection broke before an answer")
        case aiohttp.InvalidURL() | UnicodeEncodeError():
            return Permanent(f"{asked.by}: {asked.method} cannot be called so: look at the API's address")
        case _:
            return asked.unanswered(f"the answer of {host} makes no sense ({type(error).__name__})")
