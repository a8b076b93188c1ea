"""What a unit has written and not yet sent to the database: the last word on each key, flushed table by table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from responder.adapters.storage.batch import Batch, Rows
from responder.adapters.storage.codec import Codec
from responder.adapters.storage.rows import (
    Fields,
    act_row,
    asked_row,
    audit_row,
    due_row,
    incident_row,
    occurrence_row,
    record_row,
    replica_row,
    summary_row,
    token_row,
)
from responder.adapters.storage.tables import INCIDENTS
from responder.adapters.storage.writes import Writes
from responder.core.alert import Occurrence
from responder.core.identifiers import Fingerprint, IncidentId, PinHash, RecordKey
from responder.core.machines.incident import Incident
from responder.core.policy.escalation import Promise
from responder.ports.store import Act, Asked, AuditLine, Record, Replica, Summary, Token

OccurrenceKey = tuple[Fingerprint, int]


@dataclass(slots=True)
class Versions:
    """Of each row that a unit has read or written: the version that it has, as far as this unit knows. 0: not there."""

    records: dict[RecordKey, int] = field(default_factory=dict)
    occurrences: dict[OccurrenceKey, int] = field(default_factory=dict)

    def raise_for(self, waiting: Waiting) -> None:
        """What waits is about to be written."""
        for key in waiting.records:
            self.records[key] += 1
        for one in waiting.occurrences:
            self.occurrences[one] += 1


@dataclass(slots=True)
class Waiting:
    """Dicts keep the order in which their keys were first written."""

    records: dict[RecordKey, Record] = field(default_factory=dict)
    written_at: dict[RecordKey, datetime] = field(default_factory=dict)  # of each of the records
    summaries: dict[IncidentId, Summary] = field(default_factory=dict)
    occurrences: dict[OccurrenceKey, Occurrence] = field(default_factory=dict)
    promises: dict[PinHash, Promise] = field(default_factory=dict)
    audit: list[AuditLine] = field(default_factory=list)
    acts: dict[tuple[str, IncidentId, int, str], Act] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    replicas: dict[str, Replica] = field(default_factory=dict)
    number: int | None = None  # the last incident number that was given out

    def __bool__(self) -> bool:
        some = (
            self.records,
            self.summaries,
            self.occurrences,
            self.promises,
            self.audit,
            self.acts,
            self.asked,
            self.tokens,
            self.replicas,
        )
        return any(some) or self.number is not None

    def statements(self, writes: Writes, codec: Codec, versions: Versions) -> Iterator[tuple[Batch, Rows]]:
        """Each statement with its rows, in an order in which none refers to what is not there yet."""
        records, occurrences = versions.records, versions.occurrences
        yield (
            writes.record,
            [record_row(one, codec, records[key], self.written_at[key]) for key, one in self.records.items()],
        )
        yield from self._due_statements(writes, codec)
        yield from self._incident_statements(writes)
        yield writes.summary, [summary_row(summary) for summary in self.summaries.values()]
        seen = [occurrence_row(one, codec, occurrences[key]) for key, one in self.occurrences.items()]
        yield writes.occurrence, seen
        promises = [
            {"pin": pin, "body": codec.encode_promise(promise)} for pin, promise in self.promises.items()
        ]
        yield writes.promise, promises
        yield writes.audit, [audit_row(line) for line in self.audit]
        yield writes.act, [act_row(act) for act in self.acts.values()]
        yield writes.asked, [asked_row(asked) for asked in self.asked.values()]
        yield writes.token, [token_row(token) for token in self.tokens.values()]
        yield writes.replica, [replica_row(replica) for replica in self.replicas.values()]
        if self.number is not None:
            yield writes.counter, [{"name": INCIDENTS, "value": self.number}]

    def _due_statements(self, writes: Writes, codec: Codec) -> Iterator[tuple[Batch, Rows]]:
        rows: list[Fields] = []
        gone: list[Fields] = []
        for record in self.records.values():
            if (row := due_row(record, codec)) is not None:
                rows.append(row)
            else:
                gone.append({"of_kind": record.KIND.value, "of_record": record.id})
        yield writes.no_due, gone
        yield writes.due, rows

    def _incident_statements(self, writes: Writes) -> Iterator[tuple[Batch, Rows]]:
        written = [record for record in self.records.values() if isinstance(record, Incident)]
        # Closed ones first: they free the key that another of these may have taken.
        written.sort(key=lambda incident: incident.is_live)
        yield writes.incident, [incident_row(incident) for incident in written]
        yield writes.nothing_hidden, [{"of_incident": incident.incident} for incident in written]
        live = (incident for incident in written if incident.is_live)
        yield (
            writes.hidden,
            [
                {"group": group, "incident": incident.incident}
                for incident in live
                for group in incident.hidden
            ],
        )
