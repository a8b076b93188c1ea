"""Situations: what a message about an incident is written from, read in one moment and seen by one reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from responder.core.identifiers import ChannelName, ContactName, Fingerprint, IncidentId, Kind, RecordKey
from responder.core.level import Level
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.incident import Incident
from responder.core.machines.page import Member, Page
from responder.core.policy.fields import Locale
from responder.dialects.wording import Listed, Situation, listed_of, veiled, veiled_incident
from responder.engine.directory import Directory
from responder.engine.policies import Policies
from responder.ports.channel import Spelling
from responder.ports.store import Reader, Record

LISTED = 5  # occurrences a message may name


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the service stands: zone and language of readers who name none, and the address that links point to."""

    zone: ZoneInfo
    locale: Locale = "en"
    public_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """By whom a message is read: their zone, their language, and how they write a command."""

    zone: ZoneInfo
    locale: Locale
    spelling: Spelling = Spelling.CLI
    stays: bool = False  # what they read stays, and is changed


class Situations:
    def __init__(self, policies: Policies, directory: Directory, place: Place) -> None:
        self._policies = policies
        self._directory = directory
        self._place = place

    def reader_of(self, channel: ChannelName, contact: ContactName | None) -> Seen:
        """A person as contacts.yaml has them, a channel as channels.yaml has it; else as the service is set."""
        person = self._directory.person(contact) if contact is not None else None
        spelling, stays = self._directory.spelling(channel), self._directory.edits(channel)
        if person is not None:
            zone = ZoneInfo(person.timezone) if person.timezone else self._place.zone
            return Seen(zone=zone, locale=person.locale, spelling=spelling, stays=stays)
        entry = self._policies.book.channels.get(channel)
        locale = (entry.locale if entry is not None else None) or self._place.locale
        return Seen(zone=self._place.zone, locale=locale, spelling=spelling, stays=stays)

    async def of_incident(
        self,
        reader: Reader,
        incident: IncidentId,
        now: datetime,
        seen: Seen,
        known: Mapping[RecordKey, Record] | None = None,
    ) -> Situation:
        """`known`: the records of `keys_of`, where they have been read in this moment already."""
        trouble, ladder = keys_of(incident)
        records = known or await reader.records([trouble, ladder])
        state, escalation = records.get(trouble), records.get(ladder)
        duties = await reader.records_of(incident, Kind.DUTY)
        occurrences = await reader.occurrences_of(incident, LISTED)
        assert isinstance(state, Incident)
        assert isinstance(escalation, Escalation)
        return self._situation(
            now,
            seen,
            incident=veiled_incident(state, self._policies.book.redacted),
            escalation=escalation,
            duties=tuple(record for record in duties if isinstance(record, Duty)),
            alerts=tuple(veiled(occurrence, self._policies.book.redacted) for occurrence in occurrences),
            alerts_total=state.seen,
        )

    async def of_occurrence(
        self, reader: Reader, fingerprint: Fingerprint, now: datetime, seen: Seen
    ) -> Situation:
        """For an alert that opened no incident."""
        found = (await reader.last_occurrences([fingerprint])).get(fingerprint)
        alerts = (veiled(found, self._policies.book.redacted),) if found is not None else ()
        return self._situation(now, seen, alerts=alerts, alerts_total=len(alerts))

    async def of_digest(
        self, reader: Reader, digest: Page, now: datetime, seen: Seen
    ) -> tuple[list[Listed], Situation]:
        """The members that are named, each with its incident as it is now, and what is the same for all of them."""
        members = listed_of(digest)
        records = await reader.records([RecordKey(Kind.INCIDENT, member.incident) for member in members])
        return self.listed(members, records, now, seen)

    def listed(
        self, members: Iterable[Member], records: Mapping[RecordKey, Record], now: datetime, seen: Seen
    ) -> tuple[list[Listed], Situation]:
        """The same of `members`, with what `records` has of their incidents, and of their ladders."""
        base = self._situation(now, seen)
        listed = []
        for member in members:
            trouble, ladder = keys_of(member.incident)
            state, escalation = records.get(trouble), records.get(ladder)
            if isinstance(state, Incident):
                incident = veiled_incident(state, self._policies.book.redacted)
                held = escalation if isinstance(escalation, Escalation) else None
                situation = replace(base, incident=incident, escalation=held)
                listed.append(Listed(member=member, situation=situation))
        return listed, base

    def _situation(self, now: datetime, seen: Seen, **known: object) -> Situation:
        book = self._policies.book
        return Situation(
            now=now,
            zone=seen.zone,
            locale=seen.locale,
            spelling=seen.spelling,
            stays=seen.stays,
            level_names={
                level: name for level in Level if (name := _level_name(seen.locale, book.level(level)))
            },
            duty_names={name: _in(seen.locale, duty) for name, duty in book.duties.items()},
            people=_People(tuple(book.contacts), lambda name: self._called(name, seen.locale, now)),
            public_url=self._place.public_url,
            **known,  # type: ignore[arg-type]  # the callers above name Situation's own fields
        )

    def _called(self, name: ContactName, locale: Locale, now: datetime) -> str:
        """A person by their name, a roster by whoever is on shift: `Ann (on-call)`."""
        on = self._directory.person_on(name, now)
        person = self._directory.person(on) if on is not None else None
        if person is None:
            return name
        return _in(locale, person) if on == name else f"{_in(locale, person)} ({name})"


def keys_of(incident: IncidentId) -> tuple[RecordKey, RecordKey]:
    """What every situation of the incident is made of: itself, and its ladder."""
    return RecordKey(Kind.INCIDENT, incident), RecordKey(Kind.ESCALATION, incident)


class _People(Mapping[ContactName, str]):
    """Whom each name means. Looked up when it is told: a message names few, and who is on shift takes time to find."""

    def __init__(self, names: tuple[ContactName, ...], called: Callable[[ContactName], str]) -> None:
        self._names = names
        self._called = called

    def __getitem__(self, name: ContactName) -> str:
        if name not in self._names:
            raise KeyError(name)
        return self._called(name)

    def __iter__(self) -> Iterator[ContactName]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Named(Protocol):
    """What a policy gives a name, and names in other languages."""

    @property
    def name(self) -> str: ...

    @property
    def names(self) -> Mapping[Locale, str]: ...


def _in(locale: Locale, named: Named) -> str:
    """Its name in the reader's language, where the policy has one."""
    return named.names.get(locale, named.name)


def _level_name(locale: Locale, level: Named) -> str:
    """ "" where the policy has none in the reader's language: the catalogues have one for every level."""
    return level.name if locale == "en" else level.names.get(locale, "")
