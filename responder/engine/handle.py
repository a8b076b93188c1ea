"""Handle: the only writer of machine records.

It takes a turn's events through the machines, first in first out, and carries what they emit by the routes, until
nothing is left; a record that is due already when it is written is looked at within the same turn, unless another
replica's policies are in force: then it is that one's. Then the turn is written to its unit, which commits it with
everything else of its batch or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from responder.core.decision import Decision, DueKind
from responder.core.delivery import SendDue
from responder.core.identifiers import Kind, RecordKey
from responder.core.machines import duty, escalation, heartbeat, incident, notice, page, storm
from responder.engine.replicas import Replicas
from responder.engine.routes import Routes
from responder.engine.turn import Emitted, Told, Turn
from responder.ports.store import Record, key_of

MOST = 20_000  # events within one turn; only a circle among the machines comes near it

ADVANCE: dict[Kind, Callable[[Any, Any, Any], Decision[Any]]] = {
    Kind.INCIDENT: incident.advance,
    Kind.ESCALATION: escalation.advance,
    Kind.PAGE: page.advance,
    Kind.NOTICE: notice.advance,
    Kind.DUTY: duty.advance,
    Kind.HEARTBEAT: heartbeat.advance,
    Kind.STORM: storm.advance,
}
DUE: dict[Kind, Callable[[], object]] = {
    Kind.INCIDENT: incident.TimerDue,
    Kind.ESCALATION: escalation.TimerDue,
    Kind.PAGE: SendDue,
    Kind.NOTICE: SendDue,
    Kind.DUTY: duty.TimerDue,
    Kind.HEARTBEAT: heartbeat.TimerDue,
    Kind.STORM: storm.TimerDue,
}


class Runaway(Exception):
    """The machines keep answering each other; the turn is given up."""


class NoSuchRecord(Exception):
    """An event was told to a record that is not stored."""


class Handle:
    def __init__(self, routes: Routes, replicas: Replicas) -> None:
        self._routes = routes
        self._replicas = replicas

    async def finish(self, turn: Turn) -> None:
        """Decide everything that is queued and what follows from it, and write it. Raises without writing anything."""
        done = 0
        while turn.queue:
            done += 1
            if done > MOST:
                raise Runaway(f"{done} events in one turn; the last was {turn.queue[0]!r:.200}")
            match turn.queue.popleft():
                case Told(key=key, event=event):
                    await self._advance(turn, key, event)
                case Emitted(emit=emit):
                    await self._routes.carry(turn, emit)  # type: ignore[arg-type]  # the routes know every emit
            if not turn.queue:
                await self._look_again(turn)
        await turn.write()

    async def _advance(self, turn: Turn, key: RecordKey, event: object) -> None:
        record = await turn.get(key)
        if record is None:
            raise NoSuchRecord(f"{key} is not there to hear of {type(event).__name__}")
        turn.decide(type(event).__name__, ADVANCE[key.kind](record, event, turn.now))

    async def _look_again(self, turn: Turn) -> None:
        """What is due as it stands is not left for the timers: one transaction holds an opening and its first step."""
        due = [record for record in turn.changed() if _is_due(record, turn)]
        if not due:
            return
        if turn.is_in_force is None:
            turn.is_in_force = await self._replicas.is_in_force(turn.unit)
        if turn.is_in_force:
            for record in due:
                turn.tell(key_of(record), DUE[record.KIND]())


def _is_due(record: Record, turn: Turn) -> bool:
    due = record.due()
    return due is not None and due.kind is DueKind.TIMER and due.at <= turn.now
