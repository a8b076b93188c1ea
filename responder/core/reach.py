"""Reach: whether any channel takes anything at all, told from what the last calls came to.

It judges and keeps nothing; whoever makes the calls keeps them. What a console prints is no evidence and never comes
here. The rules lean towards "yes": who is wrongly thought to be reachable is paged once too often, no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.core.delivery import Outcome
from responder.core.identifiers import ChannelName

TRIED_WITHIN = timedelta(minutes=5)  # a failure that is older says nothing
TAKEN_WITHIN = timedelta(
    hours=1
)  # a channel that took something, and was not tried since, is not known to fail
QUIET = timedelta(
    minutes=1
)  # since something was taken: a channel that now takes and now fails is no silence
CHANNELS = 2  # that have to fail, or all where there are fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The last call to `channel` for `recipient`: a person, or the channel itself."""

    channel: ChannelName
    recipient: str
    at: datetime
    outcome: Outcome


def takes_nothing(tries: Iterable[Tried], channels: int, taken_at: datetime | None, now: datetime) -> bool:
    """All that was tried lately failed, and nothing was taken for QUIET. `taken_at`: when something last was."""
    is_quiet = taken_at is None or now - taken_at >= QUIET
    return is_quiet and all_failed(tries, channels, now)


def all_failed(tries: Iterable[Tried], channels: int, now: datetime) -> bool:
    """Every channel that was tried lately failed when it was tried last.

    `channels`: how many there are. Refusals for good of one person alone are that person's trouble and nobody else's.
    """
    lately = [tried for tried in tries if not is_forgotten(tried, now)]
    last = {tried.channel: tried for tried in sorted(lately, key=lambda tried: tried.at)}
    if not channels or len(last) < min(CHANNELS, channels):
        return False
    if any(tried.outcome is Outcome.ACCEPTED for tried in last.values()):
        return False
    failed = [tried for tried in lately if tried.outcome is not Outcome.ACCEPTED]
    is_for_now = any(tried.outcome is not Outcome.PERMANENT for tried in failed)
    return is_for_now or len({tried.recipient for tried in failed}) > 1


def is_forgotten(tried: Tried, now: datetime) -> bool:
    return now - tried.at > (TAKEN_WITHIN if tried.outcome is Outcome.ACCEPTED else TRIED_WITHIN)
