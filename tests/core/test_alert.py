"""Occurrences: intervals of a fingerprint, whatever startsAt an HA pair reports and in whichever order rows are read.

`Intervals` is the rule once more, written as naively as it can be: all intervals in a list, each message looked up in
it. What `sight` makes of a fingerprint's newest occurrence is held against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.core.alert import Alert, Occurrence, Sighting, sight
from responder.core.identifiers import Fingerprint, IncidentId, JournalId
from tests.core.matrix import I1, NOON
from tests.core.searching import SEARCH

F = Fingerprint("f00d")


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def fires(starts: float) -> Alert:
    return Alert(fingerprint=F, labels={"alertname": "PodDown"}, starts_at=at(starts))


def resolves(starts: float, ends: float) -> Alert:
    return replace(fires(starts), ends_at=at(ends))


def occurrence(
    starts: float = 0,
    ends: float | None = None,
    *,
    journal: int = 10,
    incident: IncidentId | None = I1,
    number: int = 1,
    tombstone: bool = False,
) -> Occurrence:
    return Occurrence(
        fingerprint=F,
        number=number,
        starts_at=at(starts),
        ends_at=None if ends is None else at(ends),
        incident=incident,
        journal=JournalId(journal),
        labels={"alertname": "PodDown"},
        tombstone=tombstone,
    )


OPEN, ENDED = occurrence(), occurrence(ends=5)
TOMBSTONE = occurrence(ends=5, incident=None, tombstone=True)


def row(
    id_: str, last: Occurrence | None, alert: Alert, journal: int, sighting: Sighting, *after: Any
) -> Any:
    return pytest.param(last, alert, journal, sighting, after, id=id_)


@pytest.mark.parametrize(
    "last, alert, journal, sighting, after",
    [
        # after: number, starts, ends, journal
        row("the first that fires", None, fires(0), 11, Sighting.NEW, 1, 0, None, 11),
        row("it still fires", OPEN, fires(0), 11, Sighting.REPEAT, 1, 0, None, 11),
        row("the pair's other half began earlier", OPEN, fires(-1), 11, Sighting.REPEAT, 1, -1, None, 11),
        row("the pair's other half began later", OPEN, fires(1), 11, Sighting.REPEAT, 1, 0, None, 11),
        row("a repeat read out of order", OPEN, fires(0), 9, Sighting.REPEAT, 1, 0, None, 10),
        row("it ends", OPEN, resolves(0, 5), 11, Sighting.ENDED, 1, 0, 5, 11),
        row(
            "it ends, with the earlier start of the other half",
            OPEN,
            resolves(-1, 5),
            11,
            Sighting.ENDED,
            1,
            0,
            5,
            11,
        ),
        row("it ends in the instant it began", OPEN, resolves(0, 0), 11, Sighting.ENDED, 1, 0, 0, 11),
        row("an end from before it began", OPEN, resolves(-9, -5), 11, Sighting.LATE, 1, 0, None, 10),
        row("an end older than what is known", OPEN, resolves(0, 5), 9, Sighting.LATE, 1, 0, None, 10),
        row("it ended twice", ENDED, resolves(0, 5), 11, Sighting.REPEAT, 1, 0, 5, 11),
        row("the other half says it ended later", ENDED, resolves(1, 6), 11, Sighting.REPEAT, 1, 0, 6, 11),
        row("the other half says it ended earlier", ENDED, resolves(0, 4), 11, Sighting.REPEAT, 1, 0, 5, 11),
        row("an end of one before it", ENDED, resolves(-9, -5), 11, Sighting.LATE, 1, 0, 5, 10),
        row("it fires again after its end", ENDED, fires(6), 11, Sighting.NEW, 2, 6, None, 11),
        row("it fires again within its interval", ENDED, fires(0), 11, Sighting.TWIN, 1, 0, None, 11),
        row("a twin that began earlier", ENDED, fires(-1), 11, Sighting.TWIN, 1, -1, None, 11),
        row("it fires again in the instant of its end", ENDED, fires(5), 11, Sighting.TWIN, 1, 0, None, 11),
        row("one body ends it and fires it", ENDED, fires(0), 10, Sighting.TWIN, 1, 0, None, 10),
        row("a firing older than its end", ENDED, fires(0), 9, Sighting.LATE, 1, 0, 5, 10),
        row("a firing read out of order, of a later time", ENDED, fires(6), 9, Sighting.NEW, 2, 6, None, 9),
        row("an end of what we never saw", None, resolves(0, 5), 11, Sighting.TOMBSTONE, 1, 0, 5, 11),
        row(
            "an end of a later one that we never saw",
            ENDED,
            resolves(6, 8),
            11,
            Sighting.TOMBSTONE,
            2,
            6,
            8,
            11,
        ),
        row("its firing is read after its end", TOMBSTONE, fires(0), 9, Sighting.LATE, 1, 0, 5, 10),
        row("a newer message says that it fires", TOMBSTONE, fires(0), 11, Sighting.NEW, 2, 0, None, 11),
        row("it fires after a tombstone", TOMBSTONE, fires(6), 11, Sighting.NEW, 2, 6, None, 11),
    ],
)
def test_sight(last, alert, journal, sighting, after):
    number, starts, ends, newest = after
    found, now = sight(last, alert, JournalId(journal))
    assert found is sighting
    assert (now.number, now.starts_at, now.ends_at, now.journal) == (
        number,
        at(starts),
        None if ends is None else at(ends),
        newest,
    )
    assert (sighting is Sighting.LATE) <= (now == last)


def test_a_new_occurrence_belongs_nowhere_yet_and_an_old_one_stays_where_it_is():
    assert sight(ENDED, fires(6), JournalId(11))[1].incident is None
    assert sight(ENDED, fires(0), JournalId(11))[1].incident == I1
    assert sight(OPEN, resolves(0, 5), JournalId(11))[1].incident == I1


def test_only_what_was_never_seen_firing_is_a_tombstone():
    assert sight(None, resolves(0, 5), JournalId(1))[1].tombstone
    assert not sight(TOMBSTONE, fires(0), JournalId(11))[1].tombstone
    assert not sight(OPEN, resolves(0, 5), JournalId(11))[1].tombstone


def test_an_alert_fires_until_it_has_an_end():
    assert (fires(0).is_firing, resolves(0, 5).is_firing) == (True, False)
    assert (OPEN.is_open, ENDED.is_open) == (True, False)


def test_an_alert_without_a_name_or_summary_is_still_called_something():
    assert fires(0).title == "PodDown"
    assert replace(fires(0), annotations={"summary": "two pods are gone"}).title == "two pods are gone"
    assert replace(fires(0), labels={}).title == "unnamed alert"


# Against the naive rule


@dataclass
class Interval:
    starts: datetime
    ends: datetime | None
    is_seen: bool = True  # it was seen firing


@dataclass
class Intervals:
    """Every interval of one fingerprint, the messages read in the order of the journal."""

    known: list[Interval] = field(default_factory=list)

    def read(self, alert: Alert) -> None:
        running = [each for each in self.known if each.ends is None]
        touched = [each for each in self.known[-1:] if each.ends is not None and alert.starts_at <= each.ends]
        if alert.ends_at is None:
            self._fires(alert.starts_at, running, touched)
        else:
            self._ends(alert.starts_at, alert.ends_at, running, touched)

    def _fires(self, starts: datetime, running: list[Interval], touched: list[Interval]) -> None:
        if running:
            (one,) = running
            one.starts = min(one.starts, starts)
        elif touched and touched[-1].is_seen:
            touched[-1].starts, touched[-1].ends = min(touched[-1].starts, starts), None
        else:
            self.known.append(Interval(starts, None))

    def _ends(
        self, starts: datetime, ends: datetime, running: list[Interval], touched: list[Interval]
    ) -> None:
        for each in running:
            each.ends = ends if each.starts <= ends else None
        if not running and touched:
            last = touched[-1]
            last.ends = ends if last.ends is None else max(last.ends, ends)
        elif not running:
            self.known.append(Interval(starts, ends, is_seen=False))


def read(alerts: Sequence[tuple[int, Alert]], last: Occurrence | None = None) -> Occurrence | None:
    """The newest occurrence after these journal rows, in the order given; what is new is given an incident."""
    for journal, alert in alerts:
        sighting, last = sight(last, alert, JournalId(journal))
        if sighting is Sighting.NEW:
            last = replace(last, incident=I1)
    return last


minutes = st.integers(0, 12)
messages = st.one_of(
    minutes.map(fires),
    st.tuples(minutes, minutes).map(lambda pair: resolves(min(pair), max(pair))),
)
histories = st.lists(messages, min_size=1, max_size=8)


@SEARCH
@given(histories)
def test_read_in_order_it_is_the_naive_rule(history: list[Alert]) -> None:
    naive, last = Intervals(), None
    for journal, alert in enumerate(history, start=1):
        naive.read(alert)
        last = read([(journal, alert)], last)
        assert last is not None
        newest = naive.known[-1]
        assert (last.starts_at, last.ends_at) == (newest.starts, newest.ends)
        assert (last.number, last.tombstone) == (len(naive.known), not newest.is_seen)


@SEARCH
@given(histories, st.integers(0, 3), st.integers(-3, 3), minutes)
def test_two_replicas_that_read_a_firing_and_its_end_in_either_order_end_alike(
    history: list[Alert], gap: int, skew: int, length: int
) -> None:
    """Whatever came before, which is not of a later time than the two."""
    before = list(enumerate(history, start=1))
    starts = 15 + gap
    ends = starts + length
    fire = (len(before) + 1, fires(starts))
    end = (len(before) + 2, resolves(min(starts + skew, ends), ends))
    in_order, swapped = read([*before, fire, end]), read([*before, end, fire])
    assert in_order is not None
    assert swapped is not None
    assert (in_order.is_open, in_order.ends_at) == (swapped.is_open, swapped.ends_at) == (False, at(ends))


@dataclass(frozen=True)
class Stretch:
    """The alert fires for `length` minutes after `gap` minutes of quiet; each half of a pair sees it a little later."""

    gap: int
    length: int
    skews: tuple[float, float]


stretches = st.lists(
    st.builds(
        Stretch,
        gap=st.integers(4, 20),
        length=st.integers(2, 20),
        skews=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    ),
    min_size=1,
    max_size=4,
)


def told(life: Sequence[Stretch], *, still_fires: bool) -> tuple[list[Alert], list[tuple[float, float]]]:
    """What Alertmanager reports of a life, and the truth; each half of the pair has its own startsAt."""
    messages: list[Alert] = []
    truth: list[tuple[float, float]] = []
    clock = 0.0
    for place, stretch in enumerate(life):
        starts, ends = clock + stretch.gap, clock + stretch.gap + stretch.length
        truth.append((starts, ends))
        messages += [fires(starts + stretch.skews[0]), fires(starts + stretch.skews[1])]
        if place < len(life) - 1 or not still_fires:
            messages += [resolves(starts + skew, ends) for skew in stretch.skews]
        clock = ends
    return messages, truth


@SEARCH
@given(stretches, st.booleans(), st.data())
def test_an_ha_pair_read_by_two_replicas_ends_as_it_was(
    life: list[Stretch], still_fires: bool, data: st.DataObject
) -> None:
    """Neighbouring journal rows may be read in either order."""
    messages, truth = told(life, still_fires=still_fires)
    rows = list(enumerate(messages, start=1))
    for place in range(0, len(rows) - 1, 2):
        if data.draw(st.booleans(), label=f"rows {place + 1} and {place + 2} swapped"):
            rows[place], rows[place + 1] = rows[place + 1], rows[place]
    last = read(rows)
    assert last is not None
    assert (last.number, last.is_open) == (len(truth), still_fires)
    if not still_fires:
        assert last.ends_at == at(truth[-1][1])


@SEARCH
@given(stretches, st.data())
def test_an_alert_that_is_over_is_over_in_whatever_order_its_last_rows_are_read(
    life: list[Stretch], data: st.DataObject
) -> None:
    messages, _ = told(life, still_fires=False)
    rows = list(enumerate(messages, start=1))
    last = read([*rows[:-4], *data.draw(st.permutations(rows[-4:]))])
    assert last is not None
    assert not last.is_open
