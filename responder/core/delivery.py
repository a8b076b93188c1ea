"""Delivery: attempts to hand a message to a channel, and how long to wait between them.

An attempt is written before the call and closed by its result. One that was never closed (we crashed, or the result
came too late) is `unknown`: it may have arrived. A result counts only for the attempt that is in flight; a later one is
recorded. `page` and `notice` share these rules and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from responder.core.identifiers import ChannelName

LEASE = timedelta(seconds=30)  # after this an attempt without a result is unknown
DEADLINE = timedelta(
    seconds=10
)  # for the call itself; under half the lease, so that its result comes in time
BACKOFF_FIRST = timedelta(seconds=5)
BACKOFF_MOST = timedelta(minutes=1)
RETRY_AFTER_MOST = timedelta(minutes=5)  # what a channel may ask for at the most
TELLING = timedelta(hours=1)  # for this long a message that asks for no answer is tried


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    BUSY = "busy"  # nothing was sent: the channel's own pace
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to a channel. `outcome` is None while it is in flight."""

    number: int  # from 1, within its page or notice; with it the fencing token of its result
    channel: ChannelName
    method: int | None  # index in the page's methods; None for a notice
    due_at: datetime
    claimed_at: datetime
    is_repeat: bool = False  # an earlier attempt may have arrived
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    detail: str = ""  # what the channel said, in words, without secrets
    receipt: str = ""  # the channel's own reference
    late: bool = False  # its result came after it had been given up
    retry_after: timedelta | None = None  # what the channel asked for

    @property
    def lease_ends_at(self) -> datetime:
        return self.claimed_at + LEASE


@dataclass(frozen=True, slots=True)
class SendDue:
    """The record's due row was claimed by somebody with a free place for a call."""


@dataclass(frozen=True, slots=True)
class SenderGone:
    """Whoever made the call that is in flight is no more, and will never tell what came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    attempt: int
    receipt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """`outcome`: transient, permanent, or unknown where it may have arrived all the same."""

    attempt: int
    outcome: Outcome
    detail: str
    retry_after: timedelta | None = None
    is_isolated: bool = False  # no channel takes anything, so it says nothing about whom it was for


Result = Accepted | Rejected


def closed(attempt: Attempt, result: Result, now: datetime) -> Attempt:
    match result:
        case Accepted(receipt=receipt):
            return replace(attempt, outcome=Outcome.ACCEPTED, ended_at=now, receipt=receipt)
        case Rejected(outcome=outcome, detail=detail, retry_after=retry_after):
            return replace(attempt, outcome=outcome, ended_at=now, detail=detail, retry_after=retry_after)


def lost(attempt: Attempt, now: datetime) -> Attempt:
    return replace(attempt, outcome=Outcome.UNKNOWN, ended_at=now)


def recorded_late(attempts: tuple[Attempt, ...], result: Result, now: datetime) -> tuple[Attempt, ...] | None:
    """`attempts` with a late result written to the attempt it belongs to; None where there is no such attempt."""
    for index, attempt in enumerate(attempts):
        if attempt.number == result.attempt and attempt.outcome is Outcome.UNKNOWN:
            late = replace(closed(attempt, result, now), late=True)
            return (*attempts[:index], late, *attempts[index + 1 :])
    return None


def backoff(failures: int, retry_after: timedelta | None = None) -> timedelta:
    """How long to wait after `failures` failed attempts: 5 s, 10 s, … 1 min, or what the channel asked for."""
    doublings = min(max(failures, 1) - 1, 10)
    own = min(BACKOFF_FIRST * (1 << doublings), BACKOFF_MOST)
    return max(own, min(retry_after or timedelta(0), RETRY_AFTER_MOST))


def attempt_details(attempt: Attempt) -> Mapping[str, str]:
    found = {"attempt": str(attempt.number), "channel": str(attempt.channel)}
    return found | ({"detail": attempt.detail} if attempt.detail else {})
