"""Slack's rate limits, kept before Slack has to: who may call now, and when whoever may not should come back.

One lane a limit: a method, with its place where Slack counts by place. A lane is a bucket that fills at the documented
rate, and a queue of the records that were told to come back, in the order in which they first came. It is pure: the
time is an argument, and a process that ends forgets it all, as Slack's own answer (429) makes good.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

NOTHING = timedelta(0)
# Who was told to come back and has not by so long after is forgotten; longer than the outbox's longest own wait.
GRACE = timedelta(seconds=90)
WAITING = 1_000  # records that a lane keeps places for; more are told when to come back, and have none
LANES = 1_000  # kept at most; the idle ones go first


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One call each `every`, and `burst` at once after a pause; a page may draw `spare` more, ahead of its time."""

    every: timedelta
    burst: int
    spare: int = 0


# docs.slack.dev/apis/web-api/rate-limits, read on 2026-11-23. Posting: one a second in each channel, "short bursts
# allowed". Tier 3: 50 a minute in the workspace, by method; 10 at once and 40 over the minute never exceed that. Two of
# the ten are spare: for what may not wait behind edits, a page, or the echo by which a connection is known to hear.
POSTING = Rate(every=timedelta(seconds=1), burst=3, spare=17)
TIER_3 = Rate(every=timedelta(milliseconds=1500), burst=8, spare=2)
TIER_2 = Rate(every=timedelta(seconds=4), burst=5)
RATES: Mapping[str, Rate] = {"chat.postMessage": POSTING, "conversations.list": TIER_2}


@dataclass(slots=True)
class _Place:
    comes_back_at: datetime
    is_page: bool


@dataclass(slots=True)
class _Lane:
    rate: Rate
    full_at: datetime  # when the bucket will be full again
    closed_until: datetime
    waiting: OrderedDict[str, _Place] = field(default_factory=OrderedDict)

    def ready_at(self, number: int, now: datetime, is_page: bool) -> datetime:
        """The earliest moment for the `number`-th call from now on."""
        room = self.rate.burst + (self.rate.spare if is_page else 0)
        return max(max(self.full_at, now) + (number - room) * self.rate.every, self.closed_until)

    def ahead_of(self, record: str, is_page: bool) -> int:
        """How many came before; for a page only pages count."""
        count = 0
        for other, place in self.waiting.items():
            if other == record:
                break
            count += place.is_page or not is_page
        return count

    def forget(self, now: datetime) -> None:
        """Whoever should have come back long since."""
        for record in [each for each, place in self.waiting.items() if place.comes_back_at + GRACE < now]:
            del self.waiting[record]

    def is_idle(self, now: datetime) -> bool:
        return not self.waiting and self.full_at <= now and self.closed_until <= now


class Pace:
    """`rates`: by method; any other is of tier 3."""

    def __init__(self, rates: Mapping[str, Rate] = RATES) -> None:
        self._rates = rates
        self._lanes: OrderedDict[tuple[str, str], _Lane] = OrderedDict()

    def take(
        self, method: str, place: str, record: str, *, now: datetime, is_page: bool = False
    ) -> timedelta | None:
        """None: `record` may call `method` about `place` now, and that is counted. Else how long until it may come
        back.

        Who comes back finds its place kept. Notices take turns in the order in which they came; a page passes them.
        """
        lane = self._lane(method, place, now)
        lane.forget(now)
        mine = lane.waiting.get(record)
        # Whose time has come goes as soon as there is room, whoever else is late.
        number = 1 if mine is not None and mine.comes_back_at <= now else lane.ahead_of(record, is_page) + 1
        if lane.ready_at(number, now, is_page) <= now:
            lane.waiting.pop(record, None)
            lane.full_at = max(lane.full_at, now) + lane.rate.every
            return None
        at = lane.ready_at(lane.ahead_of(record, is_page) + 1, now, is_page)
        if mine is not None:
            mine.comes_back_at = at
        elif len(lane.waiting) < WAITING:
            lane.waiting[record] = _Place(at, is_page)
        return at - now

    def hold(self, method: str, place: str, until: datetime, *, now: datetime) -> None:
        """Slack said so: nothing goes before `until`, and then one by one."""
        lane = self._lane(method, place, now)
        lane.closed_until = max(lane.closed_until, until)
        lane.full_at = max(lane.full_at, until + (lane.rate.burst - 1) * lane.rate.every)

    def _lane(self, method: str, place: str, now: datetime) -> _Lane:
        key = (method, place)
        if key not in self._lanes:
            self._make_room(now)
            self._lanes[key] = _Lane(self._rates.get(method, TIER_3), full_at=now, closed_until=now)
        self._lanes.move_to_end(key)
        return self._lanes[key]

    def _make_room(self, now: datetime) -> None:
        if len(self._lanes) < LANES:
            return
        for key in [key for key, lane in self._lanes.items() if lane.is_idle(now)]:
            del self._lanes[key]
        while len(self._lanes) >= LANES:
            self._lanes.popitem(last=False)
