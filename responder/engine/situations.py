"""Situations: what a message about an incident is written from, read in one moment and seen by one reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from responder.core.identifiers import ContactName, Fingerprint, IncidentId, Kind, RecordKey
from responder.core.level import Level
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.incident import Incident
from responder.core.policy.contacts import Person
from responder.dialects.wording import Situation
from responder.engine.policies import Policies
from responder.ports.store import Reader

LISTED = 5  # occurrences a message may name


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the service stands: its zone for readers who name none, and the address that links point to."""

    zone: ZoneInfo
    public_url: str = ""


class Situations:
    def __init__(self, policies: Policies, place: Place) -> None:
        self._policies = policies
        self._place = place

    async def of_incident(
        self, reader: Reader, incident: IncidentId, now: datetime, *, contact: ContactName | None = None
    ) -> Situation:
        ladder = RecordKey(Kind.ESCALATION, incident)
        trouble = RecordKey(Kind.INCIDENT, incident)
        records = await reader.records([ladder, trouble])
        state, escalation = records.get(trouble), records.get(ladder)
        duties = await reader.records_of(incident, Kind.DUTY)
        occurrences = await reader.occurrences_of(incident, LISTED)
        assert isinstance(state, Incident)
        assert isinstance(escalation, Escalation)
        return self._situation(
            now,
            contact,
            incident=state,
            escalation=escalation,
            duties=tuple(record for record in duties if isinstance(record, Duty)),
            alerts=tuple(occurrences),
            alerts_total=state.seen,
        )

    async def of_occurrence(self, reader: Reader, fingerprint: Fingerprint, now: datetime) -> Situation:
        """For an alert that opened no incident."""
        found = (await reader.last_occurrences([fingerprint])).get(fingerprint)
        alerts = (found,) if found is not None else ()
        return self._situation(now, None, alerts=alerts, alerts_total=len(alerts))

    def _situation(self, now: datetime, contact: ContactName | None, **known: object) -> Situation:
        book = self._policies.book
        return Situation(
            now=now,
            zone=self._zone(contact),
            level_names={level: book.level(level).name for level in Level},
            duty_names={name: duty.name for name, duty in book.duties.items()},
            people={name: _called(contact, name) for name, contact in book.contacts.items()},
            public_url=self._place.public_url,
            **known,  # type: ignore[arg-type]  # the callers above name Situation's own fields
        )

    def _zone(self, contact: ContactName | None) -> ZoneInfo:
        person = self._policies.book.contacts.get(contact) if contact is not None else None
        if isinstance(person, Person) and person.timezone:
            return ZoneInfo(str(person.timezone))
        return self._place.zone


def _called(contact: object, name: ContactName) -> str:
    return contact.name if isinstance(contact, Person) else name
