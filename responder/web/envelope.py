"""The envelope of every request: its id, its line in the log, and whatever goes wrong in it as a problem.

No query, no header and no body of a caller is logged; a path is logged as it was encoded, so it is one line.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from responder.core.errors import Failure, Transient
from responder.ports.clock import Clock
from responder.web.problems import Kind, Problem, of_permanent, of_transient

SERVER = "responder"  # without a version: it helps nobody but an attacker
REQUEST_ID = "X-Request-ID"
PATH_MOST = 200  # characters of a path that are logged

_OWN_ID = re.compile(r"[0-9A-Za-z._-]{1,64}", re.ASCII)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger("web")


def envelope(clock: Clock) -> Middleware:
    """Ids are the caller's own where they make one line, else counted from the moment of starting."""
    prefix = f"{int(clock.now().timestamp()):x}"
    numbers = itertools.count(1)

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get(REQUEST_ID, "")
        request_id = given if _OWN_ID.fullmatch(given) else f"{prefix}-{next(numbers)}"
        started = clock.now()
        with structlog.contextvars.bound_contextvars(request=request_id):
            response = await _answered(request, handler, request_id)
            log.debug(
                "answered",
                method=request.method[:20],
                path=request.rel_url.raw_path[:PATH_MOST],
                status=response.status,
                seconds=round((clock.now() - started).total_seconds(), 4),
            )
        response.headers[REQUEST_ID] = request_id
        return response

    return around


async def _answered(request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response(request_id)
    except web.HTTPException as error:
        return _of_http(error).response(request_id)
    except Transient as failure:
        log.warning("unavailable", problem=str(failure))
        return of_transient(failure).response(request_id)
    except Failure as failure:
        log.error("broken", problem=str(failure))
        return of_permanent(failure).response(request_id)
    except Exception as error:  # one request's fault ends that request, and the log has it in full
        log.error("request failed", problem=type(error).__name__, exc_info=error)
        return Problem(Kind.INTERNAL, f"this is our fault; the log has it under {request_id}").response(
            request_id
        )


def _of_http(error: web.HTTPException) -> Problem:
    """aiohttp's own answers: no such path, no such method."""
    match error:
        case web.HTTPNotFound():
            return Problem(Kind.UNKNOWN, "nothing is at this path; /api/openapi.json lists what there is")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            detail = f"this path takes {allowed}"
            return Problem(Kind.METHOD, detail, headers={hdrs.ALLOW: allowed})
        case _:
            return Problem(Kind.HTTP, error.reason or "it was not accepted", status=error.status)


async def sign(_request: web.Request, response: web.StreamResponse) -> None:
    """On every answer, as it is sent."""
    response.headers[hdrs.SERVER] = SERVER
    response.headers["X-Content-Type-Options"] = "nosniff"
