"""Every read of the port, as SQL that SQLite and PostgreSQL share; it knows of no unit, and caches nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
    tuple_,
    union_all,
)

from responder.adapters.storage.batch import padded
from responder.adapters.storage.codec import Codec
from responder.adapters.storage.columns import handle
from responder.adapters.storage.connection import Transaction
from responder.adapters.storage.escapes import MARK
from responder.adapters.storage.rows import (
    act_of_row,
    asked_of_row,
    audit_of_row,
    body_of_row,
    due_of_row,
    replica_of_row,
    summary_of_row,
    token_of_row,
)
from responder.adapters.storage.tables import (
    acts,
    asked,
    audit,
    bodies,
    due,
    hidden,
    incidents,
    journal,
    occurrences,
    promises,
    records,
    replicas,
    summaries,
    tokens,
)
from responder.core.alert import Occurrence
from responder.core.decision import DueKind
from responder.core.identifiers import Fingerprint, IncidentId, JournalId, Kind, PinHash, RecordKey
from responder.core.level import Level
from responder.core.machines.heartbeat import Heartbeat
from responder.core.machines.incident import Incident
from responder.core.policy.escalation import Promise
from responder.ports.store import (
    Act,
    Asked,
    AuditLine,
    DueRow,
    Record,
    Replica,
    Standing,
    Stored,
    StoredBody,
    Summary,
    SummaryQuery,
    Token,
    key_of,
)

T = TypeVar("T")

RECORD = (records.c.kind, records.c.body, records.c.version)
OCCURRENCE = (occurrences.c.body, occurrences.c.version)

CHUNK = 500  # values in one IN list; SQLite of old took no more than 999 parameters


def chunks(values: Collection[T], size: int = CHUNK) -> Iterator[list[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def due_among(keys: Sequence[RecordKey]) -> ColumnElement[bool]:
    return _by_kind(keys, due.c.record_kind, due.c.record)


def _by_kind(
    keys: Sequence[RecordKey], kind: ColumnElement[str], id_: ColumnElement[str]
) -> ColumnElement[bool]:
    """One IN list a kind, which an index on (kind, id) serves."""
    ids: dict[Kind, list[str]] = {}
    for key in keys:
        ids.setdefault(key.kind, []).append(key.id)
    return or_(*(and_(kind == of.value, id_.in_(padded(some))) for of, some in ids.items()))


def is_understood(versions: Mapping[str, int]) -> ColumnElement[bool]:
    """Due rows whose record is of a kind, and of a shape, that this program knows."""
    kinds = {kind.value: versions[kind] for kind in Kind}
    return due.c.needs <= case(kinds, value=due.c.record_kind)


# What every message asks, put together once: to do so takes longer than the database's own work on it.
_RECORDS_OF = (
    select(*RECORD)
    .where(records.c.incident == bindparam("of"), records.c.kind == bindparam("of_kind"))
    .order_by(records.c.seq)
)
_OCCURRENCES_OF = (
    select(*OCCURRENCE)
    .where(occurrences.c.incident == bindparam("of"))
    .order_by(occurrences.c.starts_at, occurrences.c.seq)
    .limit(bindparam("most"))
    .offset(bindparam("after"))
)


@lru_cache(maxsize=64)
def _records_of_kinds(kinds: tuple[Kind, ...]) -> Select[Any]:
    """One IN list a kind, bound under its name, which the index on (kind, id) serves."""
    lists = (records.c.id.in_(bindparam(kind.value, expanding=True)) for kind in kinds)
    among = (and_(records.c.kind == kind.value, one) for kind, one in zip(kinds, lists, strict=True))
    return select(*RECORD).where(or_(*among))


@lru_cache(maxsize=64)
def _soonest(kind: DueKind, versions: tuple[tuple[str, int], ...]) -> Select[Any]:
    """Asked again and again by every loop, so it is put together once."""
    return (
        select(due.c.claimable_at)
        .where(due.c.kind == kind.value, due.c.claimable_at.is_not(None))
        .where(is_understood(dict(versions)))
        .order_by(due.c.claimable_at)
        .limit(1)
    )


_UNANSWERED = (Standing.OPEN.value, Standing.SUPPRESSED.value)


class SqlReader:
    """`codec`: what makes records of the stored text."""

    def __init__(self, transaction: Transaction, codec: Codec) -> None:
        self._transaction = transaction
        self._codec = codec

    async def _rows(
        self, statement: Select[Any], given: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        return await self._transaction.rows(statement, given)

    async def _by_key(
        self, statement: Select[Any], given: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """The same, for a question whose answer a unit mends by what it has written itself."""
        return await self._transaction.rows(statement, given)

    def _record(self, row: Row[Any]) -> Record:
        return self._codec.decode(row.kind, row.body)

    def _glimpse(self, row: Row[Any]) -> Record:
        """The same, for a record that is not what was asked for, and of which nothing is told but its name."""
        return self._record(row)

    def _occurrence(self, row: Row[Any]) -> Occurrence:
        return self._codec.decode_occurrence(row.body)

    async def records(self, keys: Collection[RecordKey]) -> dict[RecordKey, Record]:
        found: dict[RecordKey, Record] = {}
        for chunk in chunks(keys):
            ids: dict[Kind, list[str]] = {}
            for key in chunk:
                ids.setdefault(key.kind, []).append(key.id)
            given = {kind.value: padded(some) for kind, some in ids.items()}
            for row in await self._by_key(_records_of_kinds(tuple(ids)), given):
                record = self._record(row)
                found[key_of(record)] = record
        return found

    async def live_records(self, incidents: Collection[IncidentId]) -> dict[IncidentId, list[Record]]:
        found: dict[IncidentId, list[Record]] = {}
        for chunk in chunks(incidents):
            live = records.c.incident.in_(padded(chunk)) & records.c.live.is_(True)
            statement = select(*RECORD, records.c.incident).where(live).order_by(records.c.seq)
            for row in await self._by_key(statement):
                found.setdefault(row.incident, []).append(self._record(row))
        return found

    async def records_of(self, incident: IncidentId, kind: Kind) -> list[Record]:
        given = {"of": incident, "of_kind": kind.value}
        return [self._record(row) for row in await self._rows(_RECORDS_OF, given)]

    async def shown_as(self, reference: str) -> IncidentId | None:
        statement = (
            select(records.c.incident)
            .where(records.c.shown == reference, records.c.incident.is_not(None))
            .order_by(records.c.seq.desc())
            .limit(1)
        )
        rows = await self._rows(statement)
        return IncidentId(rows[0].incident) if rows else None

    async def heartbeats(self) -> list[Heartbeat]:
        statement = select(*RECORD).where(records.c.kind == Kind.HEARTBEAT.value).order_by(records.c.seq)
        return [cast(Heartbeat, self._record(row)) for row in await self._rows(statement)]

    async def open_incidents(self, keys: Collection[str]) -> dict[str, IncidentId]:
        # The column holds a digest where a key is long, so the key itself is read from the record.
        found: dict[str, IncidentId] = {}
        for chunk in chunks(keys):
            statement = (
                select(*RECORD)
                .join(
                    incidents,
                    and_(records.c.kind == Kind.INCIDENT.value, records.c.id == incidents.c.incident),
                )
                .where(incidents.c.key.in_(padded(chunk)), incidents.c.closed == false())
            )
            for row in await self._by_key(statement):
                incident = cast(Incident, self._glimpse(row))
                if incident.is_live and incident.key in chunk:  # a unit may have written it meanwhile
                    found[incident.key] = incident.incident
        return found

    async def last_occurrences(self, fingerprints: Collection[Fingerprint]) -> dict[Fingerprint, Occurrence]:
        found: dict[Fingerprint, Occurrence] = {}
        for chunk in chunks(fingerprints):
            newest = (
                select(occurrences.c.fingerprint, func.max(occurrences.c.number))
                .where(occurrences.c.fingerprint.in_(padded(chunk)))
                .group_by(occurrences.c.fingerprint)
            )
            statement = select(*OCCURRENCE).where(
                tuple_(occurrences.c.fingerprint, occurrences.c.number).in_(newest)
            )
            for row in await self._by_key(statement):
                occurrence = self._occurrence(row)
                found[occurrence.fingerprint] = occurrence
        return found

    async def occurrences_of(self, incident: IncidentId, limit: int, after: int = 0) -> list[Occurrence]:
        given = {"of": incident, "most": limit, "after": after}
        return [self._occurrence(row) for row in await self._rows(_OCCURRENCES_OF, given)]

    async def firing(self, after: Fingerprint | None, limit: int) -> dict[Fingerprint, IncidentId]:
        statement = (
            select(occurrences.c.fingerprint, occurrences.c.incident)
            .where(occurrences.c.ends_at.is_(None), occurrences.c.incident.is_not(None))
            .order_by(occurrences.c.fingerprint)
            .limit(limit)
        )
        if after is not None:
            statement = statement.where(occurrences.c.fingerprint > after)
        rows = await self._rows(statement)
        return {Fingerprint(row.fingerprint): IncidentId(row.incident) for row in rows}

    async def hidden_groups(self, limit: int) -> list[str]:
        grouped = select(hidden.c.group, func.min(hidden.c.incident).label("incident")).group_by(
            hidden.c.group
        )
        rows = await self._rows(grouped.order_by(hidden.c.group).limit(limit))
        # Of what a handle cannot show, the words are read from a record of one that has it.
        asked = [RecordKey(Kind.INCIDENT, row.incident) for row in rows if MARK in row.group]
        having = cast(Iterable[Incident], (await self.records(asked)).values())
        words = {handle(group): group for incident in having for group in incident.hidden}
        return [words[row.group] if MARK in row.group else row.group for row in rows]

    async def hidden_in(self, group: str) -> list[IncidentId]:
        statement = select(hidden.c.incident).where(hidden.c.group == group).order_by(hidden.c.incident)
        return [IncidentId(row.incident) for row in await self._by_key(statement)]

    async def promises(self, pins: Collection[PinHash]) -> dict[PinHash, Promise]:
        found: dict[PinHash, Promise] = {}
        for chunk in chunks(pins):
            for row in await self._by_key(select(promises).where(promises.c.pin.in_(padded(chunk)))):
                found[PinHash(row.pin)] = self._codec.decode_promise(row.body)
        return found

    async def pins_in_use(self) -> dict[PinHash, IncidentId]:
        statement = (
            select(incidents.c.pin, func.min(incidents.c.incident).label("incident"))
            .where(incidents.c.closed == false())
            .group_by(incidents.c.pin)
        )
        return {PinHash(row.pin): IncidentId(row.incident) for row in await self._rows(statement)}

    async def summaries(self, query: SummaryQuery) -> list[Summary]:
        newest = summaries.c.number.desc()
        statement = select(summaries).order_by(newest).limit(query.limit)
        if query.standings and not query.rule:
            # Each pair of standing and level is in order in the index, so nothing is read that is not among its newest.
            parts = [
                select(_some(query, standing, level).order_by(newest).limit(query.limit).subquery().c.number)
                for standing in query.standings
                for level in query.levels or Level
            ]
            statement = statement.where(summaries.c.number.in_(union_all(*parts)))
        else:
            statement = statement.where(*_conditions(query))
        return [summary_of_row(row) for row in await self._rows(statement)]

    async def summary(self, incident: IncidentId) -> Summary | None:
        rows = await self._by_key(select(summaries).where(summaries.c.incident == incident))
        return summary_of_row(rows[0]) if rows else None

    async def counts(self) -> dict[tuple[Level, Standing], int]:
        statement = (
            select(summaries.c.level, summaries.c.standing, func.count().label("how_many"))
            .where(summaries.c.standing.in_(_not_closed()))
            .group_by(summaries.c.level, summaries.c.standing)
        )
        return {
            (Level(row.level), Standing(row.standing)): row.how_many for row in await self._rows(statement)
        }

    async def audit_of(self, incident: IncidentId, limit: int, after: int = 0) -> list[AuditLine]:
        statement = (
            select(audit)
            .where(audit.c.incident == incident, audit.c.id > after)
            .order_by(audit.c.id)
            .limit(limit)
        )
        return [audit_of_row(row) for row in await self._rows(statement)]

    async def last_audit_of(self, incident: IncidentId, limit: int) -> list[AuditLine]:
        newest_first = select(audit).where(audit.c.incident == incident).order_by(audit.c.id.desc())
        return [audit_of_row(row) for row in reversed(await self._rows(newest_first.limit(limit)))]

    async def next_due(self, kind: DueKind) -> datetime | None:
        rows = await self._rows(_soonest(kind, tuple(self._codec.versions.items())))
        return cast(datetime, rows[0].claimable_at) if rows else None

    async def due_of(self, keys: Collection[RecordKey]) -> dict[RecordKey, DueRow]:
        found: dict[RecordKey, DueRow] = {}
        for chunk in chunks(keys):
            for row in await self._rows(select(due).where(due_among(chunk))):
                one = due_of_row(row)
                found[one.key] = one
        return found

    async def overdue(self, kind: DueKind, before: datetime, limit: int) -> list[DueRow]:
        # Two questions, each answered by an index: a row that never failed is claimable when it is due.
        ordered = select(due).where(due.c.kind == kind.value).limit(limit)
        fresh = ordered.where(due.c.failures == 0, due.c.claimable_at < before).order_by(due.c.claimable_at)
        failed = ordered.where(due.c.failures > 0, due.c.at < before).order_by(due.c.at)
        found = [due_of_row(row) for statement in (fresh, failed) for row in await self._rows(statement)]
        return sorted(found, key=lambda row: row.at)[:limit]

    async def unanswered_without_due(self, limit: int) -> list[IncidentId]:
        waiting = and_(
            due.c.record_kind == Kind.ESCALATION.value,
            due.c.record == summaries.c.incident,
            due.c.claimable_at.is_not(None),
        )
        statement = (
            select(summaries.c.incident)
            .outerjoin(due, waiting)
            .where(summaries.c.standing.in_(_UNANSWERED), summaries.c.level > 1, due.c.record.is_(None))
            .order_by(summaries.c.number)
            .limit(limit)
        )
        return [IncidentId(row.incident) for row in await self._rows(statement)]

    async def bodies(self, after: JournalId, limit: int) -> list[StoredBody]:
        statement = (
            select(journal, bodies.c.body)
            .join(bodies, bodies.c.journal == journal.c.id)
            .where(journal.c.id > after)
            .order_by(journal.c.id)
            .limit(limit)
        )
        return [body_of_row(row) for row in await self._rows(statement)]

    async def set_aside_count(self) -> int:
        return await self._count(Stored.SET_ASIDE)

    async def waiting_count(self) -> int:
        return await self._count(Stored.WAITING)

    async def _count(self, state: Stored) -> int:
        rows = await self._rows(
            select(func.count()).select_from(journal).where(journal.c.state == state.value)
        )
        return int(rows[0][0])

    async def act(self, actor: str, incident: IncidentId, revision: int, verb: str) -> Act | None:
        rows = await self._by_key(
            select(acts).where(
                acts.c.actor == actor,
                acts.c.incident == incident,
                acts.c.revision == revision,
                acts.c.verb == verb,
            )
        )
        return act_of_row(rows[0]) if rows else None

    async def asked(self, once: str) -> Asked | None:
        rows = await self._by_key(select(asked).where(asked.c.once == once))
        return asked_of_row(rows[0]) if rows else None

    async def tokens(self) -> list[Token]:
        return [
            token_of_row(row)
            for row in await self._rows(select(tokens).order_by(tokens.c.created_at, tokens.c.id))
        ]

    async def token_by_digest(self, digest: str) -> Token | None:
        rows = await self._rows(select(tokens).where(tokens.c.digest == digest))
        return token_of_row(rows[0]) if rows else None

    async def replicas(self) -> list[Replica]:
        statement = select(replicas).order_by(replicas.c.loaded_at, replicas.c.id)
        return [replica_of_row(row) for row in await self._rows(statement)]


def _not_closed() -> list[str]:
    return [standing.value for standing in Standing if standing is not Standing.CLOSED]


def _some(query: SummaryQuery, standing: Standing, level: Level) -> Select[Any]:
    one = summaries.c.standing == standing.value, summaries.c.level == int(level)
    return select(summaries.c.number).where(*one, *_conditions(query))


def _conditions(query: SummaryQuery) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.standings:
        found.append(summaries.c.standing.in_([standing.value for standing in query.standings]))
    if query.levels:
        found.append(summaries.c.level.in_([int(level) for level in query.levels]))
    if query.rule:
        found.append(summaries.c.rule == query.rule)
    if query.holder:
        found.append(summaries.c.holder == query.holder)
    if query.text:
        found.append(summaries.c.searched.contains(query.text.casefold(), autoescape=True))
    if query.before is not None:
        found.append(summaries.c.number < query.before)
    return found
