"""A turn: what one event changes, held back until all of it is decided.

Reads go through to the unit and see what the turn has decided so far. Only a turn that ends without an exception is
written, so one event that cannot be worked on takes nothing else of its batch with it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from responder.core.alert import Occurrence
from responder.core.decision import Decision, Effect
from responder.core.identifiers import Fingerprint, IncidentId, Kind, RecordKey
from responder.core.machines.escalation import Escalation
from responder.core.machines.incident import Incident, Phase
from responder.core.policy.escalation import Promise
from responder.ports.store import AuditLine, Record, Standing, Summary, Unit, key_of

VISIBLE = frozenset(
    {Kind.INCIDENT, Kind.ESCALATION, Kind.DUTY}
)  # a change of one is a new revision of its incident
# Decisions that changed nothing worth a line in the audit, or a revision.
QUIET = ("stale", "heartbeat.beat", "escalation.early_due", "suppressed_still", "incident.terms")


@dataclass(frozen=True, slots=True)
class Told:
    """An event for one machine."""

    key: RecordKey
    event: object


@dataclass(frozen=True, slots=True)
class Emitted:
    """Something a machine said, for whoever the routes name."""

    emit: object


@dataclass(slots=True)
class Turn:
    unit: Unit
    now: datetime
    actor: str = ""
    is_in_force: bool | None = None  # our policies are; None: nobody has asked
    queue: deque[Told | Emitted] = field(default_factory=deque)
    effects: list[Effect] = field(default_factory=list)
    _records: dict[RecordKey, Record] = field(default_factory=dict)
    _occurrences: dict[tuple[Fingerprint, int], Occurrence] = field(default_factory=dict)
    _promises: list[Promise] = field(default_factory=list)
    _audit: list[AuditLine] = field(default_factory=list)
    _born: set[IncidentId] = field(default_factory=set)
    _visible: set[IncidentId] = field(default_factory=set)

    # What stands

    async def get(self, key: RecordKey, *, of: IncidentId | None = None) -> Record | None:
        """`of`: the incident whose it is; one that opened in this turn has nothing stored to look for."""
        if key in self._records or of in self._born:
            return self._records.get(key)
        return (await self.unit.records([key])).get(key)

    async def incident(self, incident: IncidentId) -> Incident | None:
        found = await self.get(RecordKey(Kind.INCIDENT, incident))
        return found if isinstance(found, Incident) else None

    async def escalation(self, incident: IncidentId) -> Escalation | None:
        found = await self.get(RecordKey(Kind.ESCALATION, incident))
        return found if isinstance(found, Escalation) else None

    async def live(self, incident: IncidentId) -> list[Record]:
        """Every live record of the incident, as this turn has left it."""
        found = {} if incident in self._born else await self.unit.live_records([incident])
        stored = found.get(incident, [])
        merged = {key_of(record): record for record in stored}
        merged |= {key: record for key, record in self._records.items() if record.incident == incident}
        return [record for record in merged.values() if record.is_live]

    async def last_occurrences(self, fingerprints: set[Fingerprint]) -> dict[Fingerprint, Occurrence]:
        found = await self.unit.last_occurrences(fingerprints)
        for (fingerprint, _), occurrence in self._occurrences.items():
            known = found.get(fingerprint)
            if fingerprint in fingerprints and (known is None or occurrence.number >= known.number):
                found[fingerprint] = occurrence
        return found

    async def open_incident(self, key: str) -> IncidentId | None:
        for record in self._records.values():
            if isinstance(record, Incident) and record.key == key and record.phase is not Phase.CLOSED:
                return record.incident
        found = (await self.unit.open_incidents([key])).get(key)
        if found is not None and RecordKey(Kind.INCIDENT, found) in self._records:
            return None  # it has closed within this turn
        return found

    # What is decided

    def tell(self, key: RecordKey, event: object) -> None:
        self.queue.append(Told(key, event))

    def emit(self, emit: object) -> None:
        self.queue.append(Emitted(emit))

    def decide(self, event: str, decision: Decision[Any]) -> None:
        """Take a decision over: its state, its effects, its emits, its line in the audit."""
        record: Record = decision.state
        key = key_of(record)
        is_quiet = decision.why.value.endswith(QUIET)
        if self._records.get(key) != record:
            self._records[key] = record
            if record.incident is not None and record.KIND in VISIBLE and not is_quiet:
                self._visible.add(record.incident)
        self.effects.extend(decision.effects)
        self.queue.extend(Emitted(emit) for emit in decision.emits)
        if not is_quiet:
            line = AuditLine(
                at=self.now,
                incident=record.incident,
                record=key,
                event=event,
                why=decision.why.value,
                actor=self.actor,
                details=decision.details,
            )
            self._audit.append(line)

    def open(self, decision: Decision[Incident]) -> None:
        """Take over the opening of an incident that nobody has heard of before."""
        self._born.add(decision.state.incident)
        self.decide("Opened", decision)

    def put_occurrence(self, occurrence: Occurrence) -> None:
        self._occurrences[occurrence.fingerprint, occurrence.number] = occurrence

    def put_promise(self, promise: Promise) -> None:
        self._promises.append(promise)

    def answer(self, key: RecordKey) -> AuditLine | None:
        """What the record first decided in this turn; None where that was nothing worth a line."""
        return next((line for line in self._audit if line.record == key), None)

    def revision(self, incident: IncidentId) -> int:
        """The incident's revision as far as this turn knows it; 0 where it does not."""
        found = self._records.get(RecordKey(Kind.INCIDENT, incident))
        return found.revision if isinstance(found, Incident) else 0

    def opened(self) -> list[Incident]:
        """The incidents that this turn opens."""
        born = (self._records.get(RecordKey(Kind.INCIDENT, incident)) for incident in self._born)
        return [record for record in born if isinstance(record, Incident)]

    def changed(self) -> list[Record]:
        return list(self._records.values())

    # The end

    async def write(self) -> None:
        """Hand everything to the unit: revisions and summaries first made to fit."""
        revisions = await self._revise()
        for promise in self._promises:
            await self.unit.put_promise(promise)
        incidents_first = sorted(self._records.values(), key=lambda record: record.KIND is not Kind.INCIDENT)
        for record in incidents_first:
            await self.unit.put_record(record, self.now)
        for occurrence in self._occurrences.values():
            await self.unit.put_occurrence(occurrence)
        for incident in self._visible:
            await self._summarise(incident)
        if self._audit:
            lines = [replace(line, revision=revisions.get(line.incident or "", 0)) for line in self._audit]
            await self.unit.put_audit(lines)

    async def _revise(self) -> dict[str, int]:
        revisions: dict[str, int] = {}
        for incident in self._visible:
            record = await self.incident(incident)
            if record is not None:
                raised = replace(record, revision=record.revision + 1)
                self._records[key_of(raised)] = raised
                revisions[incident] = raised.revision
        return revisions

    async def _summarise(self, incident: IncidentId) -> None:
        record, escalation = await self.incident(incident), await self.escalation(incident)
        if record is not None and escalation is not None:
            await self.unit.put_summary(summarise(record, escalation, self.now))


def summarise(incident: Incident, escalation: Escalation, now: datetime) -> Summary:
    return Summary(
        incident=incident.incident,
        number=int(incident.incident[1:]),
        key=incident.key,
        rule=incident.rule,
        level=incident.level,
        standing=standing_of(incident, escalation),
        title=incident.title,
        holder=escalation.lease.holder if escalation.lease is not None else None,
        opened_at=incident.opened_at,
        updated_at=now,
        resolved_at=incident.resolved_at,
        revision=incident.revision,
        firing=incident.firing,
        pin=incident.pin,
    )


def standing_of(incident: Incident, escalation: Escalation) -> Standing:
    """A lease shows before the snooze that may lie over it: somebody has it."""
    match incident.phase:
        case Phase.CLOSED:
            return Standing.CLOSED
        case Phase.RESOLVED:
            return Standing.RESOLVED
        case Phase.OPEN if escalation.lease is not None:
            return Standing.ACKNOWLEDGED
        case Phase.OPEN if escalation.snooze is not None:
            return Standing.SNOOZED
        case Phase.OPEN if escalation.suppression is not None:
            return Standing.SUPPRESSED
        case _:
            return Standing.OPEN
