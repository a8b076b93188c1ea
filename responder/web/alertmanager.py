"""The webhook that Alertmanager posts to, and the heartbeats that others post.

A 2xx means that the body is durable. Alertmanager repeats what got a 5xx and drops what got a 4xx, so a body that could
be kept is never refused. Whoever is refused again and again is told about: see `engine.rejections`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from responder.core.errors import Failure
from responder.dialects.alertmanager import NotABody, peek
from responder.engine.service import Service
from responder.ports.store import NewBody
from responder.web.auth import Doors, Guard
from responder.web.bodies import read_body, unasked
from responder.web.problems import Kind, Problem, stopping

SOURCE = "alertmanager"
# Bytes from which on a body is looked at beside the loop, one at a time. It helps in part: `json` lets nobody else run
# while it parses, and the loop stands still for 0.5 s of the 0.7 s that 64 MiB take (2 cores, 2026-11).
LARGE = 256 * 1024
TOLD = (400, 401, 413)  # what a peer is refused with that somebody has to hear of, when it goes on
BEAT_MOST = 64 * 1024  # bytes that a beat may bring; they are not read for anything

log = structlog.get_logger("webhooks")

Post = Callable[[web.Request], Awaitable[web.Response]]


class Webhooks:
    def __init__(self, service: Service, doors: Doors, guard: Guard) -> None:
        self._service = service
        self._doors = doors
        self._guard = guard
        self._looking = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(
                "/webhooks/alertmanager",
                self._watched(self._counted(self.alertmanager)),
                expect_handler=unasked,
            ),
            web.post("/heartbeats/{name}", self._watched(self.heartbeat), expect_handler=unasked),
        ]

    async def alertmanager(self, request: web.Request) -> web.Response:
        self._guard.admit_webhook(request)
        self._refuse_while_stopping()
        clock = self._service.points.clock
        raw = await read_body(request, self._doors.body_most, clock)
        await self._look(raw)
        new = NewBody(received_at=clock.now(), source=SOURCE, peer=peer_of(request), body=raw)
        # Shielded: a caller that hangs up does not take back what it has sent.
        journal = await asyncio.shield(self._service.intake.accept(new))
        log.debug("body accepted", journal=journal, bytes=len(raw), peer=new.peer)
        return web.json_response({"journal": journal})

    async def heartbeat(self, request: web.Request) -> web.Response:
        await self._guard.admit_beat(request)
        self._refuse_while_stopping()
        await read_body(request, BEAT_MOST, self._service.points.clock)
        name = request.match_info["name"]
        if not await asyncio.shield(self._service.heartbeats.beat(name)):
            detail = "no heartbeat of this name is heard by HTTP; heartbeats.yaml names those that are"
            raise Problem(Kind.UNKNOWN, detail)
        return web.json_response({"heartbeat": name})

    async def _look(self, raw: bytes) -> None:
        """Raises Problem where it is no body at all."""
        try:
            if len(raw) < LARGE:
                peek(raw)
            else:
                async with self._looking:
                    await asyncio.to_thread(peek, raw)
        except NotABody as problem:
            raise Problem(Kind.UNREADABLE, str(problem)) from None

    def _refuse_while_stopping(self) -> None:
        if self._service.is_stopping:
            raise stopping()

    def _watched(self, post: Post) -> Post:
        """Answers as `post` does, and tells `rejections` of it."""

        async def watched(request: web.Request) -> web.Response:
            peer = peer_of(request)
            try:
                answer = await post(request)
            except Problem as problem:
                if problem.status in TOLD:
                    await self._service.rejections.refused(peer, problem.status)
                raise
            await self._service.rejections.accepted(peer)
            return answer

        return watched

    def _counted(self, post: Post) -> Post:
        """Answers as `post` does, and counts what became of the body."""

        async def counted(request: web.Request) -> web.Response:
            result = "accepted"
            try:
                return await post(request)
            except Problem as problem:
                result = f"refused-{problem.status}"
                raise
            except Failure:
                result = "not-kept"
                raise
            finally:
                self._service.points.metrics.bodies.labels(result).inc()

        return counted


def peer_of(request: web.Request) -> str:
    """The address it came from, without its port; a proxy's where there is one, because anybody can write a header."""
    return request.remote or "unknown"
