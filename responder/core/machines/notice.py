"""Notice: what one channel shows of one incident, brought up to date after every change.

The message is rendered when it is sent, so what queues up while a call is in flight becomes one message, and an old
state never overtakes a newer one: a notice has one call in flight at the most. Alerts that do nothing but join are
gathered for a second after the last message, for nobody reads faster; anything else is shown at once. It asks for no
answer; a channel that refuses it is our own trouble, raised as an alarm through the other channels. Where a channel can
change its messages, a page that it took has a notice too: what the person was sent is kept up to date, until a newer
page takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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
    SenderGone,
    attempt_details,
    backoff,
    closed,
    lost,
    recorded_late,
)
from responder.core.identifiers import ChannelName, ContactName, Fingerprint, IncidentId, Kind

ALARM_AFTER = 3  # failures in a row
KEPT = 10  # attempts, and happenings not yet shown
SHOWING = timedelta(days=1)  # for this long a channel that fails or refuses is tried
# Between two tries where a person has to mend it first, or nobody has for an hour.
SELDOM = timedelta(minutes=5)
PACE = timedelta(seconds=1)  # where a busy channel does not say for how long
GATHERING = timedelta(seconds=1)  # after a message, before one that only tells of more alerts
NO_RESULT = "calls end without a result"


class Phase(StrEnum):
    SHOWN = "shown"  # the channel has the newest state
    OWED = "owed"
    SENDING = "sending"
    FAILED = "failed"  # given up until the next change: nobody has mended the channel for a day


class Why(StrEnum):
    WANTED = "notice.wanted"
    FOLDED = "notice.folded"
    CLAIMED = "notice.claimed"
    ACCEPTED = "notice.accepted"
    ACCEPTED_BEHIND = "notice.accepted_behind"
    RETRIED = "notice.retried"
    PACED = "notice.paced"
    REFUSED = "notice.refused"
    FAILED = "notice.failed"
    UNKNOWN = "notice.unknown"
    LATE_RESULT = "notice.late_result"
    KEPT_CURRENT = "notice.kept_current"
    SUPERSEDED = "notice.superseded"
    STALE = "notice.stale"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing to show: what, and the words of it that are not on the record."""

    reason: NoticeReason
    subject: str = ""
    person: ContactName | None = None  # whose doing it was, or who was paged


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`occurrence` stands for the incident where an alert opens none (level info).

    `page`, `contact`: of the page whose message is kept up to date; none where the channel itself is shown it.
    """

    KIND: ClassVar[Kind] = Kind.NOTICE

    notice: str
    incident: IncidentId | None
    channel: ChannelName
    occurrence: Fingerprint | None = None
    page: str = ""
    contact: ContactName | None = None
    superseded: bool = False  # a newer page stands below it: it is changed once more, and then left
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
        is_kept = self.incident is not None and not self.superseded
        return is_kept or self.phase in (Phase.OWED, Phase.SENDING)

    def due(self) -> Due | None:
        if (flying := self.in_flight) is not None:
            return Due(flying.lease_ends_at, DueKind.SHOW)
        if self.phase is Phase.OWED and self.next_at is not None:
            return Due(self.next_at, DueKind.SHOW)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    reason: NoticeReason
    subject: str = ""
    person: ContactName | None = None


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer page to the same person stands below this one."""


Event = Wanted | Superseded | SendDue | SenderGone | Accepted | Rejected


def keep_current(state: Notice) -> Decision[Notice]:
    """The message of a page, as it was just taken: there is nothing to change yet."""
    details = {"channel": str(state.channel), "page": state.page}
    return Decision(state, Why.KEPT_CURRENT, details=details)


def advance(state: Notice, event: Event, now: datetime) -> Decision[Notice]:
    match event:
        case Wanted():
            happening = Happening(event.reason, event.subject, event.person)
            return _want(state, happening, now)
        case Superseded():
            return _supersede(state, now)
        case SendDue():
            return _on_due(state, now)
        case SenderGone():
            return _on_gone(state, now)
        case Accepted() | Rejected():
            return _on_result(state, event, now)
        case _:
            assert_never(event)


def _want(state: Notice, happening: Happening, now: datetime) -> Decision[Notice]:
    if state.superseded:
        return Decision(state, Why.STALE)
    folded = _is_under_way(state)
    gathered = _is_gathering(state)
    state = replace(state, wanted=state.wanted + 1, happenings=(*state.happenings, happening)[-KEPT:])
    if gathered:
        state = replace(state, next_at=_ready_at(state, now))
    elif not folded:
        state = _owe(state, now)
    details = {"channel": str(state.channel), "reason": happening.reason.value}
    return Decision(state, Why.FOLDED if folded else Why.WANTED, details=details)


def _supersede(state: Notice, now: datetime) -> Decision[Notice]:
    if state.superseded:
        return Decision(state, Why.STALE)
    folded = _is_under_way(state)
    state = replace(state, wanted=state.wanted + 1, superseded=True)
    state = state if folded else _owe(state, now)
    return Decision(state, Why.SUPERSEDED, details={"channel": str(state.channel)})


def _is_under_way(state: Notice) -> bool:
    return state.phase in (Phase.OWED, Phase.SENDING)


def _is_gathering(state: Notice) -> bool:
    return state.phase is Phase.OWED and state.next_at is not None and state.next_at == _gathered_at(state)


def _gathered_at(state: Notice) -> datetime | None:
    """None where the last message is not known to have arrived, or there is none."""
    last = state.attempts[-1] if state.attempts else None
    if last is None or last.outcome is not Outcome.ACCEPTED or last.ended_at is None:
        return None
    return last.ended_at + GATHERING


def _ready_at(state: Notice, now: datetime) -> datetime:
    """Of what is now to be shown; wherever the clock has gone meanwhile, within GATHERING."""
    gathered_at = _gathered_at(state)
    only_joins = {happening.reason for happening in state.happenings} == {NoticeReason.JOINED}
    if gathered_at is None or not only_joins:
        return now
    return max(now, min(gathered_at, now + GATHERING))


def _owe(state: Notice, now: datetime) -> Notice:
    """There is more to show, and nothing is under way."""
    return replace(state, phase=Phase.OWED, next_at=_ready_at(state, now), owed_since=now, failures=0)


def _on_due(state: Notice, now: datetime) -> Decision[Notice]:
    due = state.due()
    if due is None or now < due.at:
        return Decision(state, Why.STALE)
    if state.in_flight is not None:
        return _on_gone(state, now)
    return _claim(state, due.at, now)


def _on_gone(state: Notice, now: datetime) -> Decision[Notice]:
    flying = state.in_flight
    if flying is None:
        return Decision(state, Why.STALE)
    attempt = lost(flying, now)
    return _fail(replace(state, attempts=(*state.attempts[:-1], attempt)), attempt, now)


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
        contact=state.contact,
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
    if attempt.outcome is Outcome.BUSY:
        return _pace(state, attempt, now)
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
        state = _owe(state, now)
        return Decision(state, Why.ACCEPTED_BEHIND, (works,), details=attempt_details(attempt))
    state = replace(state, phase=Phase.SHOWN, next_at=None, owed_since=None)
    return Decision(state, Why.ACCEPTED, (works,), details=attempt_details(attempt))


def _pace(state: Notice, attempt: Attempt, now: datetime) -> Decision[Notice]:
    """Nothing was sent and nothing is wrong, so it is no attempt; what happens until then goes with it."""
    again = now + (attempt.retry_after or PACE)
    state = replace(state, attempts=state.attempts[:-1], phase=Phase.OWED, next_at=again)
    return Decision(state, Why.PACED, details={"channel": str(state.channel)})


def _fail(state: Notice, attempt: Attempt, now: datetime) -> Decision[Notice]:
    """Failed for now, or lost: soon again. Refused, or failing for an hour: seldom, until somebody has mended it.

    What a channel still shows must come right once it works again, though nothing changes any more. An alert that
    opened no incident is news, and after an hour none.
    """
    state = replace(state, failures=state.failures + 1)
    refused = attempt.outcome is Outcome.PERMANENT
    alarm = AlarmRaised(kind=AlarmKind.CHANNEL, subject=state.channel, detail=attempt.detail or NO_RESULT)
    emits: tuple[object, ...] = (alarm,) if refused or state.failures == ALARM_AFTER else ()
    tried_for = now - (state.owed_since or now)
    if tried_for >= (SHOWING if state.incident is not None else TELLING):
        state = replace(state, phase=Phase.FAILED, next_at=None)
        return Decision(state, Why.FAILED, emits, details=attempt_details(attempt))
    soon = backoff(state.failures, attempt.retry_after)
    wait = max(soon, SELDOM) if refused or tried_for >= TELLING else soon
    state = replace(state, phase=Phase.OWED, next_at=now + wait)
    why = Why.UNKNOWN if attempt.outcome is Outcome.UNKNOWN else Why.REFUSED if refused else Why.RETRIED
    return Decision(state, why, emits, details=attempt_details(attempt))
