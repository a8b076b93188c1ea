"""The store: everything that is promised, in one transactional place.

A `Unit` is one transaction: its reads see its own writes, and nothing of it is durable, or visible to anybody else,
before the block ends without an exception. Where the store is shared, units run side by side, in one process and in
several. They do not interleave on one incident: `lock` takes the incidents first, in one order everywhere (incident,
then due rows), and a unit that reads a record of an incident it has not locked locks that incident first. What no lock
covers (a new key, an occurrence, a record of no incident) is seen at the latest when the unit ends, which then raises
`Conflict`: nothing of it happened, and it is to be run again from its beginning.
Reads for people go through a `Reader`, which never waits for a unit.

A record's due row is not written by anybody: `put_record` derives it from `record.due()`, so that the two cannot
differ. `conformance` tests in tests/ hold every adapter, and the in-memory fake, to this page.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
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
from responder.core.machines.storm import Storm
from responder.core.policy.escalation import Promise

Record = Incident | Escalation | Page | Notice | Duty | Heartbeat | Storm


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
    lease_until: datetime | None = None  # of the claim that is held on it; which claim it is, too
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
    SUPPRESSED = "suppressed"  # Alertmanager keeps it quiet
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
class Replica:
    """A process that serves from this store, as it last said itself. `id`: of that start of it."""

    id: str
    version: str  # of the program
    book: str  # the hash of the policies it works by
    loaded_at: datetime  # when it began to work by them
    seen_at: datetime


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

    async def firing(self, after: Fingerprint | None, limit: int) -> dict[Fingerprint, IncidentId]:
        """Which incident's each open occurrence is, where it is one's: by fingerprint, those above `after`."""
        ...

    async def hidden_groups(self, limit: int) -> list[str]:
        """Alertmanager groups in the `hidden` of incidents that are not closed."""
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

    async def last_audit_of(self, incident: IncidentId, limit: int) -> list[AuditLine]:
        """The newest, the oldest of them first."""
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
        """Open, unacknowledged, unsnoozed incidents (suppressed ones too) above level 1 whose escalation has no due
        row, or one that was set aside (promise 8); the oldest first."""
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

    async def replicas(self) -> list[Replica]:
        """By `loaded_at`, then id; the newest last."""
        ...


class Unit(Reader, Protocol):
    """One transaction."""

    @property
    def soonest(self) -> Mapping[DueKind, datetime]:
        """When the records that it has put are due, the first of each kind."""
        ...

    async def lock(self, incidents: Collection[IncidentId]) -> None:
        """Nobody else's unit changes these incidents until this one ends. Waits for units that have them."""
        ...

    async def append_bodies(self, bodies: Sequence[NewBody]) -> list[JournalId]:
        """Ids in the order given, each above all before."""
        ...

    async def claim_bodies(self, limit: int, now: datetime, lease_until: datetime) -> list[StoredBody]:
        """The oldest waiting bodies that nobody holds a lease on; `attempts` has been raised.

        Fewer than `limit` where they are big, so that a claim fits into memory; never none while one is free.
        """
        ...

    async def still_claimed(self, bodies: Collection[StoredBody]) -> set[JournalId]:
        """Those whose claim is still the one that `bodies` were given under; nobody else claims them in this unit."""
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
        """Insert it, or replace it as this unit has read it, with its due row.

        Raises `Conflict`, at the latest when the unit ends, where it is not as it was read (or there, and was never
        read). An Incident's key must be free: raises `KeyTaken` where this unit can see that it is not, else Conflict.
        """
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

    async def put_replica(self, replica: Replica) -> None: ...

    async def delete_replicas_before(self, moment: datetime) -> None:
        """Those last seen before `moment`."""
        ...

    async def take_due(self, kind: DueKind, now: datetime, limit: int) -> list[DueRow]:
        """Rows due by `now`, earliest first, which no other unit has taken; they stay taken until this unit ends.

        It waits for nobody: a row whose incident another unit has locked is passed over too, and its incident is locked
        where it is not. Nor are there rows of records that a newer program wrote. A postponed row stands where its
        postponement ends; one that was set aside is not among them.
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

    async def delete_strays_before(self, moment: datetime, limit: int) -> int:
        """What belongs to no incident and is over since before `moment`, `limit` of it: records that are not live, each
        with what was asked of it, and lines of the audit.

        A digest stays as long as a page that it carried, or the notice of its message.
        """
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
        """One transaction. Raises `Transient` where the database cannot be used now, `Conflict` where another unit came
        between, `Permanent` where a person has to mend it, and then nothing of the unit has happened; `Unsure` where
        the connection broke within the commit, and then all of it may have.

        Cancelling it waits for the call in progress, and leaves nothing behind; only where the commit had begun already
        may the unit have happened as a whole.
        """
        ...

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        """Raises like `unit`."""
        ...

    async def hear(self, ring: Callable[[str], None]) -> None:
        """Ring when another process may have written something to work on: a body ("journal"), or what is due (the
        name of its DueKind). Runs until cancelled; returns at once where nobody else writes. A hint may get lost.
        """
        ...

    async def close(self) -> None:
        """Once the unit in progress has ended. Closing again does nothing; using it then raises `Permanent`."""
        ...
