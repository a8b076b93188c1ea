"""Health: whether the process is alive, whether all of it works, its figures, and a word for whoever looks in."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from responder.engine.service import Service
from responder.web.problems import Kind, Problem, WrongPart

WELCOME = """responder: alerts become incidents, and somebody answers.

API          /api/v1        (its description: /api/openapi.json; tokens: responder token create)
webhook      POST /webhooks/alertmanager
heartbeats   POST /heartbeats/NAME
health       /healthz  /readyz  /metrics
"""


class Health:
    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.welcome),
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.metrics),
        ]

    async def welcome(self, _request: web.Request) -> web.Response:
        return web.Response(text=WELCOME)

    async def alive(self, _request: web.Request) -> web.Response:
        """The loop turns. What else may be wrong is /readyz's business: a restart would not mend it."""
        return web.Response(text="alive\n")

    async def ready(self, _request: web.Request) -> web.Response:
        wrong = self._service.readiness()
        if wrong:
            errors = [WrongPart(where=what, what=said[:300]) for what, said in sorted(wrong.items())]
            raise Problem(Kind.NOT_READY, "; ".join(f"{e.where}: {e.what}" for e in errors), errors=errors)
        return web.Response(text="ready\n")

    async def metrics(self, _request: web.Request) -> web.Response:
        figures = generate_latest(self._service.points.metrics.registry)
        return web.Response(body=figures, headers={"Content-Type": CONTENT_TYPE_LATEST})
