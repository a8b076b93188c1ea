"""Due work: take the due rows of one kind and let their machines look, a batch a transaction.

`timers` and `outbox` share it. A row whose machine raises is run alone, then postponed, and after three failures set
aside with an alarm; the others of its batch are not held up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import structlog

from responder.core.decision import AlarmKind, AlarmRaised, DueKind, Effect
from responder.core.errors import Transient
from responder.core.identifiers import IncidentId
from responder.engine.batches import together_or_alone
from responder.engine.handle import DUE, Handle
from responder.engine.points import Points
from responder.engine.turn import Turn
from responder.ports.store import DueRow, Unit

FAILURES = 3
POSTPONED = timedelta(seconds=5)

log = structlog.get_logger("due")


class DueWork:
    def __init__(self, points: Points, handle: Handle, kind: DueKind, point: str) -> None:
        self._points = points
        self._handle = handle
        self._kind = kind
        self._point = point

    async def once(self, limit: int) -> tuple[int, list[Effect]]:
        """One batch: how many rows were due, and what is to be done in the world now that it is committed."""
        rows: list[DueRow] = []
        effects: list[Effect] = []
        try:
            async with self._points.unit(self._point) as unit:
                rows = await unit.take_due(self._kind, self._points.clock.now(), limit)
                found = await self._look(unit, rows)
            effects.extend(found)
        except _Spoilt:
            await together_or_alone(rows, lambda some: self._work_again(some, effects), self._set_back)
        return len(rows), effects

    async def _look(self, unit: Unit, rows: Sequence[DueRow]) -> list[Effect]:
        """What the machines of `rows` want done. Raises _Spoilt where one of them raises."""
        await fetch(unit, {row.incident for row in rows if row.incident is not None})
        effects: list[Effect] = []
        for row in rows:
            turn = Turn(unit, self._points.clock.now())
            turn.tell(row.key, DUE[row.key.kind]())
            try:
                await self._handle.finish(turn)
            except Transient:
                raise
            except Exception as problem:
                raise _Spoilt from problem
            effects.extend(turn.effects)
        return effects

    async def _work_again(self, rows: Sequence[DueRow], effects: list[Effect]) -> None:
        async with self._points.unit(self._point) as unit:
            found = await self._look(unit, rows)
        effects.extend(found)

    async def _set_back(self, row: DueRow, problem: Exception) -> None:
        cause = problem.__cause__ or problem
        log.error("due row failed", record=str(row.key), failures=row.failures + 1, exc_info=cause)
        now = self._points.clock.now()
        async with self._points.unit("commit.set_back") as unit:
            if row.failures + 1 < FAILURES:
                await unit.postpone_due(row.key, now + POSTPONED)
                return
            await unit.set_due_aside(row.key)
            turn = Turn(unit, now)
            detail = (
                f"{row.key} failed {FAILURES} times ({type(cause).__name__}: {cause}) and is not tried again"
            )
            turn.emit(AlarmRaised(kind=AlarmKind.SET_ASIDE, subject=str(row.key), detail=detail[:500]))
            await self._handle.finish(turn)
        self._points.metrics.set_aside.labels("due").inc()


async def fetch(unit: Unit, incidents: Collection[IncidentId]) -> None:
    """Lock them, and read all that a batch will look at in one question; the unit remembers the answer."""
    await unit.lock(incidents)
    await unit.live_records(incidents)


class _Spoilt(Exception):
    """A row of the batch raised; nothing of the batch is committed."""
