"""A unit beside others: it locks the incidents whose records it reads, and passes over what others have locked.

What the locks do not cover (a new key, an occurrence, a heartbeat) is seen by the rows' versions and the unique keys
when the unit writes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Sequence as Listed
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Sequence, exists, func, select

from responder.adapters.storage.batch import padded
from responder.adapters.storage.codec import Codec
from responder.adapters.storage.columns import handle
from responder.adapters.storage.connection import Transaction
from responder.adapters.storage.hints import JOURNAL
from responder.adapters.storage.reader import chunks
from responder.adapters.storage.rows import due_of_row
from responder.adapters.storage.tables import NUMBERS, due, incidents
from responder.adapters.storage.unit import SqlUnit
from responder.adapters.storage.writes import Writes
from responder.core.decision import DueKind
from responder.core.identifiers import IncidentId, JournalId
from responder.core.machines.incident import Incident
from responder.ports.store import DueRow, NewBody, Record, key_of

MOST = 128  # numbers fetched at once


@dataclass(slots=True)
class Numbers:
    """Incident numbers that the database has given to this process and no unit has used yet."""

    free: list[int] = field(default_factory=list)


class SharedUnit(SqlUnit):
    """It belongs to one process of several."""

    def __init__(self, transaction: Transaction, codec: Codec, writes: Writes, numbers: Numbers) -> None:
        super().__init__(transaction, codec, writes)
        self._numbers = numbers
        self._taken = 0  # of the numbers
        self._locked: set[IncidentId] = set()
        self._has_bodies = False  # that wait, or wait again

    @property
    def hints(self) -> set[str]:
        """What somebody else may want to look for, once this unit is committed."""
        found = {kind.value for kind in self.soonest}
        return found | {JOURNAL} if self._has_bodies else found

    # Locks

    async def lock(self, incidents: Collection[IncidentId]) -> None:
        await self._keep(incidents)

    async def _keep(self, of: Collection[IncidentId]) -> None:
        """In one order everywhere, so that two units seldom wait for each other; where they do, one has a Conflict."""
        if not (new := sorted(set(of) - self._locked)):
            return
        rows: list[Row[Any]] = []
        for chunk in chunks(new):
            rows.extend(
                await self._by_key(
                    select(incidents.c.incident, incidents.c.key, incidents.c.closed)
                    .where(incidents.c.incident.in_(padded(chunk)))
                    .order_by(incidents.c.incident)
                    .with_for_update()
                )
            )
        self._locked.update(new)
        self._forget_keys({row.incident: row for row in rows}, new)

    def _forget_keys(self, found: Mapping[str, Row[Any]], locked: Collection[IncidentId]) -> None:
        """Who has a key was asked before the lock: where that is not so any more, it is to be asked again."""
        holders = self._seen.holders
        for key, holder in list(holders.items()):
            if holder is not None and holder in locked:
                row = found.get(holder)
                if row is None or row.closed or row.key != handle(key):
                    del holders[key]

    def _glimpse(self, row: Row[Any]) -> Record:
        """Not remembered: its incident is not locked yet, and may be another when it is."""
        record = self._codec.decode(row.kind, row.body)
        return self._seen.records.get(key_of(record)) or record

    # Writes

    async def flush(self) -> None:
        waiting = self._waiting
        # In one order, as with the incidents: these are not locked before they are written.
        waiting.occurrences = dict(sorted(waiting.occurrences.items()))
        waiting.promises = dict(sorted(waiting.promises.items()))
        await super().flush()

    async def put_record(self, record: Record, now: datetime) -> None:
        await super().put_record(record, now)
        if isinstance(record, Incident) and not self._seen.versions.records[key_of(record)]:
            self._locked.add(record.incident)  # our own: nobody else can see it

    async def next_number(self) -> int:
        free = self._numbers.free
        if not free:
            wanted = min(max(self._taken, 1), MOST)
            given = select(Sequence(NUMBERS).next_value()).select_from(func.generate_series(1, wanted))
            rows = await self._by_key(given)
            free.extend(sorted((int(row[0]) for row in rows), reverse=True))
        self._taken += 1
        return free.pop()

    # The journal

    async def append_bodies(self, bodies: Listed[NewBody]) -> list[JournalId]:
        self._has_bodies |= bool(bodies)
        return await super().append_bodies(bodies)

    async def release_bodies(self, ids: Collection[JournalId]) -> None:
        self._has_bodies |= bool(ids)
        await super().release_bodies(ids)

    async def return_bodies(self, ids: Collection[JournalId]) -> None:
        self._has_bodies |= bool(ids)
        await super().return_bodies(ids)

    # Due rows

    async def take_due(self, kind: DueKind, now: datetime, limit: int) -> list[DueRow]:
        """With the incident, where there is one; its own lock and the row's are taken at once, or neither."""
        ready = self._ready(kind, now, limit)
        of_one = ready.join(incidents, incidents.c.incident == due.c.incident)
        found = list(await self._rows(of_one.with_for_update(of=[due, incidents], skip_locked=True)))
        # To look which rows have lost their incident takes time, and can wait until there is some.
        is_busy = len(found) == limit
        without = (
            due.c.incident.is_(None) if is_busy else ~exists().where(incidents.c.incident == due.c.incident)
        )
        found.extend(await self._rows(ready.where(without).with_for_update(of=due, skip_locked=True)))
        rows = sorted(found, key=lambda row: (row.claimable_at, row.record))
        taken = [due_of_row(row) for row in rows[:limit]]
        self._locked.update(row.incident for row in taken if row.incident is not None)
        return taken
