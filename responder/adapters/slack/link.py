"""One connection of Socket Mode: its hello, its pings, what comes through it, and what is acknowledged.

As docs.slack.dev/apis/events-api/using-socket-mode has it, read on 2026-11-23. The address that it is opened at holds a
ticket: no failure, log line or repr repeats it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType

from responder.adapters.sessions import within
from responder.adapters.slack.account import FOR_THE_APP, SlackAccount, Turn, broken
from responder.adapters.slack.failures import Asked, Refusal
from responder.core.errors import Transient
from responder.ports.clock import Clock

WHO = "slack: Socket Mode"
OPENS_WITHIN = timedelta(seconds=10)  # each of: an address from Slack; the connection there, with its hello
PING_EVERY = timedelta(seconds=15)
PONG_WITHIN = timedelta(seconds=10)
CLOSE_SECONDS = 1.0  # for the other side's farewell, which nothing depends on

_TOKEN_CODES = frozenset(
    {"account_inactive", "forbidden_team", "invalid_auth", "missing_scope", "not_allowed_token_type"}
    | {"not_authed", "token_expired", "token_revoked"}
)
_TOKEN = (
    "set RESPONDER_SLACK_APP_TOKEN to one of this app with the scope connections:write "  # noqa: S105 - the variable's name
    "(Basic Information, App-Level Tokens)"
)
_REASON = re.compile(r"[a-z_]{1,40}", re.ASCII)


class Link:
    """`connections`: how many the app has with this one, as Slack counts. `why` it was closed, "" while it is open."""

    def __init__(self, socket: ClientWebSocketResponse, clock: Clock) -> None:
        self.opened_at = clock.now()
        self.connections = 0
        self.why = ""
        self._socket = socket
        self._clock = clock
        self._heard = asyncio.Event()
        self._farewell: asyncio.Future[bool] | None = None

    async def greeted(self) -> None:
        """Return once Slack has said hello. Raises Transient where it says anything else."""
        said = await self.receive() or {}
        if said.get("type") != "hello":
            raise Transient(f"{WHO}: Slack said no hello but {_in_short(said)}")
        count = said.get("num_connections")
        self.connections = count if isinstance(count, int) else 0

    async def receive(self) -> Mapping[str, object] | None:
        """What Slack says next; None once the connection has ended. Only one may ask at a time."""
        while True:
            message = await self._socket.receive()
            self._heard.set()
            match message.type:
                case WSMsgType.TEXT:
                    if (said := _read(message.data)) is not None:
                        return said
                case WSMsgType.PING:
                    if not await self._sent(self._socket.pong(message.data)):
                        return None
                case WSMsgType.CLOSE | WSMsgType.CLOSING | WSMsgType.CLOSED | WSMsgType.ERROR:
                    return None
                case _:
                    pass

    async def keep(self) -> None:
        """Ping until the connection ends, and end it where nothing at all comes back."""
        while True:
            self._heard.clear()
            if not await self._sent(self._socket.ping()):
                return await self.close("it broke")
            await self._clock.sleep_until(self._clock.now() + PONG_WITHIN, self._heard)
            if not self._heard.is_set():
                return await self.close("pings are not answered")
            await self._clock.sleep_until(self._clock.now() + PING_EVERY)

    async def acknowledge(self, envelope: str, answer: Mapping[str, object] | None) -> bool:
        """Whether that could be sent."""
        said = {"envelope_id": envelope} | ({} if answer is None else {"payload": dict(answer)})
        return await self._sent(self._socket.send_str(json.dumps(said)))

    async def close(self, why: str) -> None:
        """Returns once it is closed. Whoever is cancelled meanwhile leaves it closing, for the others to see."""
        self.why = self.why or why
        if self._farewell is None:
            self._farewell = asyncio.ensure_future(self._socket.close())
        await asyncio.shield(self._farewell)

    async def _sent(self, sending: Coroutine[Any, Any, None]) -> bool:
        try:
            await sending
        except (aiohttp.ClientError, ConnectionError):
            return False
        return True


def reason_of(disconnect: Mapping[str, object]) -> str:
    """Slack's word for why it disconnects us."""
    reason = disconnect.get("reason")
    return reason if isinstance(reason, str) and _REASON.fullmatch(reason) else "no reason"


async def open_link(account: SlackAccount, clock: Clock, into: set[Link]) -> Link:
    """A connection that has said hello. `into`: where it is put at once, for whoever is cancelled meanwhile to close.

    Raises Busy, Transient, or Permanent in words that say what to mend.
    """
    address = await _address(account, clock)
    host = urlsplit(address).hostname or ""
    try:
        return await within(clock, clock.now() + OPENS_WITHIN, _connect(account, address, clock, into))
    except TimeoutError:
        raise Transient(f"{WHO}: {host} did not say hello in time") from None
    except aiohttp.WSServerHandshakeError as error:  # its text holds the address, as do the others'
        raise Transient(f"{WHO}: {host} refused the connection ({error.status})") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise broken(Asked(method=FOR_THE_APP, by=WHO), host, error) from None


async def _address(account: SlackAccount, clock: Clock) -> str:
    try:
        answer = await account.call(
            FOR_THE_APP, deadline=clock.now() + OPENS_WITHIN, by=WHO, turn=Turn(record="socket")
        )
    except Refusal as refusal:
        if refusal.code not in _TOKEN_CODES:
            raise
        words = f"{WHO}: the app's token is not taken ({refusal.code}): {_TOKEN}"
        raise Refusal(words, refusal.code) from refusal
    url = answer.get("url")
    schemes = ("wss://",) if account.api_url.startswith("https:") else ("wss://", "ws://")
    if not isinstance(url, str) or not url.startswith(schemes):
        raise Transient(f"{WHO}: Slack's answer names no address to connect to")
    # aiohttp connects to https:// as to wss://, and finds HTTPS_PROXY for it; for wss:// it would look for WSS_PROXY.
    return "http" + url.removeprefix("ws")


async def _connect(account: SlackAccount, address: str, clock: Clock, into: set[Link]) -> Link:
    farewell = aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS)
    link = Link(await account.sessions().ws_connect(address, autoping=False, timeout=farewell), clock)
    into.add(link)
    is_greeted = False
    try:
        await link.greeted()
        is_greeted = True
    finally:
        if not is_greeted:
            await link.close("it did not begin")
            into.discard(link)
    return link


def _in_short(said: Mapping[str, object]) -> str:
    return (
        f"disconnect ({reason_of(said)})"
        if said.get("type") == "disconnect"
        else "something else, or nothing"
    )


def _read(text: object) -> Mapping[str, object] | None:
    """A frame, where it holds a JSON object."""
    try:
        said = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
