"""A unit of work on SQL: reads remember what they saw, writes wait, and go to the database together.

What was read or written under its key is answered from memory; any other question first flushes what waits. So a unit
over many incidents costs a few round trips, not a few for each. The database's own dialect stays outside (`Writes`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, overload

from sqlalchemy import Column, Connection, Delete, Row, Select, delete, exists, select, true, update

from responder.adapters.storage import journal as journaled
from responder.adapters.storage.codec import Codec
from responder.adapters.storage.connection import Transaction
from responder.adapters.storage.reader import SqlReader, chunks, due_among, is_understood
from responder.adapters.storage.rows import due_of_row
from responder.adapters.storage.tables import (
    INCIDENTS,
    acts,
    asked,
    audit,
    counters,
    due,
    hidden,
    incidents,
    journal,
    occurrences,
    records,
    replicas,
    summaries,
)
from responder.adapters.storage.waiting import Versions, Waiting
from responder.adapters.storage.writes import Writes
from responder.core.alert import Occurrence
from responder.core.decision import DueKind
from responder.core.identifiers import (
    Fingerprint,
    IncidentId,
    JournalId,
    Kind,
    PinHash,
    RecordKey,
    incident_of,
)
from responder.core.machines.incident import Incident
from responder.core.policy.escalation import Promise
from responder.ports.store import (
    Act,
    Asked,
    AskedAlready,
    AuditLine,
    DueRow,
    KeyTaken,
    NewBody,
    Record,
    Replica,
    Stored,
    StoredBody,
    Summary,
    Token,
    key_of,
)


@dataclass(slots=True)
class _Seen:
    """What this unit has read or written; None: looked for, and not there."""

    records: dict[RecordKey, Record | None] = field(default_factory=dict)
    members: dict[IncidentId, dict[RecordKey, None]] = field(default_factory=dict)  # an incident's records
    complete: set[IncidentId] = field(default_factory=set)  # whose `members` hold every live one
    holders: dict[str, IncidentId | None] = field(default_factory=dict)  # incident key -> who has it
    summaries: dict[IncidentId, Summary | None] = field(default_factory=dict)
    newest: dict[Fingerprint, Occurrence | None] = field(default_factory=dict)
    written: dict[Fingerprint, Occurrence] = field(default_factory=dict)  # the newest of this unit's own
    hides: bool | None = None  # the database had a hidden group at all, as it seldom has
    hidden: dict[str, list[IncidentId]] = field(default_factory=dict)  # as the database had them
    incidents: dict[IncidentId, Incident] = field(default_factory=dict)  # written
    promises: dict[PinHash, Promise | None] = field(default_factory=dict)
    versions: Versions = field(default_factory=Versions)


class SqlUnit(SqlReader):
    """A reader whose answers include its own writes."""

    def __init__(self, transaction: Transaction, codec: Codec, writes: Writes) -> None:
        super().__init__(transaction, codec)
        self._writes = writes
        self._waiting = Waiting()
        self._seen = _Seen()
        self._number: int | None = None
        self.soonest: dict[DueKind, datetime] = {}

    async def flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, Waiting()
            versions = self._seen.versions
            versions.raise_for(waiting)
            await self._transaction.write(waiting.statements(self._writes, self._codec, versions))

    async def _rows(
        self, statement: Select[Any], given: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        await self.flush()
        return await super()._rows(statement, given)

    # Reads under a key: once each

    async def records(self, keys: Collection[RecordKey]) -> dict[RecordKey, Record]:
        seen = self._seen.records
        if unknown := [key for key in keys if key not in seen]:
            await self._keep({incident for key in unknown if (incident := incident_of(key)) is not None})
            loaded = await super().records(unknown)
            seen.update((key, loaded.get(key)) for key in unknown)
        return {key: record for key in keys if (record := seen[key]) is not None}

    async def live_records(self, incidents: Collection[IncidentId]) -> dict[IncidentId, list[Record]]:
        seen = self._seen
        if unknown := [incident for incident in incidents if incident not in seen.complete]:
            await self._keep(unknown)
            for incident, loaded in (await super().live_records(unknown)).items():
                in_order = dict.fromkeys(map(key_of, loaded))
                seen.members[incident] = in_order | seen.members.get(incident, {})
            seen.complete.update(unknown)
        return {incident: live for incident in incidents if (live := self._live_members(incident))}

    def _live_members(self, incident: IncidentId) -> list[Record]:
        known = (self._seen.records[key] for key in self._seen.members.get(incident, ()))
        return [record for record in known if record is not None and record.is_live]

    async def open_incidents(self, keys: Collection[str]) -> dict[str, IncidentId]:
        holders = self._seen.holders
        if unknown := [key for key in keys if key not in holders]:
            loaded = await super().open_incidents(unknown)
            holders.update((key, loaded.get(key)) for key in unknown)
        return {key: holder for key in keys if (holder := holders[key]) is not None}

    async def last_occurrences(self, fingerprints: Collection[Fingerprint]) -> dict[Fingerprint, Occurrence]:
        newest = self._seen.newest
        if unknown := [fingerprint for fingerprint in fingerprints if fingerprint not in newest]:
            loaded = await super().last_occurrences(unknown)
            for fingerprint in unknown:
                newest[fingerprint] = _newer(loaded.get(fingerprint), self._seen.written.get(fingerprint))
        return {known: last for known in fingerprints if (last := newest[known]) is not None}

    async def hidden_in(self, group: str) -> list[IncidentId]:
        stored, written = self._seen.hidden, self._seen.incidents
        if self._seen.hides is None:
            self._seen.hides = bool(await self._by_key(select(hidden.c.incident).limit(1)))
        if group not in stored:
            stored[group] = await super().hidden_in(group) if self._seen.hides else []
        own = [id_ for id_, incident in written.items() if incident.is_live and group in incident.hidden]
        return sorted([*own, *(id_ for id_ in stored[group] if id_ not in written)])

    async def promises(self, pins: Collection[PinHash]) -> dict[PinHash, Promise]:
        seen = self._seen.promises
        if unknown := [pin for pin in pins if pin not in seen]:
            loaded = await super().promises(unknown)
            seen.update((pin, loaded.get(pin)) for pin in unknown)
        return {pin: promise for pin in pins if (promise := seen[pin]) is not None}

    async def summary(self, incident: IncidentId) -> Summary | None:
        seen = self._seen.summaries
        if incident not in seen:
            seen[incident] = await super().summary(incident)
        return seen[incident]

    async def act(self, actor: str, incident: IncidentId, revision: int, verb: str) -> Act | None:
        own = self._waiting.acts.get((actor, incident, revision, verb))
        return own or await super().act(actor, incident, revision, verb)

    async def asked(self, once: str) -> Asked | None:
        return self._waiting.asked.get(once) or await super().asked(once)

    async def records_of(self, incident: IncidentId, kind: Kind) -> list[Record]:
        await self._keep([incident])
        return await super().records_of(incident, kind)

    def _record(self, row: Row[Any]) -> Record:
        """The record as this unit knows it: what it wrote itself is newer than what comes from the database."""
        record = super()._record(row)
        key = key_of(record)
        known = self._seen.records.setdefault(key, record)
        self._seen.versions.records.setdefault(key, row.version)
        return record if known is None else known

    def _occurrence(self, row: Row[Any]) -> Occurrence:
        occurrence = super()._occurrence(row)
        self._seen.versions.occurrences.setdefault((occurrence.fingerprint, occurrence.number), row.version)
        return occurrence

    async def _keep(self, incidents: Collection[IncidentId]) -> None:
        """Records of these are about to be read; see that they stay so. Where one unit runs at a time, they do."""

    # Writes

    async def lock(self, incidents: Collection[IncidentId]) -> None:
        """Nothing to do where one unit runs at a time."""

    async def next_number(self) -> int:
        if self._number is None:
            statement = select(counters.c.value).where(counters.c.name == INCIDENTS).with_for_update()
            rows = await self._by_key(statement)
            self._number = int(rows[0].value) if rows else 0
        self._number += 1
        self._waiting.number = self._number
        return self._number

    async def put_record(self, record: Record, now: datetime) -> None:
        key = key_of(record)
        self._seen.versions.records.setdefault(key, 0)
        if isinstance(record, Incident):
            await self._take_key(record)
            self._seen.incidents[record.incident] = record
        if (due := record.due()) is not None:
            self.soonest[due.kind] = min(due.at, self.soonest.get(due.kind, due.at))
        self._waiting.records[key] = record
        self._waiting.written_at[key] = now
        self._seen.records[key] = record
        if record.incident is not None:
            self._seen.members.setdefault(record.incident, {})[key] = None

    async def _take_key(self, incident: Incident) -> None:
        holders = self._seen.holders
        before = self._seen.records.get(key_of(incident))
        assert before is None or isinstance(before, Incident)
        if incident.is_live:
            if before is not None and before.is_live:
                holders.setdefault(before.key, incident.incident)
            holder = (await self.open_incidents([incident.key])).get(incident.key, incident.incident)
            if holder != incident.incident:
                raise KeyTaken(f"incident {holder} has the key of {incident.incident} and is not closed")
        if before is not None and holders.get(before.key) == incident.incident:
            holders[before.key] = None
        if incident.is_live:
            holders[incident.key] = incident.incident

    async def put_summary(self, summary: Summary) -> None:
        self._waiting.summaries[summary.incident] = summary
        self._seen.summaries[summary.incident] = summary

    async def put_occurrence(self, occurrence: Occurrence) -> None:
        fingerprint = occurrence.fingerprint
        self._seen.versions.occurrences.setdefault((fingerprint, occurrence.number), 0)
        self._waiting.occurrences[fingerprint, occurrence.number] = occurrence
        own = _newer(self._seen.written.get(fingerprint), occurrence)
        self._seen.written[fingerprint] = own
        if fingerprint in self._seen.newest:
            self._seen.newest[fingerprint] = _newer(self._seen.newest[fingerprint], own)

    async def put_promise(self, promise: Promise) -> None:
        self._waiting.promises[promise.pin] = promise
        self._seen.promises[promise.pin] = promise

    async def put_audit(self, lines: Sequence[AuditLine]) -> None:
        self._waiting.audit.extend(lines)

    async def put_act(self, act: Act) -> None:
        self._waiting.acts[act.actor, act.incident, act.revision, act.verb] = act

    async def put_asked(self, asked: Asked) -> None:
        if await self.asked(asked.once) is not None:
            raise AskedAlready(f"this was asked of {asked.incident} before")
        self._waiting.asked[asked.once] = asked

    async def put_token(self, token: Token) -> None:
        self._waiting.tokens[token.id] = token

    async def put_replica(self, replica: Replica) -> None:
        self._waiting.replicas[replica.id] = replica

    async def delete_replicas_before(self, moment: datetime) -> None:
        await self.flush()
        await self._delete(delete(replicas).where(replicas.c.seen_at < moment))

    # The journal

    async def append_bodies(self, bodies: Sequence[NewBody]) -> list[JournalId]:
        return await self._transaction.run(journaled.append(self._writes, bodies)) if bodies else []

    async def claim_bodies(self, limit: int, now: datetime, lease_until: datetime) -> list[StoredBody]:
        return await self._transaction.run(journaled.claim(self._writes, limit, now, lease_until))

    async def still_claimed(self, bodies: Collection[StoredBody]) -> set[JournalId]:
        return await self._transaction.run(journaled.still_claimed(bodies)) if bodies else set()

    async def finish_bodies(self, ids: Collection[JournalId], now: datetime) -> None:
        rows = [{"of_id": id_, "at": now, "why": ""} for id_ in ids]
        await self._transaction.write([(self._writes.finish, rows)])

    async def release_bodies(self, ids: Collection[JournalId]) -> None:
        await self._transaction.write([(self._writes.release, [{"of_id": id_} for id_ in ids])])

    async def return_bodies(self, ids: Collection[JournalId]) -> None:
        await self._transaction.write([(self._writes.give_back, [{"of_id": id_} for id_ in ids])])

    async def set_body_aside(self, body: JournalId, detail: str, now: datetime) -> None:
        rows = [{"of_id": body, "at": now, "why": detail}]
        await self._transaction.write([(self._writes.set_aside, rows)])

    # Due rows

    async def take_due(self, kind: DueKind, now: datetime, limit: int) -> list[DueRow]:
        return [due_of_row(row) for row in await self._rows(self._ready(kind, now, limit))]

    def _ready(self, kind: DueKind, now: datetime, limit: int) -> Select[Any]:
        return (
            select(due)
            .where(due.c.kind == kind.value, due.c.claimable_at <= now)
            .where(is_understood(self._codec.versions))
            .order_by(due.c.claimable_at, due.c.record)
            .limit(limit)
        )

    async def postpone_due(self, key: RecordKey, until: datetime) -> None:
        await self._fail_due(key, until)

    async def set_due_aside(self, key: RecordKey) -> None:
        await self._fail_due(key, None)

    async def _fail_due(self, key: RecordKey, until: datetime | None) -> None:
        await self._keep([incident for incident in [incident_of(key)] if incident is not None])
        await self.flush()
        failed = update(due).where(due_among([key])).values(claimable_at=until, failures=due.c.failures + 1)
        await self._transaction.run(lambda connection: connection.execute(failed))

    # Retention

    async def delete_closed_before(self, moment: datetime, limit: int) -> int:
        is_due = exists().where(
            due.c.record_kind == records.c.kind,
            due.c.record == records.c.id,
            due.c.kind == DueKind.TIMER.value,
        )
        waits = exists().where(records.c.incident == incidents.c.incident, is_due)
        closed = (
            select(incidents.c.incident)
            .where(incidents.c.closed == true(), incidents.c.resolved_at < moment, ~waits)
            .order_by(incidents.c.resolved_at)
            .limit(limit)
            .with_for_update(of=incidents, skip_locked=True)
        )
        ids = [row.incident for row in await self._rows(closed)]

        def work(connection: Connection) -> None:
            for chunk in chunks(ids):
                for table in (records, incidents, summaries, occurrences, audit, acts, asked):
                    connection.execute(delete(table).where(table.c.incident.in_(chunk)))

        await self._transaction.run(work)
        self._seen = _Seen()
        return len(ids)

    async def delete_bodies_before(self, moment: datetime, limit: int) -> int:
        over = (
            select(journal.c.id)
            # An equality would make SQLite take the index of the states, and sort all that is done.
            .where(journal.c.done_at < moment, journal.c.state != Stored.SET_ASIDE.value)
            .order_by(journal.c.done_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return await self._delete_those(journal.c.id, over)

    async def delete_occurrences_before(self, moment: datetime, limit: int) -> int:
        await self.flush()
        stray = (
            select(occurrences.c.seq)
            .where(occurrences.c.incident.is_(None), occurrences.c.ends_at < moment)
            .order_by(occurrences.c.ends_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        self._seen = _Seen()
        return await self._delete_those(occurrences.c.seq, stray)

    async def delete_strays_before(self, moment: datetime, limit: int) -> int:
        found = await self._delete_records_before(moment, limit)
        lines = (
            select(audit.c.id)
            .where(audit.c.incident.is_(None), audit.c.at < moment)
            .order_by(audit.c.at)
            .limit(limit - found)
            .with_for_update(skip_locked=True)
        )
        return found + await self._delete_those(audit.c.id, lines)

    async def _delete_records_before(self, moment: datetime, limit: int) -> int:
        """Those of no incident."""
        other = records.alias()
        over = (
            select(records.c.seq, records.c.id)
            .where(records.c.ended_at < moment, ~exists().where(other.c.digest == records.c.id))
            .order_by(records.c.ended_at)
            .limit(limit)
            .with_for_update(of=records, skip_locked=True)
        )
        found = await self._rows(over)
        for some in chunks(found):
            await self._delete(delete(records).where(records.c.seq.in_([row.seq for row in some])))
            await self._delete(delete(asked).where(asked.c.incident.in_([row.id for row in some])))
        self._seen = _Seen()
        return len(found)

    async def _delete_those(self, key: Column[int], those: Select[Any]) -> int:
        """In two steps: what somebody else has locked is passed over, and what is deleted is what was locked."""
        found = [row[0] for row in await self._transaction.rows(those)]
        return sum([await self._delete(delete(key.table).where(key.in_(some))) for some in chunks(found)])

    async def _delete(self, statement: Delete) -> int:
        return await self._transaction.run(lambda connection: connection.execute(statement).rowcount)


@overload
def _newer(one: Occurrence | None, other: Occurrence) -> Occurrence: ...
@overload
def _newer(one: Occurrence | None, other: Occurrence | None) -> Occurrence | None: ...
def _newer(one: Occurrence | None, other: Occurrence | None) -> Occurrence | None:
    if one is None or other is None:
        return one or other
    return one if one.number > other.number else other
