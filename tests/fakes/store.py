"""The store in memory: a unit works on a copy, and the copy becomes the store when the unit commits.

Slow and obviously right. Every record passes the real codec, so that it cannot hold what the real store could not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from itertools import accumulate
from typing import TypeVar

from responder.adapters.storage.codec import Codec
from responder.adapters.storage.journal import CLAIMED_BYTES
from responder.core.alert import Occurrence
from responder.core.decision import DueKind
from responder.core.errors import Conflict, Permanent
from responder.core.identifiers import Fingerprint, IncidentId, JournalId, Kind, PinHash, RecordKey
from responder.core.level import Level
from responder.core.machines.heartbeat import Heartbeat
from responder.core.machines.incident import Incident, Phase
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.core.policy.escalation import Promise
from responder.ports.store import (
    Act,
    Asked,
    AskedAlready,
    AuditLine,
    DueRow,
    KeyTaken,
    NewBody,
    Reader,
    Record,
    Replica,
    Standing,
    Stored,
    StoredBody,
    Summary,
    SummaryQuery,
    Token,
    Unit,
    key_of,
)

T = TypeVar("T")


@dataclass(slots=True)
class _DueEntry:
    row: DueRow
    claimable_at: datetime | None  # None: set aside


@dataclass(slots=True)
class _Contents:
    """Everything there is. The values are frozen or never changed in place, so a copy of each dict is a copy of all."""

    records: dict[RecordKey, Record] = field(
        default_factory=dict
    )  # in the order in which they were first written
    ended: dict[RecordKey, datetime] = field(default_factory=dict)  # records of no incident that are not live
    due: dict[RecordKey, _DueEntry] = field(default_factory=dict)
    summaries: dict[IncidentId, Summary] = field(default_factory=dict)
    occurrences: dict[tuple[Fingerprint, int], Occurrence] = field(default_factory=dict)
    promises: dict[PinHash, Promise] = field(default_factory=dict)
    audit: list[AuditLine] = field(default_factory=list)
    acts: dict[tuple[str, IncidentId, int, str], Act] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    replicas: dict[str, Replica] = field(default_factory=dict)
    bodies: dict[JournalId, StoredBody] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=lambda: {"incident": 0, "body": 0, "audit": 0})

    def copy(self) -> _Contents:
        return _Contents(**{each.name: copy(getattr(self, each.name)) for each in fields(self)})

    def incidents(self) -> list[Incident]:
        return [record for record in self.records.values() if isinstance(record, Incident)]


class MemoryReader:
    def __init__(self, contents: _Contents) -> None:
        self._contents = contents

    async def records(self, keys: Collection[RecordKey]) -> dict[RecordKey, Record]:
        return _among(keys, self._contents.records)

    async def live_records(self, incidents: Collection[IncidentId]) -> dict[IncidentId, list[Record]]:
        found: dict[IncidentId, list[Record]] = {}
        for record in self._contents.records.values():
            if record.is_live and record.incident is not None and record.incident in incidents:
                found.setdefault(record.incident, []).append(record)
        return found

    async def records_of(self, incident: IncidentId, kind: Kind) -> list[Record]:
        return [
            record
            for record in self._contents.records.values()
            if record.incident == incident and kind is record.KIND
        ]

    async def shown_as(self, reference: str) -> IncidentId | None:
        records = self._contents.records.values()
        shown = (one for one in records if isinstance(one, Notice) and one.posted and one.incident)
        return next((one.incident for one in reversed(list(shown)) if one.posted == reference), None)

    async def heartbeats(self) -> list[Heartbeat]:
        return [record for record in self._contents.records.values() if isinstance(record, Heartbeat)]

    async def open_incidents(self, keys: Collection[str]) -> dict[str, IncidentId]:
        live = (incident for incident in self._contents.incidents() if incident.is_live)
        return {incident.key: incident.incident for incident in live if incident.key in keys}

    async def last_occurrences(self, fingerprints: Collection[Fingerprint]) -> dict[Fingerprint, Occurrence]:
        ordered = sorted(self._contents.occurrences.values(), key=lambda occurrence: occurrence.number)
        return _among(fingerprints, {occurrence.fingerprint: occurrence for occurrence in ordered})

    async def occurrences_of(self, incident: IncidentId, limit: int, after: int = 0) -> list[Occurrence]:
        own = [one for one in self._contents.occurrences.values() if one.incident == incident]
        return sorted(own, key=lambda occurrence: occurrence.starts_at)[after : after + limit]

    async def firing(self, after: Fingerprint | None, limit: int) -> dict[Fingerprint, IncidentId]:
        found = {
            one.fingerprint: one.incident
            for one in self._contents.occurrences.values()
            if one.is_open and one.incident is not None and (after is None or one.fingerprint > after)
        }
        return dict(sorted(found.items())[:limit])

    async def hidden_groups(self, limit: int) -> list[str]:
        live = (one for one in self._contents.incidents() if one.is_live)
        return sorted({group for one in live for group in one.hidden})[:limit]

    async def hidden_in(self, group: str) -> list[IncidentId]:
        return sorted(
            one.incident for one in self._contents.incidents() if one.is_live and group in one.hidden
        )

    async def promises(self, pins: Collection[PinHash]) -> dict[PinHash, Promise]:
        return _among(pins, self._contents.promises)

    async def pins_in_use(self) -> dict[PinHash, IncidentId]:
        live = (incident for incident in self._contents.incidents() if incident.is_live)
        return {incident.pin: incident.incident for incident in live}

    async def summaries(self, query: SummaryQuery) -> list[Summary]:
        found = (summary for summary in self._contents.summaries.values() if _matches(summary, query))
        return sorted(found, key=lambda summary: summary.number, reverse=True)[: query.limit]

    async def summary(self, incident: IncidentId) -> Summary | None:
        return self._contents.summaries.get(incident)

    async def counts(self) -> dict[tuple[Level, Standing], int]:
        found: dict[tuple[Level, Standing], int] = {}
        for summary in self._contents.summaries.values():
            if summary.standing is not Standing.CLOSED:
                group = (summary.level, summary.standing)
                found[group] = found.get(group, 0) + 1
        return found

    async def audit_of(self, incident: IncidentId, limit: int, after: int = 0) -> list[AuditLine]:
        return [line for line in self._contents.audit if line.incident == incident and line.id > after][
            :limit
        ]

    async def last_audit_of(self, incident: IncidentId, limit: int) -> list[AuditLine]:
        return [line for line in self._contents.audit if line.incident == incident][-limit:]

    async def next_due(self, kind: DueKind) -> datetime | None:
        moments = (entry.claimable_at for entry in self._contents.due.values() if entry.row.kind is kind)
        return min((moment for moment in moments if moment is not None), default=None)

    async def due_of(self, keys: Collection[RecordKey]) -> dict[RecordKey, DueRow]:
        return {key: entry.row for key, entry in _among(keys, self._contents.due).items()}

    async def overdue(self, kind: DueKind, before: datetime, limit: int) -> list[DueRow]:
        rows = (entry.row for entry in self._contents.due.values())
        found = [row for row in rows if row.kind is kind and row.at < before]
        return sorted(found, key=lambda row: row.at)[:limit]

    async def unanswered_without_due(self, limit: int) -> list[IncidentId]:
        waits = {
            key.id
            for key, entry in self._contents.due.items()
            if key.kind is Kind.ESCALATION and entry.claimable_at
        }
        open_ = (
            one
            for one in self._contents.summaries.values()
            if one.standing in (Standing.OPEN, Standing.SUPPRESSED) and one.level > 1
        )
        found = [summary for summary in open_ if summary.incident not in waits]
        return [summary.incident for summary in sorted(found, key=lambda summary: summary.number)][:limit]

    async def bodies(self, after: JournalId, limit: int) -> list[StoredBody]:
        return [body for id_, body in sorted(self._contents.bodies.items()) if id_ > after][:limit]

    async def set_aside_count(self) -> int:
        return self._count(Stored.SET_ASIDE)

    async def waiting_count(self) -> int:
        return self._count(Stored.WAITING)

    def _count(self, state: Stored) -> int:
        return sum(body.state is state for body in self._contents.bodies.values())

    async def act(self, actor: str, incident: IncidentId, revision: int, verb: str) -> Act | None:
        return self._contents.acts.get((actor, incident, revision, verb))

    async def asked(self, once: str) -> Asked | None:
        return self._contents.asked.get(once)

    async def tokens(self) -> list[Token]:
        return sorted(self._contents.tokens.values(), key=lambda token: (token.created_at, token.id))

    async def token_by_digest(self, digest: str) -> Token | None:
        return next((token for token in self._contents.tokens.values() if token.digest == digest), None)

    async def replicas(self) -> list[Replica]:
        return sorted(self._contents.replicas.values(), key=lambda one: (one.loaded_at, one.id))


class MemoryUnit(MemoryReader):
    """One at a time; all the same it refuses to write over what it has not read, as a unit beside others has to."""

    def __init__(self, contents: _Contents, codec: Codec) -> None:
        super().__init__(contents)
        self._codec = codec
        self.soonest: dict[DueKind, datetime] = {}
        self._read: set[RecordKey] = set()
        self._read_occurrences: set[tuple[Fingerprint, int]] = set()

    async def records(self, keys: Collection[RecordKey]) -> dict[RecordKey, Record]:
        self._read.update(keys)
        return await super().records(keys)

    async def live_records(self, incidents: Collection[IncidentId]) -> dict[IncidentId, list[Record]]:
        found = await super().live_records(incidents)
        self._read.update(key_of(record) for records in found.values() for record in records)
        return found

    async def records_of(self, incident: IncidentId, kind: Kind) -> list[Record]:
        found = await super().records_of(incident, kind)
        self._read.update(map(key_of, found))
        return found

    async def heartbeats(self) -> list[Heartbeat]:
        found = await super().heartbeats()
        self._read.update(map(key_of, found))
        return found

    async def last_occurrences(self, fingerprints: Collection[Fingerprint]) -> dict[Fingerprint, Occurrence]:
        found = await super().last_occurrences(fingerprints)
        self._read_occurrences.update((one.fingerprint, one.number) for one in found.values())
        return found

    async def occurrences_of(self, incident: IncidentId, limit: int, after: int = 0) -> list[Occurrence]:
        found = await super().occurrences_of(incident, limit, after)
        self._read_occurrences.update((one.fingerprint, one.number) for one in found)
        return found

    async def lock(self, incidents: Collection[IncidentId]) -> None:
        """One unit runs at a time."""

    async def append_bodies(self, bodies: Sequence[NewBody]) -> list[JournalId]:
        return [self._append(body) for body in bodies]

    def _append(self, new: NewBody) -> JournalId:
        id_ = JournalId(self._count_up("body"))
        plain = {each.name: getattr(new, each.name) for each in fields(NewBody)}
        self._contents.bodies[id_] = StoredBody(**plain, id=id_, attempts=0, state=Stored.WAITING)
        return id_

    async def claim_bodies(self, limit: int, now: datetime, lease_until: datetime) -> list[StoredBody]:
        free = [
            body
            for id_, body in sorted(self._contents.bodies.items())
            if body.state is Stored.WAITING and (body.lease_until is None or body.lease_until <= now)
        ]
        sizes = accumulate(len(body.body) for body in free)
        fitting = [body for body, size in zip(free, sizes, strict=True) if size <= CLAIMED_BYTES] or free[:1]
        claimed = [
            replace(body, attempts=body.attempts + 1, lease_until=lease_until) for body in fitting[:limit]
        ]
        self._contents.bodies.update((body.id, body) for body in claimed)
        return claimed

    async def still_claimed(self, bodies: Collection[StoredBody]) -> set[JournalId]:
        known = self._contents.bodies
        return {
            body.id
            for body in bodies
            if body.id in known
            and known[body.id].state is Stored.WAITING
            and body.lease_until is not None
            and known[body.id].lease_until == body.lease_until
        }

    async def finish_bodies(self, ids: Collection[JournalId], now: datetime) -> None:
        for id_ in ids:
            self._end(id_, Stored.DONE, "", now)

    async def release_bodies(self, ids: Collection[JournalId]) -> None:
        for id_ in ids:
            self._contents.bodies[id_] = replace(self._contents.bodies[id_], lease_until=None)

    async def return_bodies(self, ids: Collection[JournalId]) -> None:
        await self.release_bodies(ids)
        for id_ in ids:
            body = self._contents.bodies[id_]
            self._contents.bodies[id_] = replace(body, attempts=body.attempts - 1)

    async def set_body_aside(self, body: JournalId, detail: str, now: datetime) -> None:
        self._end(body, Stored.SET_ASIDE, detail, now)

    def _end(self, id_: JournalId, state: Stored, detail: str, now: datetime) -> None:
        self._contents.bodies[id_] = replace(
            self._contents.bodies[id_], state=state, detail=detail, done_at=now, lease_until=None
        )

    async def next_number(self) -> int:
        return self._count_up("incident")

    async def put_record(self, record: Record, now: datetime) -> None:
        if isinstance(record, Incident) and record.is_live:
            holder = (await self.open_incidents([record.key])).get(record.key, record.incident)
            if holder != record.incident:
                raise KeyTaken(f"incident {holder} has the key of {record.incident} and is not closed")
        key = key_of(record)
        if key in self._contents.records and key not in self._read:
            raise Conflict(f"{key} is there, and this unit has not read it")
        self._read.add(key)
        if (due := record.due()) is not None:
            self.soonest[due.kind] = min(due.at, self.soonest.get(due.kind, due.at))
        self._contents.records[key] = self._codec.decode(record.KIND, self._codec.encode(record))
        self._contents.ended.pop(key, None)
        if record.incident is None and not record.is_live:
            self._contents.ended[key] = now
        self._contents.due.pop(key, None)
        if (due := record.due()) is not None:
            row = DueRow(key=key, incident=record.incident, kind=due.kind, at=due.at)
            self._contents.due[key] = _DueEntry(row, due.at)

    async def put_summary(self, summary: Summary) -> None:
        self._contents.summaries[summary.incident] = summary

    async def put_occurrence(self, occurrence: Occurrence) -> None:
        key = occurrence.fingerprint, occurrence.number
        if key in self._contents.occurrences and key not in self._read_occurrences:
            raise Conflict(f"occurrence {key} is there, and this unit has not read it")
        self._read_occurrences.add(key)
        kept = self._codec.decode_occurrence(self._codec.encode_occurrence(occurrence))
        self._contents.occurrences[key] = kept

    async def put_promise(self, promise: Promise) -> None:
        kept = self._codec.decode_promise(self._codec.encode_promise(promise))
        self._contents.promises.setdefault(promise.pin, kept)

    async def put_audit(self, lines: Sequence[AuditLine]) -> None:
        self._contents.audit.extend(replace(line, id=self._count_up("audit")) for line in lines)

    async def put_act(self, act: Act) -> None:
        self._contents.acts[act.actor, act.incident, act.revision, act.verb] = act

    async def put_asked(self, asked: Asked) -> None:
        if asked.once in self._contents.asked:
            raise AskedAlready(f"this was asked of {asked.incident} before")
        self._contents.asked[asked.once] = asked

    async def put_token(self, token: Token) -> None:
        self._contents.tokens[token.id] = token

    async def put_replica(self, replica: Replica) -> None:
        self._contents.replicas[replica.id] = replica

    async def delete_replicas_before(self, moment: datetime) -> None:
        kept = self._contents.replicas
        self._contents.replicas = {key: one for key, one in kept.items() if one.seen_at >= moment}

    async def take_due(self, kind: DueKind, now: datetime, limit: int) -> list[DueRow]:
        entries = [entry for entry in self._contents.due.values() if entry.row.kind is kind]
        ready = [(entry.claimable_at, entry.row.key.id, entry.row) for entry in entries if entry.claimable_at]
        ready = [one for one in ready if one[0] <= now]
        return [row for _, _, row in sorted(ready, key=lambda one: one[:2])][:limit]

    async def postpone_due(self, key: RecordKey, until: datetime) -> None:
        self._fail_due(key, until)

    async def set_due_aside(self, key: RecordKey) -> None:
        self._fail_due(key, None)

    def _fail_due(self, key: RecordKey, until: datetime | None) -> None:
        if (entry := self._contents.due.get(key)) is not None:
            row = replace(entry.row, failures=entry.row.failures + 1)
            self._contents.due[key] = _DueEntry(row, until)

    async def delete_closed_before(self, moment: datetime, limit: int) -> int:
        waiting = {one.row.incident for one in self._contents.due.values() if one.row.kind is DueKind.TIMER}
        closed = [
            one
            for one in self._contents.incidents()
            if one.phase is Phase.CLOSED and one.resolved_at and one.incident not in waiting
        ]
        old = sorted(
            (one.resolved_at, one.incident) for one in closed if one.resolved_at and one.resolved_at < moment
        )
        gone = {incident for _, incident in old[:limit]}
        kept = self._contents
        kept.records = {key: one for key, one in kept.records.items() if one.incident not in gone}
        kept.due = {key: one for key, one in kept.due.items() if one.row.incident not in gone}
        kept.summaries = {key: one for key, one in kept.summaries.items() if key not in gone}
        kept.occurrences = {key: one for key, one in kept.occurrences.items() if one.incident not in gone}
        kept.audit = [line for line in kept.audit if line.incident not in gone]
        kept.acts = {key: act for key, act in kept.acts.items() if act.incident not in gone}
        kept.asked = {once: one for once, one in kept.asked.items() if one.incident not in gone}
        return len(gone)

    async def delete_bodies_before(self, moment: datetime, limit: int) -> int:
        done = (body for body in self._contents.bodies.values() if body.state is Stored.DONE)
        old = sorted((body.done_at, body.id) for body in done if body.done_at and body.done_at < moment)
        return _remove(self._contents.bodies, [id_ for _, id_ in old[:limit]])

    async def delete_occurrences_before(self, moment: datetime, limit: int) -> int:
        stray = ((key, one) for key, one in self._contents.occurrences.items() if one.incident is None)
        old = sorted(
            (one.ends_at, key) for key, one in stray if one.ends_at is not None and one.ends_at < moment
        )
        return _remove(self._contents.occurrences, [key for _, key in old[:limit]])

    async def delete_strays_before(self, moment: datetime, limit: int) -> int:
        there = self._contents
        needed = {_digest_of(record) for record in there.records.values()}
        over = sorted((at, key) for key, at in there.ended.items() if at < moment and key.id not in needed)
        keys = [key for _, key in over[:limit]]
        _remove(there.ended, keys)
        _remove(there.records, keys)
        gone = {key.id for key in keys}
        there.asked = {once: one for once, one in there.asked.items() if one.incident not in gone}
        lines = sorted((one.at, one.id) for one in there.audit if one.incident is None and one.at < moment)
        old = {id_ for _, id_ in lines[: limit - len(keys)]}
        there.audit = [line for line in there.audit if line.id not in old]
        return len(keys) + len(old)

    def _count_up(self, what: str) -> int:
        self._contents.last[what] += 1
        return self._contents.last[what]


class MemoryStore:
    """`codec`: the real one, or a test's."""

    is_exclusive = True

    def __init__(self, codec: Codec | None = None) -> None:
        self._codec = codec or Codec()
        self._contents = _Contents()
        self._turn = asyncio.Lock()
        self._closed = False

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        async with self._turn:
            self._refuse_closed()
            working = self._contents.copy()
            yield MemoryUnit(working, self._codec)
            self._contents = working

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        self._refuse_closed()
        yield MemoryReader(self._contents)

    async def hear(self, ring: Callable[[str], None]) -> None:
        """Nobody else writes."""

    async def close(self) -> None:
        async with self._turn:
            self._closed = True

    def _refuse_closed(self) -> None:
        if self._closed:
            raise Permanent("the store is closed")


K = TypeVar("K")


def _among(wanted: Iterable[K], there: Mapping[K, T]) -> dict[K, T]:
    return {key: there[key] for key in wanted if key in there}


def _digest_of(record: Record) -> str:
    """Which digest carries it, or is shown by it."""
    if isinstance(record, Page):
        return record.digest
    return record.page if isinstance(record, Notice) and record.incident is None else ""


def _remove(there: dict[K, T], keys: Sequence[K]) -> int:
    for key in keys:
        del there[key]
    return len(keys)


def _matches(summary: Summary, query: SummaryQuery) -> bool:
    return (
        (not query.standings or summary.standing in query.standings)
        and (not query.levels or summary.level in query.levels)
        and (not query.rule or summary.rule == query.rule)
        and (not query.holder or summary.holder == query.holder)
        and query.text.casefold() in f"{summary.title}\n{summary.key}".casefold()
        and (query.before is None or summary.number < query.before)
    )
