"""Rejections: a peer that we keep refusing is an alarm, because nobody else would notice.

A rotated token or a broken proxy makes Alertmanager drop what it was told to deliver. The counts are of this process
and of a bounded number of peers; the alarm ends when the peer is accepted again.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised
from responder.core.errors import Failure
from responder.engine.handle import Handle
from responder.engine.points import Points
from responder.engine.turn import Turn
from responder.ports.store import Unit

MANY = 10  # refusals of one peer …
WITHIN = timedelta(minutes=5)  # … within this make an alarm
AGAIN = timedelta(hours=1)  # until the same peer makes another
PEERS = 1_000  # that are remembered, those last refused
ALARMS = 20  # within AGAIN; a crowd of peers is not worth an incident each

log = structlog.get_logger("rejections")


@dataclass(slots=True)
class _Peer:
    times: deque[datetime] = field(default_factory=lambda: deque(maxlen=MANY))
    told_at: datetime | None = None

    def is_many(self, now: datetime) -> bool:
        return len(self.times) == MANY and now - self.times[0] <= WITHIN

    def was_told(self, now: datetime) -> bool:
        return self.told_at is not None and now - self.told_at < AGAIN


class Rejections:
    def __init__(self, points: Points, handle: Handle) -> None:
        self._points = points
        self._handle = handle
        self._peers: OrderedDict[str, _Peer] = OrderedDict()
        self._told: deque[datetime] = deque(maxlen=ALARMS)

    async def refused(self, peer: str, status: int, *, credentials: str = "RESPONDER_WEBHOOK_TOKEN") -> None:
        """`peer` was answered `status`; `credentials`: the setting that lets it in. Never raises for a store that
        cannot be written: the next one tells.
        """
        now = self._points.clock.now()
        known = self._remembered(peer)
        known.times.append(now)
        if not known.is_many(now) or known.was_told(now) or self._is_crowd(now):
            return
        known.told_at = now
        self._told.append(now)
        detail = (
            f"{peer} was refused {MANY} times within {int(WITHIN.total_seconds() // 60)} minutes, last with {status}; "
            f"what it delivers is lost: see its credentials ({credentials}) and what it sends"
        )
        if await self._tell(AlarmRaised(kind=AlarmKind.REJECTED, subject=peer, detail=detail)):
            log.error("alarm", kind=AlarmKind.REJECTED.value, subject=peer, detail=detail)
        else:
            known.told_at = None

    async def accepted(self, peer: str) -> None:
        """`peer` was let in, and what it sent was taken."""
        known = self._peers.pop(peer, None)
        if known is not None and known.told_at is not None:
            await self._tell(AlarmCleared(kind=AlarmKind.REJECTED, subject=peer))

    def _remembered(self, peer: str) -> _Peer:
        known = self._peers.setdefault(peer, _Peer())
        self._peers.move_to_end(peer)
        if len(self._peers) > PEERS:
            self._peers.popitem(last=False)
        return known

    def _is_crowd(self, now: datetime) -> bool:
        return len(self._told) == ALARMS and now - self._told[0] < AGAIN

    async def _tell(self, emit: AlarmRaised | AlarmCleared) -> bool:
        async def work(unit: Unit) -> None:
            turn = Turn(unit, self._points.clock.now())
            turn.emit(emit)
            await self._handle.finish(turn)

        try:
            await self._points.commit("commit.alarm", work)
        except Failure as problem:
            log.warning("alarm not recorded", subject=emit.subject, problem=str(problem))
            return False
        return True
