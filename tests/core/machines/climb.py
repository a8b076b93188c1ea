"""One ladder climbed alone, as the tests of escalation tell it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from responder.core.decision import NoticeAsked, NoticeReason, PageAsked, PageReason
from responder.core.identifiers import ContactName
from responder.core.machines.escalation import (
    EarlyWhy,
    Event,
    MoveAllowed,
    MoveDue,
    MoveHeld,
    MoveWanted,
    TimerDue,
    advance,
    begin,
)
from responder.core.policy.escalation import Terms
from tests.core.matrix import (
    I1,
    MINUTE,
    NOON,
)

ANA, BO = ContactName("ana"), ContactName("bo")
Line = tuple[int, StrEnum, tuple[ContactName, ...]]


class Climb:
    """One ladder on its own: events at minutes after noon, timers at their time, and who was paged when."""

    def __init__(self, terms: Terms) -> None:
        self.now = NOON
        self.lines: list[Line] = []
        self.paged: list[tuple[int, PageAsked]] = []
        self.notices: list[NoticeReason] = []
        self.may_move = True  # a channel takes something, or nobody is owed a page yet
        self.state = begin(I1, terms, NOON).state
        self.until(0)

    def until(self, minutes: float, *, late: bool = False) -> Climb:
        """Timers are fired at their times, or all of them at the end (`late`: we were down)."""
        end = NOON + minutes * MINUTE
        while (due := self.state.due()) is not None and due.at <= end:
            self._take(TimerDue(), end if late else max(self.now, due.at))
        self.now = end
        return self

    def at(self, minutes: float, *events: Event) -> Climb:
        self.until(minutes)
        for event in events:
            self._take(event, self.now)
        return self.until(minutes)

    def down(self, minutes: float) -> Climb:
        return self.until(minutes, late=True)

    def _take(self, event: Event, now: datetime) -> None:
        self.now = now
        decision = advance(self.state, event, now)
        self.state = decision.state
        asked = [emit for emit in decision.emits if isinstance(emit, PageAsked)]
        minute = int((now - NOON) / MINUTE)
        self.lines.append((minute, decision.why, tuple(each.contact for each in asked)))
        self.paged += [(minute, each) for each in asked]
        self.notices += [emit.reason for emit in decision.emits if isinstance(emit, NoticeAsked)]
        if any(isinstance(emit, MoveDue) for emit in decision.emits):
            self._take(MoveAllowed() if self.may_move else MoveHeld(), now)

    def who(self, since: int = 0) -> list[tuple[int, PageReason, ContactName]]:
        return [(minute, each.reason, each.contact) for minute, each in self.paged if minute >= since]


def early(climb: Climb, minutes: float, step: int | None = None) -> Climb:
    return climb.at(minutes, MoveWanted(why=EarlyWhy.PAGE_FAILED, step=step))
