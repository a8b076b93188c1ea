"""What a unit has written and not yet sent to the database: the last word on each key, flushed table by table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

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
    summary_row,
    token_row,
)
from responder.adapters.storage.tables import INCIDENTS
from responder.adapters.storage.writes import Writes
from responder.core.alert import Occurrence
from responder.core.identifiers import Fingerprint, IncidentId, PinHash, RecordKey
from responder.core.machines.incident import Incident
from responder.core.policy.escalation import Promise
from responder.ports.store import Act, Asked, AuditLine, Record, Summary, Token


@dataclass(slots=True)
class Waiting:
    """Dicts keep the order in which their keys were first written."""

    records: dict[RecordKey, Record] = field(default_factory=dict)
    summaries: dict[IncidentId, Summary] = field(default_factory=dict)
    occurrences: dict[tuple[Fingerprint, int], Occurrence] = field(default_factory=dict)
    promises: dict[PinHash, Promise] = field(default_factory=dict)
    audit: list[AuditLine] = field(default_factory=list)
    acts: dict[tuple[str, IncidentId, int, str], Act] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
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
        )
        return any(some) or self.number is not None

    def statements(self, writes: Writes, codec: Codec) -> Iterator[tuple[Batch, Rows]]:
        """Each statement with its rows, in an order in which none refers to what is not there yet."""
        yield writes.record, [record_row(record, codec) for record in self.records.values()]
        yield from self._due_statements(writes)
        yield from self._incident_statements(writes)
        yield writes.summary, [summary_row(summary) for summary in self.summaries.values()]
        yield writes.occurrence, [occurrence_row(one, codec) for one in self.occurrences.values()]
        promises = [
            {"pin": pin, "body": codec.encode_promise(promise)} for pin, promise in self.promises.items()
        ]
        yield writes.promise, promises
        yield writes.audit, [audit_row(line) for line in self.audit]
        yield writes.act, [act_row(act) for act in self.acts.values()]
        yield writes.asked, [asked_row(asked) for asked in self.asked.values()]
        yield writes.token, [token_row(token) for token in self.tokens.values()]
        if self.number is not None:
            yield writes.counter, [{"name": INCIDENTS, "value": self.number}]

    def _due_statements(self, writes: Writes) -> Iterator[tuple[Batch, Rows]]:
        rows: list[Fields] = []
        gone: list[Fields] = []
        for record in self.records.values():
            if (row := due_row(record)) is not None:
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
