"""The names by which things are called, and how each is made.

Nothing here is random: an identifier is a counter or made of other identifiers, so that the same event, decided
again after a crash, names the same things, and a page's identifier can serve as its idempotency key.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

IncidentId = NewType("IncidentId", str)  # "I42"
Fingerprint = NewType("Fingerprint", str)  # Alertmanager's, 16 hex digits
ContactName = NewType("ContactName", str)
ChannelName = NewType("ChannelName", str)
JournalId = NewType("JournalId", int)  # grows in the order in which bodies were accepted
PinHash = NewType("PinHash", str)  # content hash of what was promised to an incident


class Kind(StrEnum):
    """The machines, as they are named in storage, the audit and metrics."""

    INCIDENT = "incident"
    ESCALATION = "escalation"
    PAGE = "page"
    NOTICE = "notice"
    DUTY = "duty"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True, order=True)
class RecordKey:
    """Where a machine's record stands: its kind and, within the kind, its identifier."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"


def incident_id(number: int) -> IncidentId:
    return IncidentId(f"I{number}")


def ladder_page_id(incident: IncidentId, number: int) -> str:
    """`number` counts the pages that this incident's escalation asked for, from 1."""
    return f"{incident}-p{number}"


def duty_page_id(incident: IncidentId, duty: str, number: int) -> str:
    return f"{incident}-{duty}-p{number}"


def notice_id(incident: IncidentId, channel: ChannelName) -> str:
    return f"{incident}/{channel}"


def kept_page_id(page: str) -> str:
    """The notice that keeps a page's message up to date."""
    return f"{page}/shown"


def duty_id(incident: IncidentId, duty: str) -> str:
    return f"{incident}/{duty}"
