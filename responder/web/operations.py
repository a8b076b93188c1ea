"""Operations: what the API can do, as data. One table of them drives both the routing and the description.

An operation is asked with a checked `Call` and answers an `Answer`; who may, how it is read and how it is told of
refusals are the same for all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from responder.engine.commands import Actor, Role
from responder.engine.service import Service
from responder.web.problems import Kind
from responder.web.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`query` and `body` are of the operation's own shapes, None where it has none."""

    service: Service
    actor: Actor
    version: str
    path: Mapping[str, str]
    query: Any
    body: Any


@dataclass(frozen=True, slots=True)
class Answer:
    shape: Shape
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`path` is below /api/v1. `answers`: the shape for each status of success."""

    id: str
    method: str
    path: str
    summary: str
    role: Role
    act: Callable[[Call], Awaitable[Answer]]
    query: type[Shape] | None = None
    body: type[Shape] | None = None
    answers: Mapping[int, type[Shape]] = field(default_factory=dict)
    refusals: tuple[Kind, ...] = ()  # beside those that every operation has

    @property
    def problems(self) -> tuple[int, ...]:
        """Every status that is no success."""
        kinds = [Kind.UNAUTHENTICATED, Kind.FORBIDDEN, Kind.INTERNAL, Kind.UNAVAILABLE, *self.refusals]
        if self.query is not None or self.body is not None:
            kinds.append(Kind.INVALID)
        if self.body is not None:
            kinds += [Kind.TOO_LARGE, Kind.ENCODING]
        return tuple(sorted({kind.status for kind in kinds}))
