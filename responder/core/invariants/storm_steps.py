"""Steps of a storm: begun by a count that is high enough, ended by counts that have been low for long enough."""

from __future__ import annotations

from datetime import datetime

from responder.core.decision import AlarmCleared, AlarmRaised, Decision
from responder.core.invariants.violation import Code, Found, told
from responder.core.machines import storm
from responder.core.machines.storm import Storm


def of_storm(before: Storm, event: object, decision: Decision[Storm], now: datetime) -> Found:
    after = decision.state
    begins, ends = after.rages and not before.rages, before.rages and not after.rages
    counted = event if isinstance(event, storm.Counted) else None
    if begins and not (counted and 0 < counted.many <= counted.incidents):
        yield Code.STORM_WRONGLY, f"begun at {event}"
    if begins and not told(decision, AlarmRaised):
        yield Code.UNTOLD, "it began"
    if ends:
        if counted is None or not (counted.many == 0 or _is_calm(before, counted, now)):
            yield Code.STORM_WRONGLY, f"ended at {event}"
        if not told(decision, AlarmCleared):
            yield Code.UNTOLD, "it ended"
    if after.rages and after.due() is None:
        yield Code.NO_TIMER, "it rages, and its end would not be noticed"


def _is_calm(before: Storm, counted: storm.Counted, now: datetime) -> bool:
    is_long = before.quiet_since is not None and now - before.quiet_since >= counted.calm_after
    return is_long and 2 * counted.incidents < counted.many
