"""Due work: take the due rows of one kind and let their machines look, a batch a transaction.

`timers` and `outbox` share it. A row whose machine raises is run alone, then postponed, and after three failures set
aside with an alarm; the others of its batch are not held up. What becomes of a row depends on the policies, so it is
left alone while another replica's are in force.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from responder.core.decision import AlarmKind, AlarmRaised, DueKind, Effect
from responder.core.delivery import LEASE
from responder.core.errors import FromNewer, Transient
from responder.core.identifiers import IncidentId, RecordKey
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.engine.batches import together_or_alone
from responder.engine.handle import DUE, Handle
from responder.engine.lateness import Lateness
from responder.engine.points import Points
from responder.engine.replicas import Replicas
from responder.engine.turn import Turn
from responder.ports.store import DueRow, Reader, Unit

FAILURES = 3
POSTPONED = timedelta(seconds=5)

log = structlog.get_logger("due")


class DueWork:
    def __init__(self, points: Points, handle: Handle, replicas: Replicas, kind: DueKind, point: str) -> None:
        self._points = points
        self._handle = handle
        self._replicas = replicas
        self._kind = kind
        self._point = point

    async def next_due(self, reader: Reader) -> datetime | None:
        """None also while another's policies are in force: it is after what is due."""
        if self._replicas.stands_by and not await self._replicas.is_in_force(reader):
            return None
        return await reader.next_due(self._kind)

    async def once(self, limit: int) -> tuple[int, list[Effect]]:
        """One batch: how many rows were due, and what is to be done in the world now that it is committed."""
        effects: list[Effect] = []
        try:
            count, found = await self._points.commit(self._point, lambda unit: self._take(unit, limit))
            return count, found
        except _Spoilt as spoilt:
            left: list[DueRow] = []
            again = partial(self._work_again, effects=effects)
            await together_or_alone(spoilt.rows, again, partial(self._set_back, left=left))
            return len(spoilt.rows) - len(left), effects

    async def _take(self, unit: Unit, limit: int) -> tuple[int, list[Effect]]:
        rows = await unit.take_due(self._kind, self._points.clock.now(), limit)
        # Asked behind the taking: what another has written by newer policies is seen no sooner than those.
        if rows and not await self._replicas.is_in_force(unit):
            return 0, []
        return len(rows), await self._look(unit, rows)

    async def _look(self, unit: Unit, rows: Sequence[DueRow]) -> list[Effect]:
        """What the machines of `rows` want done. Raises _Spoilt where one of them raises, or cannot be read."""
        try:
            return await self._tell_due(unit, rows)
        except Transient:
            raise
        except Exception as problem:
            raise _Spoilt(rows) from problem

    async def _tell_due(self, unit: Unit, rows: Sequence[DueRow]) -> list[Effect]:
        await fetch(unit, {row.incident for row in rows if row.incident is not None})
        effects: list[Effect] = []
        held = await self._hold(unit, rows)
        late = Lateness("it waited for its turn; responder was down, or behind with what is due")
        for row in rows:
            if row.key in held:
                continue
            turn = Turn(unit, self._points.clock.now(), is_in_force=True)
            turn.tell(row.key, DUE[row.key.kind]())
            await self._handle.finish(turn)
            late.look(turn, row.at)
            effects.extend(turn.effects)
        await late.tell(unit, self._handle, self._points.clock.now())
        return effects

    async def _hold(self, unit: Unit, rows: Sequence[DueRow]) -> set[RecordKey]:
        """Calls in flight whose leases cannot be said to have ended yet; their rows wait until that can be said."""
        until = self._points.leases_hold_until(LEASE)
        if until is None:
            return set()
        records = await unit.records([row.key for row in rows])
        flying = {
            key
            for key, record in records.items()
            if isinstance(record, Page | Notice) and record.in_flight is not None
        }
        for key in flying:
            await unit.postpone_due(key, until)
        return flying

    async def _work_again(self, rows: Sequence[DueRow], *, effects: list[Effect]) -> None:
        effects.extend(await self._points.commit(self._point, lambda unit: self._look_again(unit, rows)))

    async def _look_again(self, unit: Unit, rows: Sequence[DueRow]) -> list[Effect]:
        """Those that another has not worked off meanwhile."""
        await unit.lock({row.incident for row in rows if row.incident is not None})
        still = await unit.due_of([row.key for row in rows])
        if not await self._replicas.is_in_force(unit):
            return []
        return await self._look(unit, [row for row in rows if still.get(row.key) == row])

    async def _set_back(self, row: DueRow, problem: Exception, *, left: list[DueRow]) -> None:
        """`left`: those that are no trouble of ours, for a newer program beside us works on them."""
        cause = problem.__cause__ or problem
        if isinstance(cause, FromNewer):
            left.append(row)
            return
        log.error("due row failed", record=str(row.key), failures=row.failures + 1, exc_info=cause)
        now = self._points.clock.now()
        if row.failures + 1 < FAILURES:
            await self._points.commit(
                "commit.set_back", lambda unit: unit.postpone_due(row.key, now + POSTPONED)
            )
            return
        detail = f"{row.key} failed {FAILURES} times ({type(cause).__name__}: {cause}) and is not tried again"

        async def set_aside(unit: Unit) -> None:
            await unit.set_due_aside(row.key)
            turn = Turn(unit, now)
            turn.emit(AlarmRaised(kind=AlarmKind.SET_ASIDE, subject=str(row.key), detail=detail[:500]))
            await self._handle.finish(turn)

        await self._points.commit("commit.set_back", set_aside)
        self._points.metrics.set_aside.labels("due").inc()


async def fetch(unit: Unit, incidents: Collection[IncidentId]) -> None:
    """Lock them, and read all that a batch will look at in one question; the unit remembers the answer."""
    await unit.lock(incidents)
    await unit.live_records(incidents)


class _Spoilt(Exception):
    """A row of the batch raised; nothing of the batch is committed."""

    def __init__(self, rows: Sequence[DueRow]) -> None:
        super().__init__(f"{len(rows)} rows")
        self.rows = rows
