"""The API at /api/v1: every operation of the table, asked and answered in the same way.

First who asks, then whether they may, then what exactly; an operation sees only what has passed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, get_origin

from aiohttp import web
from pydantic import ValidationError

from responder.core.errors import Forbidden, Refused, Unknown
from responder.engine.service import Service
from responder.web import incidents, upkeep
from responder.web.auth import Doors, Guard
from responder.web.bodies import read_body, unasked
from responder.web.openapi import describe
from responder.web.operations import Answer, Call, Operation
from responder.web.problems import Kind, Problem, WrongPart, of_validation, stopping
from responder.web.shapes import Shape

ROOT = "/api/v1"
DESCRIPTION = "/api/openapi.json"
BODY_MOST = 256 * 1024  # bytes of a request
OPERATIONS: tuple[Operation, ...] = incidents.OPERATIONS + upkeep.OPERATIONS


class Api:
    def __init__(self, service: Service, doors: Doors, guard: Guard) -> None:
        self._service = service
        self._guard = guard
        self._version = doors.version
        self._description = describe(OPERATIONS, ROOT, doors.version)

    def routes(self) -> list[web.RouteDef]:
        operations = [
            web.route(one.method, ROOT + one.path, self._serving(one), expect_handler=unasked)
            for one in OPERATIONS
        ]
        return [web.get(DESCRIPTION, self.description), *operations]

    async def description(self, _request: web.Request) -> web.Response:
        return web.json_response(self._description)

    def _serving(self, operation: Operation) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            answer = await self._asked(operation, await self._call(operation, request))
            return web.Response(
                status=answer.status,
                body=answer.shape.model_dump_json().encode(),
                headers={"Content-Type": "application/json", "Cache-Control": "no-store"},
            )

        return serve

    async def _call(self, operation: Operation, request: web.Request) -> Call:
        actor = await self._guard.actor(request)
        if not actor.role.covers(operation.role):
            said = f"this needs the role {operation.role.value}; {actor.via} has {actor.role.value}"
            raise Problem(Kind.FORBIDDEN, said)
        if self._service.is_stopping and operation.method != "GET":
            raise stopping()
        return Call(
            service=self._service,
            actor=actor,
            version=self._version,
            path=dict(request.match_info),
            query=_query(operation.query, request),
            body=await self._body(operation.body, request),
        )

    async def _body(self, model: type[Shape] | None, request: web.Request) -> Any:
        """A request without a body is one with an empty object."""
        if model is None:
            return None
        raw = await read_body(request, BODY_MOST, self._service.points.clock)
        try:
            return model.model_validate_json(raw or b"{}", strict=True)
        except ValidationError as error:
            raise of_validation(error, "body") from None

    async def _asked(self, operation: Operation, call: Call) -> Answer:
        try:
            return await operation.act(call)
        except Unknown as refusal:
            raise Problem(Kind.UNKNOWN, str(refusal)) from None
        except Forbidden as refusal:
            raise Problem(Kind.FORBIDDEN, str(refusal)) from None
        except Refused as refusal:
            raise Problem(Kind.REFUSED, str(refusal)) from None


def _query(model: type[Shape] | None, request: web.Request) -> Any:
    """A parameter that stands twice is one only where it is a list."""
    given: dict[str, object] = {}
    for name in request.query:
        values = request.query.getall(name)
        many = model is not None and name in model.model_fields and _is_list(model, name)
        if len(values) > 1 and not many:
            raise Problem(Kind.INVALID, "the query cannot be used: see `errors`", errors=[_double(name)])
        given[name] = list(values) if many else values[0]
    if model is None:
        if given:
            errors = [WrongPart(where=name[:100], what="this takes no parameters") for name in given]
            raise Problem(Kind.INVALID, "the query cannot be used: see `errors`", errors=errors)
        return None
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise of_validation(error, "query") from None


def _is_list(model: type[Shape], name: str) -> bool:
    return get_origin(model.model_fields[name].annotation) is tuple


def _double(name: str) -> WrongPart:
    return WrongPart(where=name[:100], what="it stands there more than once")
