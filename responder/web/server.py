"""The server: the application put together, and a listener that says where it is and stops without losing anything.

aiohttp's protocol is used with one change: what does not even parse as HTTP is answered as a problem, and logged
without the bytes that did not parse, because a credential may be among them.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiohttp import hdrs, web

from responder.engine.service import Service
from responder.web.alertmanager import Webhooks
from responder.web.api import Api
from responder.web.auth import Doors, Guard
from responder.web.envelope import SERVER, envelope, sign
from responder.web.health import Health
from responder.web.problems import Kind, Problem
from responder.web.slack.desk import Desk
from responder.web.slack.http import SlackPosts

IDLE = 75.0  # seconds: for a request's headers to arrive, and between two requests
DRAIN = 10.0  # seconds that requests under way have at a stop, then as long again to be cancelled
LINGER = 2.0  # seconds in which a body that was refused unread may still arrive, so that its sender reads why
BACKLOG = 1024

log = structlog.get_logger("web")


def make_app(service: Service, doors: Doors, desk: Desk | None = None) -> web.Application:
    """Everything. `desk`: the one that Socket Mode has too; None = its own."""
    guard = Guard(doors, service.tokens)
    app = _app(service)
    app.add_routes(Webhooks(service, doors, guard).routes())
    app.add_routes(Api(service, doors, guard).routes())
    app.add_routes(Health(service).routes())
    app.add_routes(_slack(service, doors, desk, app))
    return app


def public_app(service: Service, doors: Doors, desk: Desk | None = None) -> web.Application:
    """For a listener that the Internet reaches: what Slack posts, and whether we are alive; nothing else."""
    app = _app(service)
    app.add_routes(_slack(service, doors, desk, app))
    app.router.add_get("/healthz", Health(service).alive)
    return app


def _app(service: Service) -> web.Application:
    app = web.Application(middlewares=[envelope(service.points.clock)])
    app.on_response_prepare.append(sign)
    return app


def _slack(service: Service, doors: Doors, desk: Desk | None, app: web.Application) -> list[web.RouteDef]:
    """The routes; at the app's end, what is still to be told is told first."""
    desk = desk or Desk(service, doors.slack.team if doors.slack is not None else "")

    async def settle(_app: web.Application) -> None:
        await desk.settle()

    app.on_cleanup.append(settle)
    return SlackPosts(service, desk, doors.slack).routes()


@dataclass(slots=True)
class Listener:
    """Made by `listen`. `port`: where it listens, also where 0 was asked for."""

    port: int
    _server: asyncio.Server
    _runner: web.AppRunner

    @property
    def is_open(self) -> bool:
        """It takes callers in."""
        return self._server.is_serving()

    async def close(self) -> None:
        """Takes nobody new in; what is under way is answered, within DRAIN."""
        self._server.close()
        await self._runner.cleanup()


class Connection(web.RequestHandler):
    """One caller's connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no HTTP; `exc` and `message` quote it, and are dropped."""
        log.debug("no HTTP", peer=request.remote, problem=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has been begun already")
        kind = Kind.UNREADABLE if status == Kind.UNREADABLE.status else Kind.INTERNAL
        response = Problem(kind, "this is no HTTP that can be read", status=status).response()
        response.headers[hdrs.SERVER] = SERVER
        response.force_close()
        return response


async def listen(
    app: web.Application, host: str, port: int, ssl_context: ssl.SSLContext | None = None
) -> Listener:
    """Serves `app` from now on. Raises OSError where the address cannot be had."""
    runner = web.AppRunner(app, shutdown_timeout=DRAIN)
    await runner.setup()
    manager = runner.server
    assert manager is not None
    loop = asyncio.get_running_loop()

    def connection() -> Connection:
        return Connection(
            manager,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # None, which it allows, is none
            auto_decompress=False,  # bodies.py does, and counts
            keepalive_timeout=IDLE,
            lingering_time=LINGER,
        )

    try:
        server = await loop.create_server(connection, host, port, ssl=ssl_context, backlog=BACKLOG)
    except OSError:
        await runner.cleanup()
        raise
    return Listener(server.sockets[0].getsockname()[1], server, runner)


def tls_context(cert: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """TLS from 1.2 on. With `client_ca`, a certificate that a client shows has to be signed by it; showing none is
    allowed, because the API's callers have tokens. Raises OSError or ssl.SSLError where a file is none.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
