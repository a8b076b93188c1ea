"""Steps of a heartbeat: missed by time alone, back by a beat alone."""

from __future__ import annotations

from datetime import datetime

from responder.core.decision import Decision
from responder.core.invariants.violation import Code, Found, told
from responder.core.machines import heartbeat
from responder.core.machines.heartbeat import Heartbeat


def of_heartbeat(before: Heartbeat, event: object, decision: Decision[Heartbeat], now: datetime) -> Found:
    after = decision.state
    missed, beating = heartbeat.Phase.MISSED, heartbeat.Phase.BEATING
    if after.phase is missed and before.phase is not missed:
        is_over = before.last_at is not None and before.last_at + before.period <= now
        if not (isinstance(event, heartbeat.TimerDue) and is_over):
            yield Code.BEAT_WRONGLY, f"missed at {type(event).__name__}"
        if not told(decision, heartbeat.HeartbeatMissed):
            yield Code.UNTOLD, "it was missed"
    if after.phase is beating and not isinstance(event, heartbeat.Beat) and before.phase is missed:
        yield Code.BEAT_WRONGLY, f"beating at {type(event).__name__}"
    if before.phase is missed and after.phase is not missed and not told(decision, heartbeat.HeartbeatBack):
        yield Code.UNTOLD, "it is back"
    if after.phase is beating and after.due() is None:
        yield Code.NO_TIMER, "it beats, and its absence would not be noticed"
