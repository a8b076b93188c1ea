"""The store: everything that is promised, in one transactional place.

A `Unit` is one transaction: its reads see its own writes, and nothing of it is durable, or visible to anybody else,
before the block ends without an exception. Units of one store do not interleave on one incident: `lock` takes the
incidents first, in one order everywhere (incident, then due rows), so that two units cannot wait for each other.
Reads for people go through a `Reader`, which never waits for a unit.

A record's due row is not written by anybody: `put_record` derives it from `record.due()`, so that the two cannot
differ. `conformance` tests in tests/ hold every adapter, and the in-memory fake, to this page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from responder.core.alert import Occurrence
from responder.core.decision import DueKind
from responder.core.identifiers import (
    ContactName,
    Fingerprint,
    IncidentId,
    JournalId,
    Kind,
    PinHash,
    RecordKey,
)
from responder.core.level import Level
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.heartbeat import Heartbeat
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.core.policy.escalation import Promise

Record = Incident | Escalation | Page | Notice | Duty | Heartbeat


def key_of(record: Record) -> RecordKey:
    return RecordKey(record.KIND, record.id)


class Stored(StrEnum):
    """Where a body of the journal has got to."""

    WAITING = "waiting"
    DONE = "done"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBody:
    """A body as it was accepted: raw, before anybody has made sense of it."""

    received_at: datetime
    source: str  # alertmanager
    peer: str  # the address it came from
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBody(NewBody):
    id: JournalId
    attempts: int  # to consume it, the running one included
    state: Stored
    done_at: datetime | None = None
    detail: str = ""  # why it was set aside


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """`at`: when the record is due, postponed or not. `failures`: how often work on it raised since it was written."""

    key: RecordKey
    incident: IncidentId | None
    kind: DueKind
    at: datetime
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One decision of one machine: what it heard, and why it did what it did. Lines of an incident are in order."""

    at: datetime
    incident: IncidentId | None
    record: RecordKey
    event: str
    why: str  # code; its words stand in the catalogues
    actor: str = ""  # the person, where one asked for it
    revision: int = 0
    details: Mapping[str, str] = field(default_factory=dict)
    id: int = 0  # given by the store; grows


class Standing(StrEnum):
    """An incident's state as people see it, made of its own phase and its escalation's."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What lists and filters of incidents are made of; kept in step with the records by `engine.handle`."""

    incident: IncidentId
    number: int
    key: str
    rule: str
    level: Level
    standing: Standing
    title: str
    holder: ContactName | None
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    revision: int
    firing: int
    pin: PinHash


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryQuery:
    """All that is given must hold. Newest first; `before` is the number of the last incident of the page before."""

    standings: frozenset[Standing] = frozenset()
    levels: frozenset[Level] = frozenset()
    rule: str = ""
    holder: str = ""
    text: str = ""  # anywhere in title or key, case ignored
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A person's command, remembered so that the same one (actor, incident, revision, verb) is one act."""

    actor: str
    incident: IncidentId
    revision: int
    verb: str
    at: datetime
    reply: str  # the reply's code


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command that came under a key of its own, remembered so that a replay of it is no second act."""

    once: str = field(repr=False)
    incident: IncidentId  # which it was about, or which it opened
    at: datetime
    reply: str  # the reply's code


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token; only its SHA-256 is kept."""

    id: str
    name: str
    digest: str
    role: str  # viewer | responder | admin
    contact: ContactName | None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None


class Reader(Protocol):
    """Reads of one moment."""

    async def records(self, keys: Collection[RecordKey]) -> dict[RecordKey, Record]:
        """Those that exist."""
        ...

    async def live_records(self, incidents: Collection[IncidentId]) -> dict[IncidentId, list[Record]]:
        """Every record with `is_live` of these incidents, their escalation included; one that has none has no entry."""
        ...

    async def records_of(self, incident: IncidentId, kind: Kind) -> list[Record]:
        """Live or not, in the order in which they were first written."""
        ...

    async def shown_as(self, reference: str) -> IncidentId | None:
        """The incident of the notice whose `posted` this is: what a message in a channel is about."""
        ...

    async def heartbeats(self) -> list[Heartbeat]: ...

    async def open_incidents(self, keys: Collection[str]) -> dict[str, IncidentId]:
        """Incident keys (rule and group) that an incident which is not closed has."""
        ...

    async def last_occurrences(self, fingerprints: Collection[Fingerprint]) -> dict[Fingerprint, Occurrence]:
        """The newest occurrence (highest number) of each fingerprint that is known."""
        ...

    async def occurrences_of(self, incident: IncidentId, limit: int, after: int = 0) -> list[Occurrence]:
        """By their start, oldest first, `after` of them skipped."""
        ...

    async def hidden_in(self, group: str) -> list[IncidentId]:
        """Incidents that are not closed and whose `hidden` has this Alertmanager group."""
        ...

    async def promises(self, pins: Collection[PinHash]) -> dict[PinHash, Promise]: ...

    async def pins_in_use(self) -> dict[PinHash, IncidentId]:
        """The pins of incidents that are not closed, each with one such incident."""
        ...

    async def summaries(self, query: SummaryQuery) -> list[Summary]: ...

    async def summary(self, incident: IncidentId) -> Summary | None: ...

    async def counts(self) -> dict[tuple[Level, Standing], int]:
        """How many incidents that are not closed have each level and standing."""
        ...

    async def audit_of(self, incident: IncidentId, limit: int, after: int = 0) -> list[AuditLine]:
        """Oldest first; only lines with an id above `after`."""
        ...

    async def next_due(self, kind: DueKind) -> datetime | None:
        """When there will be something to take: the earliest row is due, or its postponement over."""
        ...

    async def due_of(self, keys: Collection[RecordKey]) -> dict[RecordKey, DueRow]:
        """Those that have a row, set aside or not."""
        ...

    async def overdue(self, kind: DueKind, before: datetime, limit: int) -> list[DueRow]:
        """Rows due before `before` that nobody has worked off, earliest first; postponed and set aside ones too."""
        ...

    async def unanswered_without_due(self, limit: int) -> list[IncidentId]:
        """Open, unacknowledged, unsnoozed incidents above level 1 whose escalation has no due row, or one that was set
        aside (promise 8); the oldest first."""
        ...

    async def bodies(self, after: JournalId, limit: int) -> list[StoredBody]:
        """Journal rows with an id above `after`, oldest first."""
        ...

    async def set_aside_count(self) -> int: ...

    async def waiting_count(self) -> int:
        """Bodies that are accepted and not consumed."""
        ...

    async def act(self, actor: str, incident: IncidentId, revision: int, verb: str) -> Act | None: ...

    async def asked(self, once: str) -> Asked | None: ...

    async def tokens(self) -> list[Token]: ...

    async def token_by_digest(self, digest: str) -> Token | None: ...


class Unit(Reader, Protocol):
    """One transaction."""

    async def lock(self, incidents: Collection[IncidentId]) -> None:
        """Nobody else's unit changes these incidents until this one ends."""
        ...

    async def append_bodies(self, bodies: Sequence[NewBody]) -> list[JournalId]:
        """Ids in the order given, each above all before."""
        ...

    async def claim_bodies(self, limit: int, now: datetime, lease_until: datetime) -> list[StoredBody]:
        """The oldest waiting bodies that nobody holds a lease on; `attempts` has been raised.

        Fewer than `limit` where they are big, so that a claim fits into memory; never none while one is free.
        """
        ...

    async def finish_bodies(self, ids: Collection[JournalId], now: datetime) -> None: ...

    async def release_bodies(self, ids: Collection[JournalId]) -> None:
        """Give the lease back, so that they can be claimed at once."""
        ...

    async def return_bodies(self, ids: Collection[JournalId]) -> None:
        """As `release_bodies`, and the attempt does not count: the store could not, through no fault of the bodies."""
        ...

    async def set_body_aside(self, body: JournalId, detail: str, now: datetime) -> None: ...

    async def next_number(self) -> int:
        """A number that no incident has had."""
        ...

    async def put_record(self, record: Record, now: datetime) -> None:
        """Insert or replace, with its due row. An Incident's key must be free: raises `KeyTaken` where it is not."""
        ...

    async def put_summary(self, summary: Summary) -> None: ...

    async def put_occurrence(self, occurrence: Occurrence) -> None: ...

    async def put_promise(self, promise: Promise) -> None:
        """Kept under its hash; putting it again changes nothing."""
        ...

    async def put_audit(self, lines: Sequence[AuditLine]) -> None: ...

    async def put_act(self, act: Act) -> None: ...

    async def put_asked(self, asked: Asked) -> None:
        """Its key must be free: raises `AskedAlready` where it is not, now or at the latest when the unit ends."""
        ...

    async def put_token(self, token: Token) -> None: ...

    async def take_due(self, kind: DueKind, now: datetime, limit: int) -> list[DueRow]:
        """Rows due by `now`, earliest first, which no other unit has taken; they stay taken until this unit ends.

        A postponed row stands where its postponement ends; one that was set aside is not among them.
        Taking changes nothing: what is worked off is gone because its record was written with another `due()`.
        """
        ...

    async def postpone_due(self, key: RecordKey, until: datetime) -> None:
        """Working on it raised: try again at `until`, and count the failure."""
        ...

    async def set_due_aside(self, key: RecordKey) -> None:
        """Working on it raises every time: nobody takes it until the record is written again."""
        ...

    async def delete_closed_before(self, moment: datetime, limit: int) -> int:
        """Closed incidents resolved before `moment`, with everything of theirs, audit included; how many there were.

        One that has a timer stays: a duty of it is still due.
        """
        ...

    async def delete_bodies_before(self, moment: datetime, limit: int) -> int:
        """Bodies that are done since before `moment`."""
        ...

    async def delete_occurrences_before(self, moment: datetime, limit: int) -> int:
        """Ended occurrences without an incident that ended before `moment`."""
        ...


class KeyTaken(Exception):
    """An incident that is not closed has this key already."""


class AskedAlready(Exception):
    """A command has come under this key before."""


class Store(Protocol):
    @property
    def is_exclusive(self) -> bool:
        """Nobody else has it open while we do: a call that was in flight when we opened it has nobody to end it."""
        ...

    def unit(self) -> AbstractAsyncContextManager[Unit]:
        """One transaction. Raises `Transient` where the database cannot be used now, `Permanent` where a person has to
        mend it, and then nothing of the unit has happened.

        Cancelling it waits for the call in progress, and leaves nothing behind; only where the commit had begun already
        may the unit have happened as a whole.
        """
        ...

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        """Raises like `unit`."""
        ...

    async def close(self) -> None:
        """Once the unit in progress has ended. Closing again does nothing; using it then raises `Permanent`."""
        ...
