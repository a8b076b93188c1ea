"""Notice: what one channel shows of one incident, brought up to date after every change.

The message is rendered when it is sent, so what queues up while a call is in flight becomes one message, and an old
state never overtakes a newer one: a notice has one call in flight at the most. It asks for no answer; a channel that
refuses it is our own trouble, raised as an alarm through the other channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, assert_never

from responder.core.decision import (
    AlarmCleared,
    AlarmKind,
    AlarmRaised,
    Decision,
    Due,
    DueKind,
    NoticeReason,
    Send,
)
from responder.core.delivery import (
    DEADLINE,
    TELLING,
    Accepted,
    Attempt,
    Outcome,
    Rejected,
    Result,
    SendDue,
    attempt_details,
    backoff,
    closed,
    lost,
    recorded_late,
)
from responder.core.identifiers import ChannelName, Fingerprint, IncidentId, Kind

ALARM_AFTER = 3  # failures in a row
KEPT = 10  # attempts, and happenings not yet shown
NO_RESULT = "calls end without a result"


class Phase(StrEnum):
    SHOWN = "shown"  # the channel has the newest state
    OWED = "owed"
    SENDING = "sending"
    FAILED = "failed"  # given up until the next change


class Why(StrEnum):
    WANTED = "notice.wanted"
    FOLDED = "notice.folded"
    CLAIMED = "notice.claimed"
    ACCEPTED = "notice.accepted"
    ACCEPTED_BEHIND = "notice.accepted_behind"
    RETRIED = "notice.retried"
    FAILED = "notice.failed"
    UNKNOWN = "notice.unknown"
    LATE_RESULT = "notice.late_result"
    STALE = "notice.stale"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing to show: what, and the words of it that are not on the record."""

    reason: NoticeReason
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`occurrence` stands for the incident where an alert opens none (level info)."""

    KIND: ClassVar[Kind] = Kind.NOTICE

    notice: str
    incident: IncidentId | None
    channel: ChannelName
    occurrence: Fingerprint | None = None
    phase: Phase = Phase.SHOWN
    wanted: int = 0  # counts changes
    sent: int = 0  # the change that the channel has
    sending: int = 0  # the change that is in flight
    happenings: tuple[Happening, ...] = ()  # since `sent`, oldest first
    owed_since: datetime | None = None
    next_at: datetime | None = None
    failures: int = 0  # in a row
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()  # the last KEPT
    posted: str = ""  # the channel's reference of the last message it accepted

    @property
    def id(self) -> str:
        return self.notice

    @property
    def in_flight(self) -> Attempt | None:
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.outcome is None else None

    @property
    def is_live(self) -> bool:
        return self.incident is not None or self.phase in (Phase.OWED, Phase.SENDING)

    def due(self) -> Due | None:
        if (flying := self.in_flight) is not None:
            return Due(flying.lease_ends_at, DueKind.SEND)
        if self.phase is Phase.OWED and self.next_at is not None:
            return Due(self.next_at, DueKind.SEND)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    reason: NoticeReason
    subject: str = ""


Event = Wanted | SendDue | Accepted | Rejected


def advance(state: Notice, event: Event, now: datetime) -> Decision[Notice]:
    match event:
        case Wanted():
            return _want(state, event, now)
        case SendDue():
            return _on_due(state, now)
        case Accepted() | Rejected():
            return _on_result(state, event, now)
        case _:
            assert_never(event)


def _want(state: Notice, event: Wanted, now: datetime) -> Decision[Notice]:
    happening = Happening(event.reason, event.subject)
    folded = state.phase in (Phase.OWED, Phase.SENDING)
    state = replace(state, wanted=state.wanted + 1, happenings=(*state.happenings, happening)[-KEPT:])
    details = {"channel": str(state.channel), "reason": event.reason.value}
    if folded:
        return Decision(state, Why.FOLDED, details=details)
    state = replace(state, phase=Phase.OWED, next_at=now, owed_since=now, failures=0)
    return Decision(state, Why.WANTED, details=details)


def _on_due(state: Notice, now: datetime) -> Decision[Notice]:
    due = state.due()
    if due is None or now < due.at:
        return Decision(state, Why.STALE)
    if (flying := state.in_flight) is not None:
        attempt = lost(flying, now)
        return _fail(replace(state, attempts=(*state.attempts[:-1], attempt)), attempt, now)
    return _claim(state, due.at, now)


def _claim(state: Notice, due_at: datetime, now: datetime) -> Decision[Notice]:
    repeats = bool(state.attempts) and state.attempts[-1].outcome is Outcome.UNKNOWN
    attempt = Attempt(
        number=state.tries + 1,
        channel=state.channel,
        method=None,
        due_at=due_at,
        claimed_at=now,
        is_repeat=repeats,
    )
    send = Send(
        kind=Kind.NOTICE,
        record=state.notice,
        incident=state.incident,
        attempt=attempt.number,
        channel=state.channel,
        contact=None,
        method=None,
        key=f"{state.notice}.{state.wanted}",
        owed_since=state.owed_since or due_at,
        due_at=due_at,
        deadline=now + DEADLINE,
        is_repeat=repeats,
    )
    state = replace(
        state,
        phase=Phase.SENDING,
        next_at=None,
        sending=state.wanted,
        tries=attempt.number,
        attempts=(*state.attempts, attempt)[-KEPT:],
    )
    return Decision(state, Why.CLAIMED, effects=(send,), details=attempt_details(attempt))


def _on_result(state: Notice, result: Result, now: datetime) -> Decision[Notice]:
    flying = state.in_flight
    if flying is None or flying.number != result.attempt:
        return _on_late_result(state, result, now)
    attempt = closed(flying, result, now)
    state = replace(state, attempts=(*state.attempts[:-1], attempt))
    if isinstance(result, Rejected):
        return _fail(state, attempt, now)
    return _accept(state, attempt, now)


def _on_late_result(state: Notice, result: Result, now: datetime) -> Decision[Notice]:
    """It is recorded; had the last message arrived after all, and none been sent since, the channel has it."""
    attempts = recorded_late(state.attempts, result, now)
    if attempts is None:
        return Decision(state, Why.STALE)
    state = replace(state, attempts=attempts)
    waiting = state.phase in (Phase.OWED, Phase.FAILED)
    if isinstance(result, Accepted) and waiting and attempts[-1].number == result.attempt:
        return _accept(state, attempts[-1], now)
    return Decision(state, Why.LATE_RESULT, details={"attempt": str(result.attempt)})


def _accept(state: Notice, attempt: Attempt, now: datetime) -> Decision[Notice]:
    behind = state.wanted - state.sending
    works = AlarmCleared(kind=AlarmKind.CHANNEL, subject=state.channel)
    state = replace(
        state,
        sent=state.sending,
        failures=0,
        happenings=state.happenings[-behind:] if behind else (),
        posted=attempt.receipt or state.posted,
    )
    if behind:
        state = replace(state, phase=Phase.OWED, next_at=now, owed_since=now)
        return Decision(state, Why.ACCEPTED_BEHIND, (works,), details=attempt_details(attempt))
    state = replace(state, phase=Phase.SHOWN, next_at=None, owed_since=None)
    return Decision(state, Why.ACCEPTED, (works,), details=attempt_details(attempt))


def _fail(state: Notice, attempt: Attempt, now: datetime) -> Decision[Notice]:
    """Refused, failed for now, or lost: again after a wait, until it was refused for good or an hour has passed."""
    state = replace(state, failures=state.failures + 1)
    refused = attempt.outcome is Outcome.PERMANENT
    alarm = AlarmRaised(kind=AlarmKind.CHANNEL, subject=state.channel, detail=attempt.detail or NO_RESULT)
    emits: tuple[object, ...] = (alarm,) if refused or state.failures == ALARM_AFTER else ()
    over = state.owed_since is not None and now - state.owed_since >= TELLING
    if refused or over:
        state = replace(state, phase=Phase.FAILED, next_at=None)
        return Decision(state, Why.FAILED, emits, details=attempt_details(attempt))
    state = replace(state, phase=Phase.OWED, next_at=now + backoff(state.failures, attempt.retry_after))
    why = Why.UNKNOWN if attempt.outcome is Outcome.UNKNOWN else Why.RETRIED
    return Decision(state, why, emits, details=attempt_details(attempt))
