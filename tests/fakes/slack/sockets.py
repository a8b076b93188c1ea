"""Socket Mode: tickets, connections, envelopes and their acknowledgements; and the ways in which it goes wrong.

Sources, read on 2026-11-23: docs.slack.dev/apis/events-api/using-socket-mode (hello; disconnect with the reasons
warning, refresh_requested, link_disabled; envelopes of the types slash_commands, interactive and events_api; an ack
names the envelope_id and may carry a payload where accepts_response_payload; any of up to ten connections may be
given an envelope).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.slack.workspace import APP, Json


@dataclass(slots=True, eq=False)
class Connection:
    socket: web.WebSocketResponse
    request: web.Request
    is_leaving: bool = False  # was told to disconnect
    acks: list[Json] = field(default_factory=list)


class Sockets:
    """`is_deaf`: connected, pings answered, no envelopes. `is_frozen`: not even pings. `says_hello`: False = never.

    `connections`: the open ones, oldest first; `sent`: every envelope, `acked`: every acknowledgement.
    """

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self.is_deaf = False
        self.is_frozen = False
        self.says_hello = True
        self.connections: list[Connection] = []
        self.sent: list[Json] = []
        self.acked: list[Json] = []
        self.pings = 0
        self._changed = changed
        self._tickets: set[str] = set()
        self._waiting: dict[str, tuple[Connection, asyncio.Future[Json | None]]] = {}
        self._number = 0

    def issue(self) -> str:
        """A ticket; it is good for one connection."""
        self._number += 1
        ticket = f"ticket-{self._number}"
        self._tickets.add(ticket)
        return ticket

    async def accept(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.append(connection)
        try:
            if self.says_hello:
                await socket.send_json(self._hello())
            await self._changed()
            await self._listen(connection)
        finally:
            self.connections.remove(connection)
            self._give_up(connection)
            await self._changed()
        return socket

    async def deliver(self, kind: str, payload: Json, *, takes_answer: bool, **more: Any) -> Json | None:
        """Send an envelope; its ack, or None where nobody is there, all are deaf, or the connection ends first."""
        self._number += 1
        envelope = {
            "envelope_id": f"envelope-{self._number}",
            "type": kind,
            "accepts_response_payload": takes_answer,
            "payload": payload,
            **more,
        }
        return await self.send(envelope)

    async def send(self, envelope: Json) -> Json | None:
        """Send this envelope, be it for the first time or again."""
        ready = [one for one in self.connections if not one.is_leaving and not one.socket.closed]
        if not ready or self.is_deaf or self.is_frozen:
            return None
        acked: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = (ready[-1], acked)
        self.sent.append(envelope)
        await ready[-1].socket.send_json(envelope)
        await self._changed()
        return await acked

    async def say_disconnect(self, reason: str = "refresh_requested") -> None:
        """To all connections; a "warning" leaves them of use, after anything else they get no more envelopes."""
        for connection in [*self.connections]:
            connection.is_leaving = connection.is_leaving or reason != "warning"
            await connection.socket.send_json(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": "127.0.0.1"}}
            )

    async def close(self) -> None:
        """All connections, properly. Whoever waits for an ack gets None."""
        for connection in [*self.connections]:
            self._give_up(connection)
            await connection.socket.close()

    def cut(self) -> None:
        """All connections, without a word."""
        for connection in self.connections:
            self._give_up(connection)
            if connection.request.transport is not None:
                connection.request.transport.abort()

    def _give_up(self, connection: Connection) -> None:
        for id, (there, acked) in [*self._waiting.items()]:
            if there is connection:
                del self._waiting[id]
                if not acked.done():
                    acked.set_result(None)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": APP},
            "debug_info": {"host": "127.0.0.1", "build_number": 1, "approximate_connection_time": 3600},
        }

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type is WSMsgType.PING and not self.is_frozen:
                self.pings += 1
                await connection.socket.pong(message.data)
                await self._changed()
            elif message.type is WSMsgType.TEXT:
                await self._take(connection, json.loads(message.data))

    async def _take(self, connection: Connection, ack: Json) -> None:
        connection.acks.append(ack)
        self.acked.append(ack)
        _, acked = self._waiting.pop(ack.get("envelope_id", ""), (None, None))
        if acked is not None and not acked.done():
            acked.set_result(ack)
        await self._changed()
