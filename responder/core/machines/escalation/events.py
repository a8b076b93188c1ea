"""What a ladder hears, and what it says that other machines do not say too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.core.identifiers import ContactName, IncidentId
from responder.core.machines.escalation.record import EarlyWhy
from responder.core.policy.escalation import Terms


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The record's due row was claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelReached:
    """The incident's level is another now; `terms` are what was promised for it."""

    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """`wanted`: how long they take it for; None = the level's whole lease, which is also the most.

    `stranger`: who did it in the name of `by`, where that was no contact; "" = they did it themselves.
    """

    by: ContactName
    wanted: timedelta | None = None
    stranger: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unacknowledged:
    by: ContactName


@dataclass(frozen=True, slots=True, kw_only=True)
class Snoozed:
    by: ContactName
    wanted: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """Every Alertmanager that has an alert of it keeps that quiet. `until`: unless it is said again."""

    until: datetime
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unsuppressed:
    """An alert of it fires, and an Alertmanager does not keep it quiet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """No Alertmanager has any of its alerts, and none has told their end: a person has to look. `subject` names one."""

    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated:
    """A person wants the next page step now."""

    by: ContactName


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveWanted:
    """Something failed that lets the next page step come early. `step`: the rung that failed, None = no rung did."""

    why: EarlyWhy
    step: int | None = None


@dataclass(frozen=True, slots=True)
class MoveAllowed:
    """The answer to MoveDue: go on."""


@dataclass(frozen=True, slots=True)
class MoveHeld:
    """The answer to MoveDue: no channel takes anything, and a page of this ladder is owed already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Alerts that had not been there joined the open incident; `subject` names them."""

    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A page was accepted by its channel."""

    contact: ContactName


@dataclass(frozen=True, slots=True)
class Resolved: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """`flapping`: None = not; "page" = tell it once; "quiet" = it has been told."""

    flapping: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repinned:
    terms: Terms


Event = (
    TimerDue
    | LevelReached
    | Acknowledged
    | Unacknowledged
    | Snoozed
    | Suppressed
    | Unsuppressed
    | Doubted
    | Escalated
    | MoveWanted
    | MoveAllowed
    | MoveHeld
    | Joined
    | HandedOver
    | Resolved
    | Reopened
    | Repinned
)


# Emits of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesWithdrawn:
    """Ladder pages that have not been handed over are not to be sent any more."""

    incident: IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationAsked:
    incident: IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveDue:
    """The time of an early move has come; whether anybody can be reached at all, others know."""

    incident: IncidentId
