"""Problems: every answer that is no success, as RFC 9457 (application/problem+json) has it.

`detail` says what happened and what to do; it never repeats what the caller sent beyond a name, and holds no secret.
Anything may raise `Problem`; `envelope` makes the answer of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import ClassVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from responder.core.errors import Failure, Transient

TYPES = "urn:responder:problem:"
MEDIA = "application/problem+json"
RETRY_AFTER = timedelta(seconds=2)  # where nobody named a better time
ERRORS_MOST = 50  # faults of one request that are listed


class Kind(Enum):
    """What can go wrong: the end of the problem's `type`, its status, its title. Programs may rely on the type."""

    UNREADABLE = "unreadable", 400, "The request cannot be read"
    INVALID = "invalid", 400, "The request makes no sense"
    UNAUTHENTICATED = "unauthenticated", 401, "A valid credential is needed"
    FORBIDDEN = "forbidden", 403, "This is not yours to do"
    UNKNOWN = "unknown", 404, "There is no such thing"
    METHOD = "method", 405, "That cannot be done here"
    REFUSED = "refused", 409, "That makes no sense now"
    TOO_LARGE = "too-large", 413, "The body is too large"
    ENCODING = "encoding", 415, "The body's encoding is not known here"
    HTTP = "http", 400, "The request was not accepted"
    INTERNAL = "internal", 500, "Something broke here"
    UNAVAILABLE = "unavailable", 503, "It cannot be done just now"
    STOPPING = "stopping", 503, "The service is stopping"
    NOT_READY = "not-ready", 503, "The service is not as it should be"

    def __init__(self, code: str, status: int, title: str) -> None:
        self.code = code
        self.status = status
        self.title = title


class WrongPart(BaseModel):
    """One part of the request that is wrong."""

    model_config = ConfigDict(extra="forbid")

    where: str = Field(description="the query parameter, or the path into the body, such as labels.cluster")
    what: str


class ProblemBody(BaseModel):
    """RFC 9457."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description=f"{TYPES}… ; programs may rely on it")
    title: str
    status: int
    detail: str = Field(description="what happened, and what to do")
    errors: list[WrongPart] = Field(
        default_factory=list, description="every part of the request that is wrong"
    )
    request: str = Field(default="", description="the request's id, as it stands in the log")


class Problem(Exception):
    """Ends a request with this answer."""

    media: ClassVar[str] = MEDIA

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        errors: Iterable[WrongPart] = (),
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.status = status or kind.status

    def response(self, request: str = "") -> web.Response:
        """`request`: its id."""
        body = ProblemBody(
            type=TYPES + self.kind.code,
            title=self.kind.title,
            status=self.status,
            detail=self.detail,
            errors=self.errors,
            request=request,
        )
        return web.Response(
            status=self.status,
            body=body.model_dump_json().encode(),
            headers={"Content-Type": MEDIA, "Cache-Control": "no-store", **self.headers},
        )


def unavailable(detail: str, retry_after: timedelta | None = None) -> Problem:
    seconds = max(1, round((retry_after or RETRY_AFTER).total_seconds()))
    return Problem(Kind.UNAVAILABLE, detail, headers={"Retry-After": str(seconds)})


def stopping() -> Problem:
    detail = "the service is stopping; send it again, to another replica or once it is back"
    return Problem(Kind.STOPPING, detail, headers={"Retry-After": str(int(RETRY_AFTER.total_seconds()))})


def of_transient(failure: Transient) -> Problem:
    """The text of a failure names our own insides; it is for the log."""
    what = failure.outward or "what this needs cannot be reached just now"
    return unavailable(f"{what}; send it again", failure.retry_after)


def of_permanent(failure: Failure) -> Problem:
    what = failure.outward or "what this needs is broken; the log says what has to be mended"
    return unavailable(what)


def of_validation(error: ValidationError, what: str) -> Problem:
    """Every fault of a body or a query; what was sent is not repeated."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    parts = [
        WrongPart(where=".".join(str(step) for step in fault["loc"]) or what, what=_said(fault["msg"]))
        for fault in found[:ERRORS_MOST]
    ]
    return Problem(Kind.INVALID, f"the {what} cannot be used: see `errors`", errors=parts)


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")[:300]
