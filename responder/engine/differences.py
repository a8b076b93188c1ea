"""Differences: what one incident is told where the Alertmanagers say something else than we do.

Each is decided within the transaction that tells it, on what stands there then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from responder.core.alert import Occurrence
from responder.core.identifiers import IncidentId, Kind, RecordKey
from responder.core.machines import escalation as escalations
from responder.core.machines import incident as incidents
from responder.engine.joining import named
from responder.engine.turn import Turn


class What(StrEnum):
    """What was mended; as metrics and the log name it."""

    MISSED = "missed"  # alerts that were never posted to us
    LEFT_OUT = "left_out"  # alerts that a truncated body left out
    COMPLETED = "completed"  # incidents of which nothing is hidden any more
    SUPPRESSED = "suppressed"  # incidents
    STILL_SUPPRESSED = "still_suppressed"
    UNSUPPRESSED = "unsuppressed"
    GHOST = "ghost"  # alerts that were taken for ended
    DOUBTED = "doubted"  # incidents about which a person was asked
    STILL_DOUBTED = "still_doubted"
    SEEN_AGAIN = "seen_again"
    FAILED = "failed"  # incidents that could not be worked on


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one incident."""

    incident: IncidentId
    what: What
    count: int = 1


Work = Callable[[Turn, IncidentId], Awaitable[Outcome | None]]
NO_NEWS = (What.STILL_SUPPRESSED, What.STILL_DOUBTED)


async def keep_quiet(
    turn: Turn, incident: IncidentId, until: datetime, by: tuple[str, ...]
) -> Outcome | None:
    """An open one's ladder stands still, and a resolved one is not opened again. What a body left out may fire."""
    state, ladder = await turn.incident(incident), await turn.escalation(incident)
    if state is None or ladder is None or state.hidden:
        return None
    if state.is_open:
        is_new = ladder.suppression is None
        turn.tell(RecordKey(Kind.ESCALATION, incident), escalations.Suppressed(until=until, by=by))
    else:
        is_new = state.quiet_until is None
        turn.tell(RecordKey(Kind.INCIDENT, incident), incidents.AlertsSuppressed(until=until))
    return Outcome(incident, What.SUPPRESSED if is_new else What.STILL_SUPPRESSED)


async def let_go(turn: Turn, incident: IncidentId) -> Outcome | None:
    state, ladder = await turn.incident(incident), await turn.escalation(incident)
    if state is not None and state.quiet_until is not None:
        turn.tell(RecordKey(Kind.INCIDENT, incident), incidents.AlertsUnsuppressed())
    elif ladder is not None and ladder.suppression is not None:
        turn.tell(RecordKey(Kind.ESCALATION, incident), escalations.Unsuppressed())
    else:
        return None
    return Outcome(incident, What.UNSUPPRESSED)


async def judge_incident(turn: Turn, incident: IncidentId, ghosts: Sequence[Occurrence]) -> Outcome | None:
    """What has been heard of since it was looked for is no ghost."""
    last = await turn.last_occurrences({one.fingerprint for one in ghosts})
    still = [one for one in ghosts if last.get(one.fingerprint) == one]
    state = await turn.incident(incident)
    if state is None or not still:
        return None
    key = RecordKey(Kind.INCIDENT, incident)
    if incidents.may_end_unseen(state):
        for one in still:
            turn.put_occurrence(replace(one, ends_at=max(turn.now, one.starts_at)))
        turn.tell(key, incidents.AlertsGone(count=len(still)))
        return Outcome(incident, What.GHOST, len(still))
    if len(still) < state.firing or state.hidden:
        return None
    if state.doubted_at is not None:
        return Outcome(incident, What.STILL_DOUBTED)
    turn.tell(key, incidents.AlertsDoubted(subject=named(still)))
    return Outcome(incident, What.DOUBTED)


async def tell_seen(turn: Turn, incident: IncidentId) -> Outcome | None:
    if await turn.incident(incident) is None:
        return None
    turn.tell(RecordKey(Kind.INCIDENT, incident), incidents.AlertsSeen())
    return Outcome(incident, What.SEEN_AGAIN)
