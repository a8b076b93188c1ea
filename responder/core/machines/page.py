"""Page: one attempt after another to reach one person, until a channel has accepted it.

The person's methods are tried in their order. A method that refuses for good is left out, one that fails for now comes
again once its wait is over. What may have arrived (`unknown`) is sent again by a different method, or once by the same
where the receiver folds repeats. A ladder page is owed until it is accepted or withdrawn; what asks for no answer, or
is asked again by itself (a duty), is given up after 1 h.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    PageReason,
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
from responder.core.identifiers import ChannelName, ContactName, IncidentId, Kind

PACE = timedelta(seconds=1)  # where a busy channel does not say for how long


class Phase(StrEnum):
    OWED = "owed"  # waits for a claim
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAILED = "failed"  # every method refused for good, or what needs no answer was given up
    WITHDRAWN = "withdrawn"


class Why(StrEnum):
    ASKED = "page.asked"
    CLAIMED = "page.claimed"
    ACCEPTED = "page.accepted"
    ACCEPTED_BEFORE_WITHDRAWAL = "page.accepted_before_withdrawal"
    RETRIED = "page.retried"
    NEXT_METHOD = "page.next_method"
    FAILED = "page.failed"
    UNKNOWN = "page.unknown"
    UNKNOWN_WITHDRAWN = "page.unknown_withdrawn"
    WITHDRAWN = "page.withdrawn"
    WITHDRAWN_IN_FLIGHT = "page.withdrawn_in_flight"
    RESULT_AFTER_WITHDRAWAL = "page.result_after_withdrawal"
    LATE_RESULT = "page.late_result"
    STALE = "page.stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to reach a person, by its place in the contact's list; the address itself is looked up at send time."""

    index: int
    channel: ChannelName
    folds: bool  # the receiver shows two sends with one idempotency key as one


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    KIND: ClassVar[Kind] = Kind.PAGE

    page: str
    incident: IncidentId
    contact: ContactName  # the person
    asked_for: ContactName  # the name in the policy: the person, or the roster they were on shift for
    reason: PageReason
    asked_at: datetime
    methods: tuple[Method, ...]
    step: int | None = None
    subject: str = ""
    phase: Phase = Phase.OWED
    next_at: datetime | None = None  # when it is due; set while owed
    next_method: int = 0  # place in `methods`
    next_is_repeat: bool = False
    attempts: tuple[Attempt, ...] = ()

    @property
    def id(self) -> str:
        return self.page

    @property
    def in_flight(self) -> Attempt | None:
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.outcome is None else None

    @property
    def is_live(self) -> bool:
        return self.phase in (Phase.OWED, Phase.SENDING) or self.in_flight is not None

    def due(self) -> Due | None:
        if (flying := self.in_flight) is not None:
            return Due(flying.lease_ends_at, DueKind.SEND)
        if self.phase is Phase.OWED and self.next_at is not None:
            return Due(self.next_at, DueKind.SEND)
        return None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Nobody needs it any more."""


Event = SendDue | SenderGone | Accepted | Rejected | Withdrawn


# Emits of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAccepted:
    page: str
    incident: IncidentId
    contact: ContactName
    reason: PageReason
    channel: ChannelName
    receipt: str  # the channel's reference of what it took


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFailed:
    incident: IncidentId
    contact: ContactName
    reason: PageReason
    step: int | None


def begin(state: Page) -> Decision[Page]:
    """A page that is owed from `asked_at` on. It has at least one method; the directory sees to that."""
    details = {"contact": state.contact, "reason": state.reason.value}
    return Decision(replace(state, next_at=state.asked_at), Why.ASKED, details=details)


def advance(state: Page, event: Event, now: datetime) -> Decision[Page]:
    match event:
        case SendDue():
            return _on_due(state, now)
        case SenderGone():
            flying = state.in_flight
            return _lose(state, flying, now) if flying is not None else Decision(state, Why.STALE)
        case Accepted() | Rejected():
            return _on_result(state, event, now)
        case Withdrawn():
            return _withdraw(state)
        case _:
            assert_never(event)


def _on_due(state: Page, now: datetime) -> Decision[Page]:
    due = state.due()
    if due is None or now < due.at:
        return Decision(state, Why.STALE)
    if (flying := state.in_flight) is not None:
        return _lose(state, flying, now)
    return _claim(state, due.at, now)


def _claim(state: Page, due_at: datetime, now: datetime) -> Decision[Page]:
    method = state.methods[state.next_method]
    attempt = Attempt(
        number=len(state.attempts) + 1,
        channel=method.channel,
        method=state.next_method,
        due_at=due_at,
        claimed_at=now,
        is_repeat=state.next_is_repeat,
    )
    send = Send(
        kind=Kind.PAGE,
        record=state.page,
        incident=state.incident,
        attempt=attempt.number,
        channel=method.channel,
        contact=state.contact,
        method=method.index,
        key=f"{state.page}.{method.index}",
        owed_since=state.asked_at,
        due_at=due_at,
        deadline=now + DEADLINE,
        is_repeat=attempt.is_repeat,
    )
    state = replace(state, phase=Phase.SENDING, next_at=None, attempts=(*state.attempts, attempt))
    return Decision(state, Why.CLAIMED, effects=(send,), details=attempt_details(attempt))


def _on_result(state: Page, result: Result, now: datetime) -> Decision[Page]:
    flying = state.in_flight
    if flying is None or flying.number != result.attempt:
        return _on_late_result(state, result, now)
    attempt = closed(flying, result, now)
    withdrawn = state.phase is Phase.WITHDRAWN
    state = replace(state, attempts=(*state.attempts[:-1], attempt))
    if isinstance(result, Accepted):
        if withdrawn:
            return _accepted(state, Why.ACCEPTED_BEFORE_WITHDRAWAL, attempt.number)
        return _accepted(replace(state, phase=Phase.ACCEPTED), Why.ACCEPTED, attempt.number)
    alarm = _alarm(attempt)
    if withdrawn:
        unknown = attempt.outcome is Outcome.UNKNOWN
        why = Why.UNKNOWN_WITHDRAWN if unknown else Why.RESULT_AFTER_WITHDRAWAL
        return Decision(state, why, alarm, details=attempt_details(attempt))
    return _try_next(state, attempt, alarm, now)


def _on_late_result(state: Page, result: Result, now: datetime) -> Decision[Page]:
    """It is recorded. Had it arrived after all, what was owed is done, and the person counts as reached."""
    attempts = recorded_late(state.attempts, result, now)
    if attempts is None:
        return Decision(state, Why.STALE)
    state = replace(state, attempts=attempts)
    if isinstance(result, Rejected) or state.phase is Phase.ACCEPTED:
        return Decision(state, Why.LATE_RESULT, details={"attempt": str(result.attempt)})
    if state.phase in (Phase.OWED, Phase.FAILED):
        state = replace(state, phase=Phase.ACCEPTED, next_at=None)
    return _accepted(state, Why.LATE_RESULT, result.attempt)


def _accepted(state: Page, why: Why, number: int) -> Decision[Page]:
    attempt = state.attempts[number - 1]
    told = PageAccepted(
        page=state.page,
        incident=state.incident,
        contact=state.contact,
        reason=state.reason,
        channel=attempt.channel,
        receipt=attempt.receipt,
    )
    works = AlarmCleared(kind=AlarmKind.CHANNEL, subject=attempt.channel)
    found = (
        AlarmCleared(kind=AlarmKind.CONTACT, subject=name)
        for name in dict.fromkeys((state.contact, state.asked_for))
    )
    details = {**attempt_details(attempt), "contact": state.contact}
    return Decision(state, why, (told, works, *found), details=details)


def _alarm(attempt: Attempt) -> tuple[object, ...]:
    if attempt.outcome is not Outcome.PERMANENT:
        return ()
    return (AlarmRaised(kind=AlarmKind.CHANNEL, subject=attempt.channel, detail=attempt.detail),)


def _lose(state: Page, flying: Attempt, now: datetime) -> Decision[Page]:
    attempt = lost(flying, now)
    state = replace(state, attempts=(*state.attempts[:-1], attempt))
    if state.phase is Phase.WITHDRAWN:
        return Decision(state, Why.UNKNOWN_WITHDRAWN, details=attempt_details(attempt))
    return _try_next(state, attempt, (), now)


def _try_next(state: Page, attempt: Attempt, emits: tuple[object, ...], now: datetime) -> Decision[Page]:
    """Owed again, by whichever method has not refused for good and may be tried first."""
    if (arrived := _arrived(state)) is not None:
        # A late result said so while this attempt was under way.
        found = _accepted(replace(state, phase=Phase.ACCEPTED), Why.LATE_RESULT, arrived.number)
        return replace(found, emits=(*emits, *found.emits))
    details = attempt_details(attempt)
    chosen = _choose(state, attempt, now)
    if chosen is None or (not state.reason.is_ladder and now - state.asked_at >= TELLING):
        return _give_up(state, emits, details)
    at, place = chosen
    state = replace(
        state,
        phase=Phase.OWED,
        next_at=at,
        next_method=place,
        next_is_repeat=any(past.outcome is Outcome.UNKNOWN for past in state.attempts),
    )
    if attempt.outcome is Outcome.UNKNOWN:
        return Decision(state, Why.UNKNOWN, emits, details=details)
    why = Why.RETRIED if place == attempt.method else Why.NEXT_METHOD
    return Decision(state, why, emits, details=details)


def _arrived(state: Page) -> Attempt | None:
    return next((past for past in state.attempts if past.outcome is Outcome.ACCEPTED), None)


def _choose(state: Page, last: Attempt, now: datetime) -> tuple[datetime, int] | None:
    """When, and by which place in `methods`: the one that is ready first, of those the one tried least."""
    refused = {past.method for past in state.attempts if past.outcome is Outcome.PERMANENT}
    left = [place for place in range(len(state.methods)) if place not in refused]
    if last.outcome is Outcome.UNKNOWN and last.method is not None:
        unknown = [past for past in _tries(state, last.method) if past.outcome is Outcome.UNKNOWN]
        if state.methods[last.method].folds and len(unknown) == 1:
            return now, last.method
        left = [place for place in left if place != last.method] or left
    return min(
        ((_ready_at(state, place, now), place) for place in left),
        key=lambda found: (found[0], len(_tries(state, found[1])), found[1]),
        default=None,
    )


def _tries(state: Page, place: int) -> list[Attempt]:
    return [past for past in state.attempts if past.method == place]


def _ready_at(state: Page, place: int, now: datetime) -> datetime:
    """A fresh method at once, another when the wait after its own last attempt is over."""
    tries = _tries(state, place)
    if not tries or tries[-1].ended_at is None:
        return now
    if tries[-1].outcome is Outcome.BUSY:
        return max(now, tries[-1].ended_at + (tries[-1].retry_after or PACE))
    return max(now, tries[-1].ended_at + backoff(len(tries), tries[-1].retry_after))


def _give_up(state: Page, emits: tuple[object, ...], details: Mapping[str, str]) -> Decision[Page]:
    state = replace(state, phase=Phase.FAILED, next_at=None)
    failed = PageFailed(incident=state.incident, contact=state.contact, reason=state.reason, step=state.step)
    alarm = AlarmRaised(
        kind=AlarmKind.CONTACT,
        subject=state.contact,
        detail=f"no method of {state.contact} accepted page {state.page}; see its attempts, then mend contacts.yaml",
    )
    return Decision(state, Why.FAILED, (*emits, failed, alarm), details={**details, "contact": state.contact})


def _withdraw(state: Page) -> Decision[Page]:
    match state.phase:
        case Phase.OWED:
            return Decision(replace(state, phase=Phase.WITHDRAWN, next_at=None), Why.WITHDRAWN)
        case Phase.SENDING:
            return Decision(replace(state, phase=Phase.WITHDRAWN), Why.WITHDRAWN_IN_FLIGHT)
        case Phase.ACCEPTED | Phase.FAILED | Phase.WITHDRAWN:
            return Decision(state, Why.STALE)
        case _:
            assert_never(state.phase)
