"""Our own beat, outward: while all is well somebody outside hears of it, and calls people when they hear nothing.

It goes out only while the auditor is content: it has looked lately and found nothing wrong, the store takes commits,
every loop is sound, and some channel takes messages. Every replica beats for itself, and for nobody else. What keeps
the beat back is told once in the log, and stands in the status; that it does not arrive is an alarm like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised
from responder.core.errors import Failure, Permanent
from responder.engine.auditor import EVERY as LOOK_EVERY
from responder.engine.auditor import Auditor
from responder.engine.handle import Handle
from responder.engine.points import Points
from responder.engine.reach import Reach
from responder.engine.supervise import Supervisor
from responder.engine.turn import Turn
from responder.ports.store import Unit

EVERY = timedelta(seconds=30)
WITHIN = timedelta(seconds=10)  # for its answer
MISSED = 3  # times in a row that a look may stay away
ALARM_AFTER = 3  # beats in a row that did not arrive; what is refused for good is told at once
NAMED = 3  # of what the auditor found; the others are counted

log = structlog.get_logger("outward")


class Outward:
    def __init__(
        self,
        points: Points,
        handle: Handle,
        *,
        auditor: Auditor,
        reach: Reach,
        supervisor: Supervisor,
        every: timedelta = EVERY,
    ) -> None:
        self._points = points
        self._handle = handle
        self._auditor = auditor
        self._reach = reach
        self._supervisor = supervisor
        self._failures = 0  # beats in a row
        self._is_raised: bool | None = None  # None: a process before us may have
        self.every = every
        self.sent_at: datetime | None = None  # when the last beat that arrived began
        self.withheld: Mapping[str, str] = {}  # why the last one was not sent; empty = it was
        self.problem = ""  # of the last one that was sent; empty = it arrived

    async def run(self) -> None:
        while True:
            await self._points.clock.sleep_until(self._points.clock.now() + self.every)
            await self.beat()

    async def beat(self) -> None:
        """Send one, or keep it back."""
        wrong = self.wrong()
        if set(wrong) != set(self.withheld):
            if wrong:
                log.warning("outward beat withheld", **wrong)
            else:
                log.info("outward beat goes on")
        self.withheld = wrong
        if wrong:
            self._count("withheld")
            return
        await self._send()

    def wrong(self) -> dict[str, str]:
        """Why the auditor is not content, by what it is about; empty = it is."""
        now = self._points.clock.now()
        found: dict[str, str] = {}
        if _is_old(self._auditor.looked_at, LOOK_EVERY, now):
            found["auditor"] = f"it has not looked since {_said(self._auditor.looked_at)}"
        elif alarms := [f"{alarm.kind.value} {alarm.subject}" for alarm in self._auditor.found]:
            more = len(alarms) - NAMED
            found["alarms"] = ", ".join(alarms[:NAMED]) + (f" and {more} more" if more > 0 else "")
        if problem := self._points.commits.problem():
            found["store"] = problem
        if self._reach.is_isolated:
            found["isolated"] = "no channel takes anything"
        if loops := self._supervisor.unsound():
            found["loops"] = "; ".join(f"{name}: {problem}" for name, problem in loops.items())[:300]
        return found

    async def _send(self) -> None:
        now = self._points.clock.now()
        try:
            await self._points.beat(now + WITHIN)
        except Failure as failure:
            await self._missed(failure)
            return
        self._count("sent")
        self._points.metrics.outward_beat_at.set(now.timestamp())
        if self.problem:
            log.info("outward beat arrives again")
        self.sent_at, self.problem, self._failures = now, "", 0
        if self._is_raised is not False and await self._tell(
            AlarmCleared(kind=AlarmKind.BEAT, subject="outward")
        ):
            self._is_raised = False

    async def _missed(self, failure: Failure) -> None:
        """Tried again at the next beat. Told every time: an alarm that a person has resolved is raised again."""
        self._count("failed")
        log.warning("outward beat did not arrive", problem=str(failure))
        self.problem = str(failure)
        self._failures += 1
        if isinstance(failure, Permanent) or self._failures >= ALARM_AFTER:
            detail = f"{failure}; whoever watches us from outside may be about to call people"
            if await self._tell(AlarmRaised(kind=AlarmKind.BEAT, subject="outward", detail=detail)):
                self._is_raised = True

    async def _tell(self, emit: AlarmRaised | AlarmCleared) -> bool:
        async def work(unit: Unit) -> None:
            turn = Turn(unit, self._points.clock.now())
            turn.emit(emit)
            await self._handle.finish(turn)

        try:
            await self._points.commit("commit.outward", work)
        except Failure as problem:
            log.warning("alarm not recorded", subject=emit.subject, problem=str(problem))
            return False
        return True

    def _count(self, outcome: str) -> None:
        self._points.metrics.outward_beats.labels(outcome).inc()


def _is_old(at: datetime | None, every: timedelta, now: datetime) -> bool:
    return at is None or now - at > MISSED * every


def _said(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at is not None else "we started"
