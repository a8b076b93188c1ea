"""Steps of an incident: what may resolve it, open it again and move its level, and who hears of it."""

from __future__ import annotations

from datetime import datetime

from responder.core.decision import Decision
from responder.core.invariants.violation import Code, Found, told
from responder.core.machines import incident
from responder.core.machines.incident import Incident


def of_incident(before: Incident, event: object, decision: Decision[Incident], now: datetime) -> Found:
    after = decision.state
    if after.revision < before.revision:
        yield Code.REVISION_FELL, f"{before.revision} to {after.revision}"
    if before.phase is incident.Phase.CLOSED and after != before:
        yield Code.LEFT_CLOSED, type(event).__name__
    yield from _of_phase(before, event, decision, now)
    yield from _of_level(before, event, decision)
    if after.firing != _expected_firing(before, event):
        yield Code.FIRING_WRONG, f"{before.firing} to {after.firing} by {type(event).__name__}"


def _of_phase(before: Incident, event: object, decision: Decision[Incident], now: datetime) -> Found:
    after = decision.state
    name = type(event).__name__
    match before.phase, after.phase:
        case (incident.Phase.RESOLVED, incident.Phase.OPEN):
            if not _may_reopen(before, event, now):
                yield Code.REOPENED_WRONGLY, name
            if not told(decision, incident.IncidentReopened):
                yield Code.UNTOLD, "it opened again"
        case (incident.Phase.OPEN, incident.Phase.RESOLVED):
            if not _may_resolve(after, event):
                yield Code.RESOLVED_WRONGLY, name
            if not told(decision, incident.IncidentResolved):
                yield Code.UNTOLD, "it resolved"
        case (incident.Phase.RESOLVED, incident.Phase.CLOSED):
            is_over = before.resolved_at is not None and before.resolved_at + before.reopen_window <= now
            if before.firing or not is_over:
                yield Code.RESOLVED_WRONGLY, f"closed with {before.firing} firing"
        case (incident.Phase.OPEN, incident.Phase.CLOSED):
            yield Code.RESOLVED_WRONGLY, "closed while open"
        case _:
            pass


def _may_reopen(before: Incident, event: object, now: datetime) -> bool:
    match event:
        case incident.AlertsFired():
            return True
        case incident.AlertsRefired():
            return before.level.is_disaster and not before.firing
        case incident.TimerDue():
            hold, since = incident.TWIN_HOLD, before.twin_since
            if since is None:
                since = before.resolved_at
                hold = incident.RECHECK_DISASTER if before.level.is_disaster else incident.RECHECK
            is_quiet = before.quiet_until is not None and before.quiet_until > now
            return before.firing > 0 and since is not None and since + hold <= now and not is_quiet
        case _:
            return False


def _may_resolve(after: Incident, event: object) -> bool:
    match event:
        case incident.PersonResolved():
            return True
        case incident.AlertsEnded() | incident.AlertsShown():
            return not after.firing and not after.hidden
        case incident.AlertsGone():
            return not after.firing and not after.hidden and not after.level.is_disaster
        case _:
            return False


def _of_level(before: Incident, event: object, decision: Decision[Incident]) -> Found:
    after = decision.state
    match event:
        case incident.LevelSet(level=level):
            wanted = before.level if before.phase is incident.Phase.CLOSED else level
        case incident.AlertsFired(level=level) if before.phase is not incident.Phase.CLOSED:
            wanted = max(before.level, level)
        case _:
            wanted = before.level
    if after.level is not wanted:
        yield Code.LEVEL_WRONGLY, f"{before.level:d} to {after.level:d} by {type(event).__name__}"
    if (after.level is not before.level) is not told(decision, incident.LevelChanged):
        yield Code.UNTOLD, f"level {before.level:d} to {after.level:d}"


def _expected_firing(before: Incident, event: object) -> int:
    if before.phase is incident.Phase.CLOSED:
        return before.firing
    match event:
        case incident.AlertsFired(count=count) | incident.AlertsRefired(count=count):
            return before.firing + count
        case incident.AlertsEnded(count=count):
            return max(0, before.firing - count)
        case incident.AlertsGone(count=count) if incident.may_end_unseen(before):
            return max(0, before.firing - count)
        case _:
            return before.firing
