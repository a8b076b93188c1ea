"""Who is on shift: at handovers, on days when clocks change, under overrides, and always exactly one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from responder.core.identifiers import ContactName
from responder.core.on_shift import Shift, instant, shift_at, who_is_on
from responder.core.policy.rosters import Always, Override, Rotation

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANN, BEN, CAT = ContactName("ann"), ContactName("ben"), ContactName("cat")


def rotation(zone: str = "UTC", **changes) -> Rotation:
    given = {
        "members": (ANN, BEN),
        "every": timedelta(days=1),
        "starts": date(2026, 1, 5),
        "handover": time(9),
        "timezone": zone,
    }
    return Rotation.model_validate(given | changes)


def override(begins: str, until: str, contact: str = CAT) -> dict[str, str]:
    return {"from": begins, "until": until, "contact": contact}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_members_take_turns_and_the_first_begins():
    roster = rotation(every=timedelta(days=7))
    found = [who_is_on(roster, utc(f"2026-01-{day:02} 09:00")) for day in (5, 11, 12, 19)]
    assert found == [ANN, ANN, BEN, ANN]


def test_before_the_start_turns_are_counted_backwards():
    assert who_is_on(rotation(), utc("2026-01-05 08:59")) == BEN
    assert who_is_on(rotation(), utc("2026-01-04 08:59")) == ANN


# Handovers around the days when clocks change: (zone, handover, [instant of each daily handover]).
CHANGES = {
    "Berlin, spring, 09:00": (
        "Europe/Berlin",
        "09:00",
        "2026-03-28 08:00, 2026-03-29 07:00, 2026-03-30 07:00",
    ),
    "Berlin, spring, skipped 02:30": (
        "Europe/Berlin",
        "02:30",
        "2026-03-28 01:30, 2026-03-29 01:30, 2026-03-30 00:30",
    ),
    "Berlin, autumn, 09:00": (
        "Europe/Berlin",
        "09:00",
        "2026-10-24 07:00, 2026-10-25 08:00, 2026-10-26 08:00",
    ),
    "Berlin, autumn, doubled 02:30": (
        "Europe/Berlin",
        "02:30",
        "2026-10-24 00:30, 2026-10-25 00:30, 2026-10-26 01:30",
    ),
    "New York, spring, skipped 02:30": (
        "America/New_York",
        "02:30",
        "2026-03-07 07:30, 2026-03-08 07:30, 2026-03-09 06:30",
    ),
    "New York, autumn, doubled 01:30": (
        "America/New_York",
        "01:30",
        "2026-10-31 05:30, 2026-11-01 05:30, 2026-11-02 06:30",
    ),
    "Seoul never changes": ("Asia/Seoul", "09:00", "2026-03-28 00:00, 2026-03-29 00:00, 2026-03-30 00:00"),
}


@pytest.mark.parametrize(
    "zone, handover, instants", [pytest.param(*case, id=name) for name, case in CHANGES.items()]
)
def test_a_handover_happens_once_a_day_also_when_clocks_change(zone, handover, instants):
    roster = rotation(zone, handover=handover)
    moments = [utc(each.strip()) for each in instants.split(",")]
    for moment in moments:
        before, after = shift_at(roster, moment - timedelta(seconds=1)), shift_at(roster, moment)
        assert before.until == moment == after.since
        assert before.contact != after.contact
    assert [shift_at(roster, moment).until for moment in moments[:-1]] == moments[1:]


OVERRIDDEN = rotation(overrides=[override("2026-11-23 12:00", "2026-11-23 18:00")])


@pytest.mark.parametrize(
    "at, contact, since, until",
    [
        ("11:59", ANN, "2026-11-23 09:00", "2026-11-23 12:00"),
        ("12:00", CAT, "2026-11-23 12:00", "2026-11-23 18:00"),
        ("17:59", CAT, "2026-11-23 12:00", "2026-11-23 18:00"),
        ("18:00", ANN, "2026-11-23 18:00", "2026-11-24 09:00"),
    ],
)
def test_an_override_has_the_shift_from_its_first_instant_to_its_last(at, contact, since, until):
    shift = shift_at(OVERRIDDEN, utc(f"2026-11-23 {at}"))
    assert (shift.contact, shift.since, shift.until) == (contact, utc(since), utc(until))
    assert (shift.override is not None) is (contact == CAT)


def test_an_override_is_in_the_time_of_its_rosters_zone():
    roster = rotation("Asia/Seoul", overrides=[override("2026-11-23 21:00", "2026-11-24 09:00")])
    assert who_is_on(roster, NOON - timedelta(seconds=1)) == ANN
    assert who_is_on(roster, NOON) == CAT


def test_one_person_is_always_on_but_for_overrides():
    roster = Always.model_validate(
        {"always": ANN, "overrides": [override("2026-11-23 12:00", "2026-11-24 12:00")]}
    )
    assert shift_at(roster, NOON - timedelta(days=900)) == Shift(contact=ANN, since=None, until=NOON)
    assert who_is_on(roster, NOON) == CAT
    assert shift_at(roster, NOON + timedelta(days=1)) == Shift(
        contact=ANN, since=NOON + timedelta(days=1), until=None
    )


def test_a_day_that_a_zone_skipped_costs_nobody_else_theirs():
    roster = rotation("Pacific/Apia", members=(ANN, BEN, CAT), starts=date(2011, 12, 28))
    found = [
        shift_at(roster, utc("2011-12-28 19:00") + timedelta(hours=hours)).contact
        for hours in range(0, 72, 12)
    ]
    assert found == [ANN, ANN, BEN, BEN, ANN, ANN]  # Cat's turn was the day that never was


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Seoul", "Australia/Lord_Howe", "Pacific/Apia")


@st.composite
def rosters(draw) -> Rotation:
    starts = draw(st.dates(date(2009, 1, 1), date(2030, 1, 1)))
    first = datetime.combine(starts, time(0))
    overrides, after = [], first + timedelta(days=draw(st.integers(-20, 20)))
    for _ in range(draw(st.integers(0, 3))):
        begins = after + timedelta(minutes=draw(st.integers(0, 4000)))
        after = begins + timedelta(minutes=draw(st.integers(1, 4000)))
        overrides.append(override(begins.isoformat(" "), after.isoformat(" ")))
    return rotation(
        draw(st.sampled_from(ZONES)),
        members=draw(st.sampled_from([(ANN,), (ANN, BEN), (ANN, BEN, ContactName("dan"))])),
        every=timedelta(minutes=draw(st.integers(60, 60 * 24 * 15))),
        starts=starts,
        handover=draw(st.times()).strftime("%H:%M"),
        overrides=overrides,
    )


@given(rosters(), st.integers(-60 * 24 * 400, 60 * 24 * 4000))
@example(rotation("Pacific/Apia", every=timedelta(minutes=61), starts=date(2011, 12, 29)), 60 * 24)
def test_at_every_instant_one_person_has_it_and_each_shift_is_one_stretch(roster, minutes):
    now = datetime.combine(roster.starts, time(0), UTC) + timedelta(minutes=minutes)
    shift = shift_at(roster, now)
    assert shift.since is not None
    assert shift.until is not None
    assert shift.since <= now < shift.until
    for inside in (
        shift.since,
        shift.since + (shift.until - shift.since) / 2,
        shift.until - timedelta(seconds=1),
    ):
        assert shift_at(roster, inside) == shift
    following = shift_at(roster, shift.until)
    assert following.since == shift.until
    assert shift_at(roster, shift.since - timedelta(seconds=1)).until == shift.since


def test_overrides_that_touch_leave_no_gap():
    touching = [
        override("2026-11-23 12:00", "2026-11-23 13:00"),
        override("2026-11-23 13:00", "2026-11-23 14:00", BEN),
    ]
    roster = rotation(overrides=touching)
    assert [who_is_on(roster, NOON + timedelta(minutes=each)) for each in (59, 60, 119, 120)] == [
        CAT,
        BEN,
        BEN,
        ANN,
    ]


def test_an_override_that_clocks_swallow_holds_for_no_time():
    zone = ZoneInfo("Pacific/Apia")
    swallowed = Override.model_validate(override("2011-12-30 10:00", "2011-12-31 10:00"))
    assert instant(swallowed.from_, zone) == instant(swallowed.until, zone)
    roster = rotation("Pacific/Apia", overrides=[swallowed])
    moment = instant(swallowed.from_, zone)
    assert who_is_on(roster, moment) in (ANN, BEN)
