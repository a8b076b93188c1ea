"""Incident: one trouble, from its first alert until it is closed, and which level it has.

It counts the occurrences that fire, and decides when that means resolved, open again, a late twin, or closed. Who
answers is `escalation`'s business. An incident stays re-openable for its reopen window after it resolved; then it is
closed, and its key is free for a new one. `RACES` is the table of what wins when things come together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, assert_never

from responder.core.decision import Decision, Due, DueKind
from responder.core.identifiers import ContactName, IncidentId, Kind, PinHash
from responder.core.level import Level

TWIN_HOLD = timedelta(seconds=30)  # a late twin of an HA pair is followed by its own resolve within this
RECHECK = timedelta(minutes=30)  # resolved by hand and still firing: open again after this
RECHECK_DISASTER = timedelta(minutes=10)  # the same at levels 3-4
FLAP_WINDOW = timedelta(hours=1)
FLAPS = 3  # re-openings within FLAP_WINDOW from which on it flaps, which is told once in a FLAP_WINDOW


class Phase(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"  # may re-open
    CLOSED = "closed"


class Why(StrEnum):
    OPENED = "incident.opened"
    DECLARED = "incident.declared"
    JOINED = "incident.joined"
    ROSE = "incident.rose"
    REOPENED = "incident.reopened"
    REOPENED_TWIN = "incident.reopened_twin"
    REOPENED_STILL_FIRING = "incident.reopened_still_firing"
    TWIN_HELD = "incident.twin_held"
    TWIN_PASSED = "incident.twin_passed"
    REFIRED = "incident.refired"
    STILL_FIRING = "incident.still_firing"
    CLEARED_INCOMPLETE = "incident.cleared_incomplete"
    CLEARED = "incident.cleared"
    CLEARED_AFTER_HAND = "incident.cleared_after_hand"
    GONE = "incident.gone"
    CLEARED_GONE = "incident.cleared_gone"
    DOUBTED = "incident.doubted"
    SEEN_AGAIN = "incident.seen_again"
    SUPPRESSED = "incident.suppressed"
    STILL_SUPPRESSED = "incident.suppressed_still"
    UNSUPPRESSED = "incident.unsuppressed"
    RESOLVED_BY_HAND = "incident.resolved_by_hand"
    RESOLVED_STILL_FIRING = "incident.resolved_still_firing"
    ALREADY_RESOLVED = "incident.already_resolved"
    LEVEL_SET = "incident.level_set"
    LEVEL_SAME = "incident.level_same"
    HIDDEN = "incident.hidden"
    COMPLETE = "incident.complete"
    NOTE = "incident.note"
    REPINNED = "incident.repinned"
    TERMS = "incident.terms"
    CLOSED = "incident.closed"
    STALE = "incident.stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """`firing` counts the open occurrences; `hidden` are Alertmanager groups whose body was truncated while firing."""

    KIND: ClassVar[Kind] = Kind.INCIDENT

    incident: IncidentId
    key: str  # triage rule and its group_by values
    rule: str
    group: Mapping[str, str]  # the group_by labels
    title: str
    level: Level
    pin: PinHash
    reopen_window: timedelta
    opened_at: datetime
    phase: Phase = Phase.OPEN
    firing: int = 0
    seen: int = 0  # occurrences that ever belonged to it
    hidden: frozenset[str] = frozenset()
    resolved_at: datetime | None = None
    resolved_by: ContactName | None = None  # None with resolved_at set: the alerts cleared
    twin_since: datetime | None = None  # an ended occurrence fired again; held until TWIN_HOLD is over
    may_be_twin: bool = False  # it was re-opened by what may be a late twin
    level_set_by: ContactName | None = None
    declared_by: ContactName | None = None
    doubted_at: datetime | None = (
        None  # since when no Alertmanager has what fires, as a person was asked to see
    )
    quiet_until: datetime | None = (
        None  # resolved by hand: its alerts fire, and Alertmanager keeps them quiet until
    )
    reopenings: tuple[datetime, ...] = ()  # within FLAP_WINDOW
    flapping_at: datetime | None = None  # when it was last told as flapping
    revision: int = 0
    links: Mapping[str, str] = field(default_factory=dict)  # runbook and source of the newest alert

    @property
    def id(self) -> str:
        return self.incident

    @property
    def is_live(self) -> bool:
        return self.phase is not Phase.CLOSED

    @property
    def is_open(self) -> bool:
        return self.phase is Phase.OPEN

    def due(self) -> Due | None:
        """While resolved: the end of a twin's hold, the second look at a resolve by hand, or closing."""
        if self.phase is not Phase.RESOLVED or self.resolved_at is None:
            return None
        if self.twin_since is not None:
            return Due(self.twin_since + TWIN_HOLD, DueKind.TIMER)
        if self.firing:
            recheck = self.resolved_at + (RECHECK_DISASTER if self.level.is_disaster else RECHECK)
            return Due(max(recheck, self.quiet_until or recheck), DueKind.TIMER)
        return Due(self.resolved_at + self.reopen_window, DueKind.TIMER)


# Events


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The record's due row was claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsFired:
    """New occurrences of one body that belong here. `level`: the highest of them; `subject` names them."""

    count: int
    level: Level
    subject: str
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsRefired:
    """Occurrences that had ended fire again within their interval: late twins, or never over."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsEnded:
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsGone:
    """Occurrences that no Alertmanager has any more, and whose end none has told, are taken for ended."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsDoubted:
    """No Alertmanager has any of those that fire; `subject` names them. It is too grave to be taken for their end."""

    subject: str


@dataclass(frozen=True, slots=True)
class AlertsSeen:
    """An Alertmanager has one of those that fire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsSuppressed:
    """Alertmanager keeps all that fire quiet, until `until` unless it is said again."""

    until: datetime


@dataclass(frozen=True, slots=True)
class AlertsUnsuppressed:
    """One of those that fire is not kept quiet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsHidden:
    """A truncated body of Alertmanager group `group` fired: alerts that we were not shown may fire too."""

    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsShown:
    """A later body showed all of `group`, or told that all of it resolved."""

    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonResolved:
    by: ContactName
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSet:
    by: ContactName
    level: Level
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A person wrote something down; it stands in the audit, and where the incident's story is told."""

    by: ContactName
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repinned:
    """A person moved the incident to today's policy."""

    by: ContactName
    pin: PinHash


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsChanged:
    """Its level or its policy is another one, and so is what was promised for it."""

    reopen_window: timedelta


OfAlertmanager = AlertsGone | AlertsDoubted | AlertsSeen | AlertsSuppressed | AlertsUnsuppressed
Event = (
    TimerDue
    | AlertsFired
    | AlertsRefired
    | AlertsEnded
    | OfAlertmanager
    | AlertsHidden
    | AlertsShown
    | PersonResolved
    | LevelSet
    | Noted
    | Repinned
    | TermsChanged
)


# Emits of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentOpened:
    incident: IncidentId
    level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChanged:
    incident: IncidentId
    level: Level
    rose: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsJoined:
    incident: IncidentId
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDoubted:
    """A person has to see whether it goes on; `subject` names what fires nowhere."""

    incident: IncidentId
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentResolved:
    incident: IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReopened:
    """`flapping`: None, "page" for the one that is told as flapping, "quiet" for those after it."""

    incident: IncidentId
    flapping: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClosed:
    incident: IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLeft:
    incident: IncidentId
    by: ContactName
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinChanged:
    incident: IncidentId
    pin: PinHash


def begin(state: Incident) -> Decision[Incident]:
    """An incident as triage or a person describes it, open from now on."""
    why = Why.DECLARED if state.declared_by is not None else Why.OPENED
    opened = IncidentOpened(incident=state.incident, level=state.level)
    return Decision(state, why, (opened,), details={"rule": state.rule, "level": str(int(state.level))})


def advance(state: Incident, event: Event, now: datetime) -> Decision[Incident]:
    if state.phase is Phase.CLOSED:
        return Decision(state, Why.STALE)
    match event:
        case TimerDue():
            return _on_due(state, now)
        case AlertsFired():
            return _fire(state, event, now)
        case AlertsRefired(count=count):
            return _refire(state, count, now)
        case AlertsEnded(count=count):
            return _end(state, count, now)
        case AlertsGone() | AlertsDoubted() | AlertsSeen() | AlertsSuppressed() | AlertsUnsuppressed():
            return _hear_alertmanager(state, event, now)
        case AlertsHidden(group=group) if group in state.hidden:
            return Decision(state, Why.STALE)
        case AlertsHidden(group=group):
            return Decision(replace(state, hidden=state.hidden | {group}), Why.HIDDEN)
        case AlertsShown(group=group):
            return _show(state, group, now)
        case PersonResolved():
            return _resolve_by_hand(state, event, now)
        case LevelSet():
            return _set_level(state, event)
        case Noted(by=by, text=text):
            left = NoteLeft(incident=state.incident, by=by, text=text)
            return Decision(state, Why.NOTE, (left,), details={"by": by, "text": text})
        case Repinned(by=by, pin=pin):
            changed = PinChanged(incident=state.incident, pin=pin)
            return Decision(replace(state, pin=pin), Why.REPINNED, (changed,), details={"by": by, "pin": pin})
        case TermsChanged(reopen_window=window):
            return Decision(replace(state, reopen_window=window), Why.TERMS)
        case _:
            assert_never(event)


def _on_due(state: Incident, now: datetime) -> Decision[Incident]:
    due = state.due()
    if due is None or now < due.at:
        return Decision(state, Why.STALE)
    if state.twin_since is not None:
        return _reopen(replace(state, may_be_twin=True), Why.REOPENED_TWIN, now)
    if state.firing:
        return _reopen(state, Why.REOPENED_STILL_FIRING, now)
    closed = replace(state, phase=Phase.CLOSED)
    return Decision(closed, Why.CLOSED, (IncidentClosed(incident=state.incident),))


def _fire(state: Incident, event: AlertsFired, now: datetime) -> Decision[Incident]:
    was, state = (
        state,
        replace(
            state,
            firing=state.firing + event.count,
            seen=state.seen + event.count,
            level=max(state.level, event.level),
            links=event.links or state.links,
            doubted_at=None,
        ),
    )
    details = {"alerts": str(event.count), "subject": event.subject, "level": str(int(state.level))}
    rise: tuple[object, ...] = ()
    if state.level > was.level:
        state = replace(state, level_set_by=None)
        rise = (LevelChanged(incident=state.incident, level=state.level, rose=True),)
    if state.phase is Phase.RESOLVED:
        reopened = _reopen(state, Why.REOPENED, now)
        return replace(reopened, emits=(*reopened.emits, *rise), details={**reopened.details, **details})
    joined = AlertsJoined(incident=state.incident, subject=event.subject)
    return Decision(state, Why.ROSE if rise else Why.JOINED, (*rise, joined), details=details)


def _refire(state: Incident, count: int, now: datetime) -> Decision[Incident]:
    quiet = state.firing == 0
    state = replace(state, firing=state.firing + count, doubted_at=None)
    if state.phase is Phase.OPEN or not quiet:
        return Decision(state, Why.REFIRED, details={"alerts": str(count)})
    if state.level.is_disaster:
        return _reopen(replace(state, may_be_twin=True), Why.REOPENED_TWIN, now)
    return Decision(replace(state, twin_since=now), Why.TWIN_HELD)


def _end(state: Incident, count: int, now: datetime) -> Decision[Incident]:
    state = replace(state, firing=max(0, state.firing - count))
    details = {"alerts": str(count), "firing": str(state.firing)}
    if state.phase is Phase.RESOLVED:
        return _end_resolved(state, now, details)
    return _resolve_if_cleared(state, now, details)


def _end_resolved(state: Incident, now: datetime, details: dict[str, str]) -> Decision[Incident]:
    if state.firing:
        return Decision(state, Why.STILL_FIRING, details=details)
    state = replace(state, quiet_until=None)
    if state.twin_since is not None:
        return Decision(replace(state, twin_since=None), Why.TWIN_PASSED, details=details)
    # Resolved by hand before; the reopen window counts from when the alerts went quiet.
    return Decision(replace(state, resolved_at=now), Why.CLEARED_AFTER_HAND, details=details)


def _resolve_if_cleared(state: Incident, now: datetime, details: dict[str, str]) -> Decision[Incident]:
    if state.firing:
        return Decision(state, Why.STILL_FIRING, details=details)
    if state.hidden:
        return Decision(state, Why.CLEARED_INCOMPLETE, details=details)
    return _resolve(state, Why.CLEARED, now, details)


def _hear_alertmanager(state: Incident, event: OfAlertmanager, now: datetime) -> Decision[Incident]:
    """What it says when it is asked."""
    match event:
        case AlertsGone(count=count):
            return _take_for_ended(state, count, now)
        case AlertsDoubted(subject=subject):
            return _doubt(state, subject, now)
        case AlertsSeen() if state.doubted_at is not None:
            return Decision(replace(state, doubted_at=None), Why.SEEN_AGAIN)
        case AlertsSuppressed(until=until):
            return _keep_quiet(state, until)
        case AlertsUnsuppressed() if state.quiet_until is not None:
            return Decision(replace(state, quiet_until=None), Why.UNSUPPRESSED)
        case AlertsSeen() | AlertsUnsuppressed():
            return Decision(state, Why.STALE)
        case _:
            assert_never(event)


def may_end_unseen(state: Incident) -> bool:
    """What no Alertmanager has any more is taken for ended, and nobody has to say so.

    At levels 3 and 4 a person has to: either they have resolved it already, or they are asked.
    """
    return not state.level.is_disaster or state.phase is Phase.RESOLVED


def _take_for_ended(state: Incident, count: int, now: datetime) -> Decision[Incident]:
    if not may_end_unseen(state):
        return Decision(state, Why.STALE)
    state = replace(state, firing=max(0, state.firing - count))
    details = {"alerts": str(count), "firing": str(state.firing)}
    if state.phase is Phase.RESOLVED:
        return _end_resolved(state, now, details)
    if state.firing or state.hidden:
        return Decision(state, Why.GONE, details=details)
    return _resolve(state, Why.CLEARED_GONE, now, details)


def _doubt(state: Incident, subject: str, now: datetime) -> Decision[Incident]:
    """Once, until they are seen again: whoever is asked has been asked."""
    if state.phase is not Phase.OPEN or may_end_unseen(state) or state.doubted_at is not None:
        return Decision(state, Why.STALE)
    doubted = IncidentDoubted(incident=state.incident, subject=subject)
    details = {"alerts": str(state.firing), "subject": subject}
    return Decision(replace(state, doubted_at=now), Why.DOUBTED, (doubted,), details=details)


def _keep_quiet(state: Incident, until: datetime) -> Decision[Incident]:
    """An open one is kept quiet by its ladder; a resolved one is not opened again for what fires in silence."""
    was = state.quiet_until
    is_by_hand = state.phase is Phase.RESOLVED and state.firing and state.twin_since is None
    if not is_by_hand or (was is not None and until <= was):
        return Decision(state, Why.STALE)
    why = Why.SUPPRESSED if was is None else Why.STILL_SUPPRESSED
    return Decision(replace(state, quiet_until=until), why, details={"until": until.isoformat()})


def _show(state: Incident, group: str, now: datetime) -> Decision[Incident]:
    if group not in state.hidden:
        return Decision(state, Why.STALE)
    state = replace(state, hidden=state.hidden - {group})
    if state.phase is Phase.OPEN and not state.firing and not state.hidden and state.seen:
        return _resolve(state, Why.CLEARED, now, {})
    return Decision(state, Why.COMPLETE)


def _resolve_by_hand(state: Incident, event: PersonResolved, now: datetime) -> Decision[Incident]:
    details = {"by": str(event.by)} | ({"text": event.reason} if event.reason else {})
    if state.phase is Phase.RESOLVED:
        return Decision(state, Why.ALREADY_RESOLVED, details=details)
    why = Why.RESOLVED_STILL_FIRING if state.firing else Why.RESOLVED_BY_HAND
    return _resolve(replace(state, resolved_by=event.by), why, now, details | {"firing": str(state.firing)})


def _resolve(state: Incident, why: Why, now: datetime, details: dict[str, str]) -> Decision[Incident]:
    state = replace(state, phase=Phase.RESOLVED, resolved_at=now, doubted_at=None, quiet_until=None)
    return Decision(state, why, (IncidentResolved(incident=state.incident),), details=details)


def _reopen(state: Incident, why: Why, now: datetime) -> Decision[Incident]:
    recent = (*(at for at in state.reopenings if now - at < FLAP_WINDOW), now)
    flapping = _flapping(state, len(recent), now)
    state = replace(
        state,
        phase=Phase.OPEN,
        resolved_at=None,
        resolved_by=None,
        twin_since=None,
        quiet_until=None,
        may_be_twin=state.may_be_twin and why is Why.REOPENED_TWIN,
        reopenings=recent,
        flapping_at=now if flapping == "page" else state.flapping_at,
    )
    reopened = IncidentReopened(incident=state.incident, flapping=flapping)
    return Decision(state, why, (reopened,), details={"reopenings": str(len(recent))})


def _flapping(state: Incident, recent: int, now: datetime) -> str | None:
    if recent < FLAPS:
        return None
    was_told = state.flapping_at is not None and now - state.flapping_at < FLAP_WINDOW
    return "quiet" if was_told else "page"


def _set_level(state: Incident, event: LevelSet) -> Decision[Incident]:
    """While it is resolved the new level's duties end where they begin: they are owed if it opens again."""
    details = {"by": str(event.by), "level": str(int(event.level)), "from": str(int(state.level))}
    if event.reason:
        details["text"] = event.reason
    if event.level == state.level:
        return Decision(replace(state, level_set_by=event.by), Why.LEVEL_SAME, details=details)
    changed = LevelChanged(incident=state.incident, level=event.level, rose=event.level > state.level)
    over = () if state.is_open else (IncidentResolved(incident=state.incident),)
    state = replace(state, level=event.level, level_set_by=event.by)
    return Decision(state, Why.LEVEL_SET, (changed, *over), details=details)


@dataclass(frozen=True, slots=True)
class Race:
    """One line of the race table: what comes, while what, and what is then true."""

    comes: str
    meanwhile: str
    result: str


RACES = (
    Race("acknowledge", "resolved", "a note on the record; stays resolved"),
    Race("alert clears", "acknowledged", "resolved; the lease ends; everyone who was paged is told"),
    Race(
        "timer due",
        "acknowledge or resolve in the same instant",
        "the commit decides; no page is sent whose claim committed after the acknowledgement's commit; one already "
        "claimed is shown as sent before the acknowledgement",
    ),
    Race(
        "same occurrence fires again",
        "resolved moments ago",
        "levels 1-2 are held 30 s, then re-open unless its own resolve followed; levels 3-4 re-open at once, marked "
        "as perhaps a late twin",
    ),
    Race(
        "new occurrence fires",
        "resolved, within the reopen window",
        "the same incident re-opens without its acknowledgement; quiet time is not counted; the third re-opening "
        "within an hour is one flapping page, and the others within an hour of it are quiet",
    ),
    Race(
        "person resolves",
        "alerts still fire",
        "resolved by hand, still firing; re-opens after 30 min (10 min at levels 3-4) unless they clear, or no "
        "Alertmanager has them any more; not while Alertmanager keeps them quiet",
    ),
    Race("level rises", "acknowledged", "the lower level's lease ends; the higher ladder starts"),
    Race(
        "every Alertmanager that has an alert of it keeps it quiet",
        "nobody answers",
        "the ladder stands still, and duties run; it goes on, and who heard of it last is paged, when an alert of it "
        "fires unsuppressed, and when that it is kept quiet could not be confirmed for some minutes",
    ),
    Race(
        "no Alertmanager has its alerts any more",
        "none has told their end",
        "levels 1-2 are resolved; at levels 3-4 a person is asked to look",
    ),
)
