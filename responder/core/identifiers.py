"""The names by which things are called, and how each is made.

Nothing here is random: an identifier is a counter or made of other identifiers, so that the same event, decided
again after a crash, names the same things, and a page's identifier can serve as its idempotency key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

IncidentId = NewType("IncidentId", str)  # "I42"
Fingerprint = NewType("Fingerprint", str)  # Alertmanager's, 16 hex digits
ContactName = NewType("ContactName", str)
ChannelName = NewType("ChannelName", str)
JournalId = NewType("JournalId", int)  # grows in the order in which bodies were accepted
PinHash = NewType("PinHash", str)  # content hash of what was promised to an incident


_DIGEST = re.compile(r"D[1-9][0-9]*")
# Everything of an incident has a name that begins with the incident's own.
_OF_AN_INCIDENT = re.compile(r"I[0-9]+(?=[-/]|\Z)")


class Kind(StrEnum):
    """The machines, as they are named in storage, the audit and metrics."""

    INCIDENT = "incident"
    ESCALATION = "escalation"
    PAGE = "page"
    NOTICE = "notice"
    DUTY = "duty"
    HEARTBEAT = "heartbeat"
    STORM = "storm"


@dataclass(frozen=True, slots=True, order=True)
class RecordKey:
    """Where a machine's record stands: its kind and, within the kind, its identifier."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"


def incident_id(number: int) -> IncidentId:
    return IncidentId(f"I{number}")


def incident_of(key: RecordKey) -> IncidentId | None:
    """The incident whose record this is, as its name says it; None where it is of none."""
    found = None if key.kind is Kind.HEARTBEAT else _OF_AN_INCIDENT.match(key.id)
    return IncidentId(found[0]) if found else None


def ladder_page_id(incident: IncidentId, number: int) -> str:
    """`number` counts the pages that this incident's escalation asked for, from 1."""
    return f"{incident}-p{number}"


def digest_id(number: int) -> str:
    """A page that carries others. `number` is one that no incident has, so that neither is taken for the other."""
    return f"D{number}"


def is_digest_id(name: str) -> bool:
    return _DIGEST.fullmatch(name) is not None


def duty_page_id(incident: IncidentId, duty: str, number: int) -> str:
    return f"{incident}-{duty}-p{number}"


def notice_id(incident: IncidentId, channel: ChannelName) -> str:
    return f"{incident}/{channel}"


def kept_page_id(page: str) -> str:
    """The notice that keeps a page's message up to date."""
    return f"{page}/shown"


def duty_id(incident: IncidentId, duty: str) -> str:
    return f"{incident}/{duty}"
