"""Duty: something owed to the outside from a certain time on: an external notice, the regulator, the media.

It is no rung: acknowledgement, snooze and early moves never touch it. Resolution ends it only before it is due; after
that a person has to say that it was sent, with proof, or that it is waived, with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, assert_never

from responder.core.decision import Decision, Due, DueKind, NoticeAsked, NoticeReason, PageAsked, PageReason
from responder.core.identifiers import ChannelName, ContactName, IncidentId, Kind, duty_page_id


class Phase(StrEnum):
    OWED = "owed"
    DUE = "due"
    SENT = "sent"
    WAIVED = "waived"
    ENDED = "ended"  # it never came due


class Why(StrEnum):
    OWED = "duty.owed"
    OWED_EARLIER = "duty.owed_earlier"
    CAME_DUE = "duty.came_due"
    REMINDED = "duty.reminded"
    SENT = "duty.sent"
    WAIVED = "duty.waived"
    ENDED = "duty.ended"
    OWED_AGAIN = "duty.owed_again"
    ALREADY_DONE = "duty.already_done"
    STALE = "duty.stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    KIND: ClassVar[Kind] = Kind.DUTY

    duty: str  # its identifier: incident/name
    name: str
    incident: IncidentId
    due_at: datetime
    contacts: tuple[ContactName, ...]
    channels: tuple[ChannelName, ...]
    remind: timedelta
    phase: Phase = Phase.OWED
    remind_at: datetime | None = None
    pages: int = 0
    done_by: ContactName | None = None
    done_at: datetime | None = None
    proof: str = ""  # where it can be seen that it was sent, or why it was waived

    @property
    def id(self) -> str:
        return self.duty

    @property
    def is_live(self) -> bool:
        return self.phase in (Phase.OWED, Phase.DUE)

    def due(self) -> Due | None:
        match self.phase:
            case Phase.OWED:
                return Due(self.due_at, DueKind.TIMER)
            case Phase.DUE:
                return None if self.remind_at is None else Due(self.remind_at, DueKind.TIMER)
            case Phase.SENT | Phase.WAIVED | Phase.ENDED:
                return None
            case _:
                assert_never(self.phase)


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The record's due row was claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """The incident reached a level that has this duty, to be due at `due_at`; the earlier time counts."""

    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    by: ContactName
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waived:
    by: ContactName
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The incident resolved, or a person lowered it to a level without this duty."""


Event = TimerDue | Owed | Sent | Waived | Ended


def begin(state: Duty) -> Decision[Duty]:
    return Decision(state, Why.OWED, details=_details(state))


def advance(state: Duty, event: Event, now: datetime) -> Decision[Duty]:
    match event:
        case TimerDue():
            return _on_due(state, now)
        case Owed(due_at=due_at):
            return _owe(state, due_at)
        case Sent(by=by, proof=proof):
            return _finish(state, Phase.SENT, Why.SENT, by, proof, now)
        case Waived(by=by, reason=reason):
            return _finish(state, Phase.WAIVED, Why.WAIVED, by, reason, now)
        case Ended():
            return _end(state, now)
        case _:
            assert_never(event)


def _on_due(state: Duty, now: datetime) -> Decision[Duty]:
    due = state.due()
    if due is None or now < due.at:
        return Decision(state, Why.STALE)
    first = state.phase is Phase.OWED
    reason = PageReason.DUTY if first else PageReason.DUTY_REMINDER
    pages = tuple(
        PageAsked(
            page=duty_page_id(state.incident, state.name, number),
            incident=state.incident,
            contact=contact,
            reason=reason,
            subject=state.name,
        )
        for number, contact in enumerate(state.contacts, start=state.pages + 1)
    )
    shown = NoticeAsked(
        incident=state.incident, channels=state.channels, reason=NoticeReason.DUTY, subject=state.name
    )
    state = replace(state, phase=Phase.DUE, remind_at=now + state.remind, pages=state.pages + len(pages))
    return Decision(state, Why.CAME_DUE if first else Why.REMINDED, (shown, *pages), details=_details(state))


def _owe(state: Duty, due_at: datetime) -> Decision[Duty]:
    if state.phase is Phase.ENDED:
        return Decision(
            replace(state, phase=Phase.OWED, due_at=due_at), Why.OWED_AGAIN, details=_details(state)
        )
    if state.phase is Phase.OWED and due_at < state.due_at:
        state = replace(state, due_at=due_at)
        return Decision(state, Why.OWED_EARLIER, details=_details(state))
    return Decision(state, Why.STALE)


def _finish(
    state: Duty, phase: Phase, why: Why, by: ContactName, proof: str, now: datetime
) -> Decision[Duty]:
    if not state.is_live:
        return Decision(state, Why.ALREADY_DONE, details=_details(state) | {"by": by})
    state = replace(state, phase=phase, remind_at=None, done_by=by, done_at=now, proof=proof)
    return Decision(state, why, details=_details(state) | {"by": by, "proof": proof})


def _end(state: Duty, now: datetime) -> Decision[Duty]:
    """Ends what is not due yet; what came due in the same instant is due."""
    if state.phase is Phase.OWED and now < state.due_at:
        return Decision(replace(state, phase=Phase.ENDED), Why.ENDED, details=_details(state))
    return Decision(state, Why.STALE)


def _details(state: Duty) -> dict[str, str]:
    return {"duty": state.name, "due": state.due_at.isoformat()}
