"""What the tests of the store do again and again."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime, timedelta

import pytest

from responder.core.decision import DueKind
from responder.core.identifiers import JournalId
from responder.core.machines import heartbeat as heartbeats
from responder.core.machines import incident as incidents
from responder.ports.store import (
    Record,
    Store,
    StoredBody,
    Summary,
    Unit,
    key_of,
)
from tests.builders import (
    MINUTE,
    NOON,
    body,
    heartbeat,
    incident,
)

SECOND = timedelta(seconds=1)


async def put(store: Store, *records: Record) -> None:
    """Whatever stood there before."""
    async with store.unit() as unit:
        await unit.records([key_of(record) for record in records])
        for record in records:
            await unit.put_record(record, NOON)


async def put_summaries(store: Store, *summaries: Summary) -> None:
    async with store.unit() as unit:
        for one in summaries:
            await unit.put_summary(one)


async def append(store: Store, *texts: bytes) -> list[JournalId]:
    async with store.unit() as unit:
        return await unit.append_bodies([body(text) for text in texts])


async def claim(store: Store, limit: int = 10, now: datetime = NOON) -> list[StoredBody]:
    async with store.unit() as unit:
        return await unit.claim_bodies(limit, now, now + MINUTE)


async def take(
    store: Store, kind: DueKind = DueKind.TIMER, now: datetime = NOON, limit: int = 10
) -> list[str]:
    async with store.unit() as unit:
        return [row.key.id for row in await unit.take_due(kind, now, limit)]


def closed(id_: str, resolved_at: datetime = NOON) -> incidents.Incident:
    return incident(id_, phase=incidents.Phase.CLOSED, resolved_at=resolved_at, firing=0)


def beating(name: str, last_at: datetime) -> heartbeats.Heartbeat:
    """Due a quarter of an hour after `last_at`."""
    return heartbeat(name, phase=heartbeats.Phase.BEATING, last_at=last_at)


class Broken(Exception):
    pass


async def fail_after(store: Store, work: Callable[[Unit], Awaitable[object]]) -> None:
    async def failing() -> None:
        async with store.unit() as unit:
            await work(unit)
            raise Broken

    with pytest.raises(Broken):
        await failing()


@types.coroutine
def turn() -> Generator[None, None, None]:
    """One turn of the event loop."""
    yield


async def turns(count: int) -> None:
    for _ in range(count):
        await turn()
