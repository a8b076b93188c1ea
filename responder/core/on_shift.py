"""Who is on shift: a roster, asked for one instant.

A turn begins at a local time of day. On the day a clock skips that time the turn begins when it would have been,
counted from before the skip; where the time comes twice it begins the first time. At every instant exactly one person
has the shift, and each turn is one stretch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from responder.core.identifiers import ContactName
from responder.core.policy.rosters import Always, Override, Roster, Rotation

# No zone has ever been moved further at once (Samoa skipped a day).
LONGEST_JUMP = timedelta(hours=26)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """`contact` has it from `since` (None: always had) until `until` (None: for good), override or not."""

    contact: ContactName
    since: datetime | None
    until: datetime | None
    override: Override | None = None


def who_is_on(roster: Roster, now: datetime) -> ContactName:
    return shift_at(roster, now).contact


def shift_at(roster: Roster, now: datetime) -> Shift:
    """The shift at `now`. The next may be the same person's, as when an override names who would have had it."""
    shift = _turn(roster, now) if isinstance(roster, Rotation) else _standing(roster)
    zone = ZoneInfo(roster.timezone)
    for override in roster.overrides:
        begins, ends = instant(override.from_, zone), instant(override.until, zone)
        if begins <= now < ends:
            return Shift(contact=override.contact, since=begins, until=ends, override=override)
        if ends <= now:
            shift = _cut(shift, since=ends)
        else:
            shift = _cut(shift, until=begins)
    return shift


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, of a local time; the first of two, and a time that is skipped as if it were not."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _standing(roster: Always) -> Shift:
    return Shift(contact=roster.always, since=None, until=None)


def _turn(roster: Rotation, now: datetime) -> Shift:
    zone = ZoneInfo(roster.timezone)
    first = datetime.combine(roster.starts, roster.handover)
    latest = (now.astimezone(UTC).replace(tzinfo=None) + LONGEST_JUMP - first) // roster.every
    number = latest
    while _begins(first, roster.every, number, zone) > now:
        number -= 1
    return Shift(
        contact=roster.members[number % len(roster.members)],
        since=_begins(first, roster.every, number, zone),
        until=min(_begins(first, roster.every, later, zone) for later in range(number + 1, latest + 2)),
    )


def _begins(first: datetime, every: timedelta, number: int, zone: ZoneInfo) -> datetime:
    return instant(first + number * every, zone)


def _cut(shift: Shift, *, since: datetime | None = None, until: datetime | None = None) -> Shift:
    starts = [each for each in (shift.since, since) if each is not None]
    ends = [each for each in (shift.until, until) if each is not None]
    return Shift(contact=shift.contact, since=max(starts, default=None), until=min(ends, default=None))
