"""Peers: every configured Alertmanager is asked, and what they answer is put together.

One that cannot be asked for a while is an alarm, and one that has no receiver of ours is not believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from responder.core.alert import Alert
from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised
from responder.core.errors import Failure, Permanent
from responder.core.identifiers import Fingerprint
from responder.dialects.alertmanager_api import resolve_timeout
from responder.dialects.alertmanager_config import GROUP_INTERVAL, Route, read_config
from responder.engine.handle import Handle
from responder.engine.points import Points
from responder.engine.turn import Turn
from responder.ports.alerts import PeerAlert
from responder.ports.store import Unit

RESOLVE_TIMEOUTS = 2  # that a peer has to be up for, before what it has not counts
ALARM_AFTER = 10  # polls running in which a peer cannot be asked; what fails for good is told after PERMANENT
PERMANENT = 3

log = structlog.get_logger("peers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """How it is asked. `every`: from one poll to the next."""

    receivers: tuple[str, ...] = ("responder",)
    every: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one peer has for us now."""

    peer: str
    alerts: Sequence[PeerAlert]
    route: Route | None
    is_settled: bool  # it is up so long that what fires has been told to it


@dataclass(slots=True)
class There:
    """An alert as the peers that have it say."""

    alert: Alert
    peer: str
    receiver: str
    told_at: datetime
    waits: timedelta | None  # before it is posted, at the longest; None: at some times of day it is not
    is_suppressed: bool
    by: list[str] = field(default_factory=list)


class Peers:
    def __init__(self, points: Points, handle: Handle, ask: Ask) -> None:
        self._points = points
        self._handle = handle
        self._ask = ask
        self._unasked: dict[str, int] = {}  # peer -> polls running in which it could not be asked
        self._cleared: set[str] = set()  # peers whose alarm is known to be over

    async def answers(self) -> list[Answer]:
        """Of those that answer, what they have for us."""
        peers = self._points.peers
        found = await asyncio.gather(*(self._ask_one(peer) for peer in peers))
        told = [one for peer, answer in zip(peers, found, strict=True) if (one := self._judge(peer, answer))]
        if told:
            await self._points.commit("commit.reconcile", lambda unit: self._emit(unit, told))
        return [answer for answer in found if isinstance(answer, Answer)]

    async def _ask_one(self, peer: str) -> Answer | Failure:
        try:
            status = await self._points.ask_status(peer)
            config = read_config(status.config)
            receivers = {receiver.name for receiver in config.receivers}
            if not receivers & set(self._ask.receivers):
                raise _no_receiver(peer, receivers)
            alerts = await self._points.ask_alerts(peer, self._ask.receivers)
        except Failure as failure:
            self._points.metrics.polls.labels(peer, type(failure).__name__.lower()).inc()
            log.warning("not asked", peer=peer, problem=str(failure))
            return failure
        self._points.metrics.polls.labels(peer, "ok").inc()
        up_for = self._points.clock.now() - status.up_since
        is_settled = up_for > RESOLVE_TIMEOUTS * resolve_timeout(status.config)
        return Answer(peer=peer, alerts=alerts, route=config.route, is_settled=is_settled)

    def _judge(self, peer: str, answer: Answer | Failure) -> AlarmRaised | AlarmCleared | None:
        if isinstance(answer, Answer):
            self._unasked.pop(peer, None)
            if peer in self._cleared:
                return None
            self._cleared.add(peer)
            return AlarmCleared(kind=AlarmKind.ALERTMANAGER, subject=peer)
        polls = self._unasked.get(peer, 0) + 1
        self._unasked[peer] = polls
        if polls < (PERMANENT if isinstance(answer, Permanent) else ALARM_AFTER):
            return None
        self._cleared.discard(peer)
        # Every time: one that is raised already is not raised twice, and one that a person has resolved is again.
        detail = (
            f"{answer}; until it answers, silenced incidents are paged for, and lost messages are not found"
        )
        return AlarmRaised(kind=AlarmKind.ALERTMANAGER, subject=peer, detail=detail[:500])

    async def _emit(self, unit: Unit, told: Iterable[object]) -> None:
        turn = Turn(unit, self._points.clock.now())
        for one in told:
            turn.emit(one)
        await self._handle.finish(turn)

    async def everything(self) -> set[Fingerprint] | None:
        """Everything that fires at a peer, whoever is told of it. None where one does not answer."""
        try:
            answers = [await self._points.ask_alerts(peer) for peer in self._points.peers]
        except Failure as failure:
            log.warning("not asked", problem=str(failure))
            return None
        return {one.alert.fingerprint for answer in answers for one in answer}


def merged(answers: Iterable[Answer], receivers: Collection[str]) -> dict[Fingerprint, There]:
    """What all peers together have: suppressed where each that has it says so."""
    found: dict[Fingerprint, There] = {}
    for answer in answers:
        for one in answer.alerts:
            known = found.get(one.alert.fingerprint)
            if known is None:
                found[one.alert.fingerprint] = There(
                    alert=one.alert,
                    peer=answer.peer,
                    receiver=next((name for name in one.receivers if name in receivers), ""),
                    told_at=one.updated_at,
                    waits=_waits(answer.route, one.alert.labels, receivers),
                    is_suppressed=one.is_suppressed,
                    by=list(one.suppressed_by),
                )
                continue
            known.told_at = max(known.told_at, one.updated_at)
            known.is_suppressed = known.is_suppressed and one.is_suppressed
            known.by += [name for name in one.suppressed_by if name not in known.by]
    return found


def _waits(route: Route | None, labels: Mapping[str, str], receivers: Collection[str]) -> timedelta | None:
    """How long Alertmanager may take to post an alert to us; None where at some times of day it never does."""
    if route is None:
        return GROUP_INTERVAL
    ours = [node for node in route.walk(labels) if node.receiver in receivers]
    always = [max(node.group_wait, node.group_interval) for node in ours if not node.is_timed]
    return min(always, default=None) if ours else GROUP_INTERVAL


def _no_receiver(peer: str, receivers: Collection[str]) -> Permanent:
    known = ", ".join(sorted(receivers)[:5]) or "none"
    return Permanent(
        f"alertmanager {peer}: it has no receiver of ours, but {known}; "
        "set RESPONDER_ALERTMANAGER_RECEIVERS to what ours are called there"
    )
