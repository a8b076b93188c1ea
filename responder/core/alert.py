"""What Alertmanager reports of one alert, and the occurrence: one interval in which that alert fired.

startsAt is not stable (an HA Prometheus pair reports firing with one startsAt and resolved with an earlier one), so
nothing here compares it for equality: an occurrence is an interval of a fingerprint, and a message belongs to it when
it overlaps. `sight` is the whole rule; order is by journal id, not by arrival, so that two replicas end alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from responder.core.identifiers import Fingerprint, IncidentId, JournalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert of a body. `ends_at` is None while it fires (Alertmanager writes year 1 there)."""

    fingerprint: Fingerprint
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at: datetime
    ends_at: datetime | None = None
    generator_url: str = ""

    @property
    def is_firing(self) -> bool:
        return self.ends_at is None

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "") or "unnamed alert"

    @property
    def title(self) -> str:
        return self.annotations.get("summary", "") or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One interval of a fingerprint; `number` counts them from 1. Without an incident it is a notice or a tombstone."""

    fingerprint: Fingerprint
    number: int
    starts_at: datetime
    ends_at: datetime | None
    incident: IncidentId | None
    journal: JournalId  # the newest message that was counted in
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    generator_url: str = ""
    tombstone: bool = False  # its resolve came, and no firing was ever seen

    @property
    def is_open(self) -> bool:
        return self.ends_at is None


class Sighting(StrEnum):
    """What a message means to the occurrences of its fingerprint."""

    NEW = "new"  # a new occurrence fires
    REPEAT = "repeat"  # the open one still fires, or the ended one is reported ended again
    TWIN = "twin"  # it fires again inside an interval that had ended
    ENDED = "ended"  # the open one ended
    TOMBSTONE = "tombstone"  # ended, and we never saw it fire
    LATE = "late"  # an older message than what is known already; changes nothing


def sight(last: Occurrence | None, alert: Alert, journal: JournalId) -> tuple[Sighting, Occurrence]:
    """What `alert`, read from journal row `journal`, does to the newest occurrence of its fingerprint.

    The occurrence that comes back is to be stored; for NEW and TOMBSTONE it has no incident yet.
    """
    if alert.ends_at is None:
        return _sight_firing(last, alert, journal)
    return _sight_resolved(last, alert, alert.ends_at, journal)


def _sight_firing(last: Occurrence | None, alert: Alert, journal: JournalId) -> tuple[Sighting, Occurrence]:
    if last is None:
        return Sighting.NEW, _begin(alert, journal, number=1)
    if last.ends_at is None:
        newest = JournalId(max(last.journal, journal))
        return Sighting.REPEAT, replace(last, journal=newest, starts_at=min(last.starts_at, alert.starts_at))
    if alert.starts_at > last.ends_at:
        return Sighting.NEW, _begin(alert, journal, number=last.number + 1)
    if journal < last.journal:
        return Sighting.LATE, last
    if last.incident is None:
        # Its end was noted without an incident, and a newer message says that it fires: somebody has to be told.
        return Sighting.NEW, _begin(alert, journal, number=last.number + 1)
    return Sighting.TWIN, replace(
        last, ends_at=None, journal=journal, starts_at=min(last.starts_at, alert.starts_at)
    )


def _sight_resolved(
    last: Occurrence | None, alert: Alert, ends_at: datetime, journal: JournalId
) -> tuple[Sighting, Occurrence]:
    if last is None:
        return Sighting.TOMBSTONE, _entomb(alert, ends_at, journal, number=1)
    if last.ends_at is None:
        if journal < last.journal or last.starts_at > ends_at:
            return Sighting.LATE, last
        return Sighting.ENDED, replace(last, ends_at=ends_at, journal=journal)
    if alert.starts_at > last.ends_at:
        return Sighting.TOMBSTONE, _entomb(alert, ends_at, journal, number=last.number + 1)
    if ends_at < last.starts_at:
        # Of an earlier one. Counted in, it would make a firing that another replica has still to read look older.
        return Sighting.LATE, last
    newest = JournalId(max(last.journal, journal))
    return Sighting.REPEAT, replace(last, ends_at=max(last.ends_at, ends_at), journal=newest)


def _begin(alert: Alert, journal: JournalId, *, number: int) -> Occurrence:
    return Occurrence(
        fingerprint=alert.fingerprint,
        number=number,
        starts_at=alert.starts_at,
        ends_at=None,
        incident=None,
        journal=journal,
        labels=alert.labels,
        annotations=alert.annotations,
        generator_url=alert.generator_url,
    )


def _entomb(alert: Alert, ends_at: datetime, journal: JournalId, *, number: int) -> Occurrence:
    return replace(_begin(alert, journal, number=number), ends_at=ends_at, tombstone=True)
