"""Lateness: a page that leaves us more than a second after it was due is a promise broken, and an alarm says so.

It may be late on each leg of its way: the body waited in the journal, the rung for the timers, the page for its call. A
batch has one alarm, however many of its pages are late. The auditor clears it when it finds nothing waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.core.decision import AlarmKind, AlarmRaised
from responder.core.machines.page import Page
from responder.engine.handle import Handle
from responder.engine.turn import Turn
from responder.ports.store import Unit

LATE = timedelta(seconds=1)


@dataclass(slots=True)
class Lateness:
    """Of one batch. `leg`: what its pages waited for, and where to look."""

    leg: str
    worst: timedelta = LATE
    _page: str = ""

    def look(self, turn: Turn, due_at: datetime) -> None:
        """The pages that `turn` has asked for were due then."""
        if turn.now - due_at <= self.worst:
            return
        for record in turn.changed():
            if isinstance(record, Page) and record.asked_at == turn.now:
                self.see(record.page, turn.now - due_at)

    def see(self, page: str, behind: timedelta) -> None:
        if behind > self.worst:
            self.worst, self._page = behind, page

    async def tell(self, unit: Unit, handle: Handle, now: datetime) -> None:
        """At the end of the batch. Of one subject for all pages: where one is late, many are."""
        if not self._page:
            return
        detail = f"page {self._page} was {self.worst.total_seconds():.1f} s late: {self.leg}"
        turn = Turn(unit, now)
        turn.emit(AlarmRaised(kind=AlarmKind.PAGE_LATE, subject="handover", detail=detail))
        await handle.finish(turn)
