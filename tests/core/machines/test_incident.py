"""Incident, row by row: what each event makes of each phase."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from responder.core.decision import Due, DueKind
from responder.core.identifiers import ContactName, PinHash
from responder.core.level import Level
from responder.core.machines.incident import (
    FLAP_WINDOW,
    AlertsEnded,
    AlertsFired,
    AlertsHidden,
    AlertsJoined,
    AlertsRefired,
    AlertsShown,
    Event,
    Incident,
    IncidentClosed,
    IncidentOpened,
    IncidentReopened,
    IncidentResolved,
    LevelChanged,
    LevelSet,
    Noted,
    NoteLeft,
    PersonResolved,
    Phase,
    PinChanged,
    Repinned,
    TermsChanged,
    TimerDue,
    Why,
    advance,
    begin,
)
from tests.core.matrix import I1, MINUTE, NOON, SECOND

ANA = ContactName("ana")
OPENED_AT = NOON - 10 * MINUTE
OPEN = Incident(
    incident=I1,
    key="level-label|PodDown",
    rule="level-label",
    group={"alertname": "PodDown"},
    title="pods are down",
    level=Level.MODERATE,
    pin=PinHash("pin"),
    reopen_window=20 * MINUTE,
    opened_at=OPENED_AT,
    firing=2,
    seen=2,
)
LAST = replace(OPEN, firing=1)
HIDING = replace(LAST, hidden=frozenset({"g"}))
RESOLVED = replace(OPEN, phase=Phase.RESOLVED, firing=0, resolved_at=NOON)
SEVERE = replace(RESOLVED, level=Level.SEVERE)
HELD = replace(RESOLVED, firing=1, twin_since=NOON)
BY_HAND = replace(RESOLVED, firing=2, resolved_by=ANA)
BY_HAND_SEVERE = replace(BY_HAND, level=Level.SEVERE)
CLOSED = replace(RESOLVED, phase=Phase.CLOSED)
DECLARED = replace(OPEN, firing=0, seen=0, declared_by=ANA)

RESOLVES, CLOSES = IncidentResolved(incident=I1), IncidentClosed(incident=I1)
REOPENS = IncidentReopened(incident=I1, flapping=None)


def fired(count: int = 1, level: Level = Level.MODERATE) -> AlertsFired:
    return AlertsFired(count=count, level=level, subject="PodDown b")


def joins() -> AlertsJoined:
    return AlertsJoined(incident=I1, subject="PodDown b")


def changes(level: Level, *, rose: bool) -> LevelChanged:
    return LevelChanged(incident=I1, level=level, rose=rose)


def row(
    id_: str,
    state: Incident,
    event: Event,
    now: datetime,
    phase: Phase,
    why: Why,
    *emits: object,
    due: datetime | None = None,
    firing: int | None = None,
) -> Any:
    return pytest.param(state, event, now, phase, why, emits, due, firing, id=id_)


@pytest.mark.parametrize(
    "state, event, now, phase, why, emits, due, firing",
    [
        # Alerts that fire
        row("a new alert joins", OPEN, fired(), NOON, Phase.OPEN, Why.JOINED, joins(), firing=3),
        row(
            "a worse alert raises the level, and joins",
            OPEN,
            fired(level=Level.SEVERE),
            NOON,
            Phase.OPEN,
            Why.ROSE,
            changes(Level.SEVERE, rose=True),
            joins(),
            firing=3,
        ),
        row(
            "a milder alert leaves the level",
            OPEN,
            fired(level=Level.MINOR),
            NOON,
            Phase.OPEN,
            Why.JOINED,
            joins(),
            firing=3,
        ),
        row(
            "a new alert opens it again",
            RESOLVED,
            fired(2),
            NOON + MINUTE,
            Phase.OPEN,
            Why.REOPENED,
            REOPENS,
            firing=2,
        ),
        row(
            "a worse alert opens it again at its level",
            RESOLVED,
            fired(level=Level.FATAL),
            NOON + MINUTE,
            Phase.OPEN,
            Why.REOPENED,
            REOPENS,
            changes(Level.FATAL, rose=True),
            firing=1,
        ),
        row(
            "a new alert does not wait for a twin's hold",
            HELD,
            fired(),
            NOON + SECOND,
            Phase.OPEN,
            Why.REOPENED,
            REOPENS,
            firing=2,
        ),
        row(
            "a new alert opens what was resolved by hand",
            BY_HAND,
            fired(),
            NOON + MINUTE,
            Phase.OPEN,
            Why.REOPENED,
            REOPENS,
            firing=3,
        ),
        # Alerts that fire again within their interval
        row(
            "what fires again while open counts",
            OPEN,
            AlertsRefired(count=1),
            NOON,
            Phase.OPEN,
            Why.REFIRED,
            firing=3,
        ),
        row(
            "at level 2 what fires again is held 30 s",
            RESOLVED,
            AlertsRefired(count=1),
            NOON + SECOND,
            Phase.RESOLVED,
            Why.TWIN_HELD,
            due=NOON + 31 * SECOND,
            firing=1,
        ),
        row(
            "a second twin does not prolong the hold",
            HELD,
            AlertsRefired(count=1),
            NOON + 10 * SECOND,
            Phase.RESOLVED,
            Why.REFIRED,
            due=NOON + 30 * SECOND,
            firing=2,
        ),
        row(
            "at level 3 what fires again opens it at once",
            SEVERE,
            AlertsRefired(count=1),
            NOON + SECOND,
            Phase.OPEN,
            Why.REOPENED_TWIN,
            REOPENS,
            firing=1,
        ),
        row(
            "resolved by hand, what fires again waits for the second look",
            BY_HAND_SEVERE,
            AlertsRefired(count=1),
            NOON + SECOND,
            Phase.RESOLVED,
            Why.REFIRED,
            due=NOON + 10 * MINUTE,
            firing=3,
        ),
        # Alerts that end
        row("one of two ends", OPEN, AlertsEnded(count=1), NOON, Phase.OPEN, Why.STILL_FIRING, firing=1),
        row(
            "the last that ends resolves it",
            OPEN,
            AlertsEnded(count=2),
            NOON,
            Phase.RESOLVED,
            Why.CLEARED,
            RESOLVES,
            due=NOON + 20 * MINUTE,
            firing=0,
        ),
        row(
            "it stays open while alerts are hidden from us",
            HIDING,
            AlertsEnded(count=1),
            NOON,
            Phase.OPEN,
            Why.CLEARED_INCOMPLETE,
            firing=0,
        ),
        row(
            "a twin's own resolve ends the hold",
            HELD,
            AlertsEnded(count=1),
            NOON + 10 * SECOND,
            Phase.RESOLVED,
            Why.TWIN_PASSED,
            due=NOON + 20 * MINUTE,
            firing=0,
        ),
        row(
            "one of two twins ends, the hold goes on",
            replace(HELD, firing=2),
            AlertsEnded(count=1),
            NOON + 10 * SECOND,
            Phase.RESOLVED,
            Why.STILL_FIRING,
            due=NOON + 30 * SECOND,
            firing=1,
        ),
        row(
            "resolved by hand, the window counts from when its alerts ended",
            BY_HAND,
            AlertsEnded(count=2),
            NOON + 5 * MINUTE,
            Phase.RESOLVED,
            Why.CLEARED_AFTER_HAND,
            due=NOON + 25 * MINUTE,
            firing=0,
        ),
        row(
            "more ends than were known leave none firing",
            LAST,
            AlertsEnded(count=9),
            NOON,
            Phase.RESOLVED,
            Why.CLEARED,
            RESOLVES,
            due=NOON + 20 * MINUTE,
            firing=0,
        ),
        # Truncated bodies
        row("a truncated body marks it", OPEN, AlertsHidden(group="g"), NOON, Phase.OPEN, Why.HIDDEN),
        row("and marks it once", HIDING, AlertsHidden(group="g"), NOON, Phase.OPEN, Why.STALE),
        row(
            "a truncated body marks what is resolved",
            RESOLVED,
            AlertsHidden(group="g"),
            NOON,
            Phase.RESOLVED,
            Why.HIDDEN,
            due=NOON + 20 * MINUTE,
        ),
        row("a whole body completes it", HIDING, AlertsShown(group="g"), NOON, Phase.OPEN, Why.COMPLETE),
        row(
            "a whole body resolves what had cleared",
            replace(HIDING, firing=0),
            AlertsShown(group="g"),
            NOON,
            Phase.RESOLVED,
            Why.CLEARED,
            RESOLVES,
            due=NOON + 20 * MINUTE,
        ),
        row(
            "one of two hidden groups is shown",
            replace(HIDING, firing=0, hidden=frozenset({"g", "h"})),
            AlertsShown(group="g"),
            NOON,
            Phase.OPEN,
            Why.COMPLETE,
        ),
        row("a group that hid nothing", OPEN, AlertsShown(group="g"), NOON, Phase.OPEN, Why.STALE),
        # People
        row(
            "a person resolves what has cleared",
            DECLARED,
            PersonResolved(by=ANA),
            NOON,
            Phase.RESOLVED,
            Why.RESOLVED_BY_HAND,
            RESOLVES,
            due=NOON + 20 * MINUTE,
        ),
        row(
            "a person resolves what still fires",
            OPEN,
            PersonResolved(by=ANA),
            NOON,
            Phase.RESOLVED,
            Why.RESOLVED_STILL_FIRING,
            RESOLVES,
            due=NOON + 30 * MINUTE,
            firing=2,
        ),
        row(
            "a person resolves a region that still fires",
            replace(OPEN, level=Level.SEVERE),
            PersonResolved(by=ANA),
            NOON,
            Phase.RESOLVED,
            Why.RESOLVED_STILL_FIRING,
            RESOLVES,
            due=NOON + 10 * MINUTE,
            firing=2,
        ),
        row(
            "a person resolves what is resolved",
            RESOLVED,
            PersonResolved(by=ANA),
            NOON + MINUTE,
            Phase.RESOLVED,
            Why.ALREADY_RESOLVED,
            due=NOON + 20 * MINUTE,
        ),
        row(
            "a person raises the level",
            OPEN,
            LevelSet(by=ANA, level=Level.FATAL),
            NOON,
            Phase.OPEN,
            Why.LEVEL_SET,
            changes(Level.FATAL, rose=True),
        ),
        row(
            "a person lowers the level",
            OPEN,
            LevelSet(by=ANA, level=Level.MINOR),
            NOON,
            Phase.OPEN,
            Why.LEVEL_SET,
            changes(Level.MINOR, rose=False),
        ),
        row(
            "a person confirms the level",
            OPEN,
            LevelSet(by=ANA, level=Level.MODERATE),
            NOON,
            Phase.OPEN,
            Why.LEVEL_SAME,
        ),
        row(
            "the level of what is resolved changes, and it stays resolved",
            RESOLVED,
            LevelSet(by=ANA, level=Level.SEVERE),
            NOON,
            Phase.RESOLVED,
            Why.LEVEL_SET,
            changes(Level.SEVERE, rose=True),
            RESOLVES,
            due=NOON + 20 * MINUTE,
        ),
        row(
            "a note",
            OPEN,
            Noted(by=ANA, text="cut"),
            NOON,
            Phase.OPEN,
            Why.NOTE,
            NoteLeft(incident=I1, by=ANA, text="cut"),
        ),
        row(
            "a note on what is resolved",
            RESOLVED,
            Noted(by=ANA),
            NOON,
            Phase.RESOLVED,
            Why.NOTE,
            NoteLeft(incident=I1, by=ANA, text=""),
            due=NOON + 20 * MINUTE,
        ),
        row(
            "another window while it is open",
            OPEN,
            TermsChanged(reopen_window=MINUTE),
            NOON,
            Phase.OPEN,
            Why.TERMS,
        ),
        row(
            "another window for what is resolved",
            RESOLVED,
            TermsChanged(reopen_window=60 * MINUTE),
            NOON,
            Phase.RESOLVED,
            Why.TERMS,
            due=NOON + 60 * MINUTE,
        ),
        row(
            "today's policy",
            OPEN,
            Repinned(by=ANA, pin=PinHash("new")),
            NOON,
            Phase.OPEN,
            Why.REPINNED,
            PinChanged(incident=I1, pin=PinHash("new")),
        ),
        row(
            "today's policy for what is resolved",
            RESOLVED,
            Repinned(by=ANA, pin=PinHash("new")),
            NOON,
            Phase.RESOLVED,
            Why.REPINNED,
            PinChanged(incident=I1, pin=PinHash("new")),
            due=NOON + 20 * MINUTE,
        ),
        # Time
        row("an open incident waits for nothing", OPEN, TimerDue(), NOON, Phase.OPEN, Why.STALE),
        row(
            "a moment before the window ends",
            RESOLVED,
            TimerDue(),
            NOON + 20 * MINUTE - SECOND,
            Phase.RESOLVED,
            Why.STALE,
            due=NOON + 20 * MINUTE,
        ),
        row("the window ends", RESOLVED, TimerDue(), NOON + 20 * MINUTE, Phase.CLOSED, Why.CLOSED, CLOSES),
        row(
            "the hold ends",
            HELD,
            TimerDue(),
            NOON + 30 * SECOND,
            Phase.OPEN,
            Why.REOPENED_TWIN,
            REOPENS,
            firing=1,
        ),
        row(
            "a moment before the hold ends",
            HELD,
            TimerDue(),
            NOON + 29 * SECOND,
            Phase.RESOLVED,
            Why.STALE,
            due=NOON + 30 * SECOND,
        ),
        row(
            "resolved by hand, it still fires after 30 min",
            BY_HAND,
            TimerDue(),
            NOON + 30 * MINUTE,
            Phase.OPEN,
            Why.REOPENED_STILL_FIRING,
            REOPENS,
            firing=2,
        ),
        row(
            "resolved by hand, a region still fires after 10 min",
            BY_HAND_SEVERE,
            TimerDue(),
            NOON + 10 * MINUTE,
            Phase.OPEN,
            Why.REOPENED_STILL_FIRING,
            REOPENS,
            firing=2,
        ),
    ],
)
def test_advance(state, event, now, phase, why, emits, due, firing):
    decision = advance(state, event, now)
    assert (decision.state.phase, decision.why, decision.emits) == (phase, why, emits)
    assert decision.state.due() == (None if due is None else Due(due, DueKind.TIMER))
    assert decision.state.firing == (state.firing if firing is None else firing)
    assert (why is Why.STALE) <= (decision.state == state)


@pytest.mark.parametrize(
    "event",
    [
        TimerDue(),
        fired(),
        AlertsRefired(count=1),
        AlertsEnded(count=1),
        AlertsHidden(group="g"),
        AlertsShown(group="g"),
        PersonResolved(by=ANA),
        LevelSet(by=ANA, level=Level.FATAL),
        Noted(by=ANA),
        Repinned(by=ANA, pin=PinHash("new")),
        TermsChanged(reopen_window=MINUTE),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_closed_incident_hears_nothing(event):
    decision = advance(CLOSED, event, NOON + timedelta(days=1))
    assert (decision.state, decision.why, decision.emits) == (CLOSED, Why.STALE, ())
    assert CLOSED.due() is None


def test_it_opens_with_its_level_and_says_so():
    decision = begin(OPEN)
    assert (decision.why, decision.emits) == (
        Why.OPENED,
        (IncidentOpened(incident=I1, level=Level.MODERATE),),
    )
    assert begin(DECLARED).why is Why.DECLARED


def test_a_person_may_lower_the_level_and_a_worse_alert_still_raises_it():
    lowered = advance(replace(OPEN, level=Level.SEVERE), LevelSet(by=ANA, level=Level.MINOR), NOON).state
    assert (lowered.level, lowered.level_set_by) == (Level.MINOR, ANA)
    assert advance(lowered, AlertsRefired(count=1), NOON).state.level is Level.MINOR
    raised = advance(lowered, fired(level=Level.MODERATE), NOON).state
    assert (raised.level, raised.level_set_by) == (Level.MODERATE, None)


def test_what_a_late_twin_opened_is_marked_until_it_opens_for_another_reason():
    twin = advance(SEVERE, AlertsRefired(count=1), NOON).state
    assert twin.may_be_twin
    again = advance(advance(twin, AlertsEnded(count=1), NOON).state, fired(), NOON + MINUTE).state
    assert not again.may_be_twin


def test_at_level_2_too_a_twin_that_did_not_pass_is_marked():
    assert advance(HELD, TimerDue(), NOON + 30 * SECOND).state.may_be_twin


def test_it_counts_what_ever_belonged_to_it():
    joined = advance(OPEN, fired(3), NOON).state
    assert (joined.firing, joined.seen) == (5, 5)
    assert advance(joined, AlertsRefired(count=1), NOON).state.seen == 5


def test_what_was_hidden_keeps_it_open_until_it_is_shown():
    hiding = advance(LAST, AlertsHidden(group="g"), NOON).state
    cleared = advance(hiding, AlertsEnded(count=1), NOON).state
    assert cleared.is_open
    assert not advance(cleared, AlertsShown(group="g"), NOON).state.is_open


def test_who_did_what_is_kept():
    assert advance(OPEN, PersonResolved(by=ANA), NOON).state.resolved_by == ANA
    assert advance(OPEN, AlertsEnded(count=2), NOON).state.resolved_by is None
    assert advance(OPEN, LevelSet(by=ANA, level=Level.MODERATE), NOON).state.level_set_by == ANA
    assert advance(OPEN, Repinned(by=ANA, pin=PinHash("new")), NOON).state.pin == "new"


@pytest.mark.parametrize(
    "event, details",
    [
        (fired(), {"alerts": "1", "subject": "PodDown b", "level": "2"}),
        (AlertsEnded(count=1), {"alerts": "1", "firing": "1"}),
        (AlertsRefired(count=1), {"alerts": "1"}),
        (PersonResolved(by=ANA, reason="a drill"), {"by": "ana", "text": "a drill", "firing": "2"}),
        (PersonResolved(by=ANA), {"by": "ana", "firing": "2"}),
        (
            LevelSet(by=ANA, level=Level.SEVERE, reason="all zones"),
            {"by": "ana", "level": "3", "from": "2", "text": "all zones"},
        ),
        (Noted(by=ANA, text="looking"), {"by": "ana", "text": "looking"}),
        (Repinned(by=ANA, pin=PinHash("new")), {"by": "ana", "pin": "new"}),
    ],
    ids=[
        "joined",
        "ended",
        "fired again",
        "resolved with a reason",
        "resolved without",
        "level with a reason",
        "note",
        "repinned",
    ],
)
def test_the_audit_gets_the_figures(event, details):
    assert advance(OPEN, event, NOON).details == details


def test_the_audit_of_a_re_opening_says_what_fires_and_how_often():
    details = advance(RESOLVED, fired(2), NOON).details
    assert details == {"reopenings": "1", "alerts": "2", "subject": "PodDown b", "level": "2"}


def test_what_opens_again_forgets_who_resolved_it():
    again = advance(BY_HAND, TimerDue(), NOON + 30 * MINUTE).state
    assert (again.resolved_at, again.resolved_by, again.twin_since) == (None, None, None)


def flaps(*minutes: int) -> list[str | None]:
    """It clears and fires again at each of these minutes; what is told of it."""
    state, told = LAST, []
    for at in minutes:
        now = NOON + at * MINUTE
        state = advance(state, AlertsEnded(count=1), now - SECOND).state
        decision = advance(state, fired(), now)
        (reopened,) = decision.emits
        assert isinstance(reopened, IncidentReopened)
        told.append(reopened.flapping)
        state = decision.state
    return told


@pytest.mark.parametrize(
    "minutes, told",
    [
        pytest.param((0, 10), [None, None], id="twice in an hour is none"),
        pytest.param((0, 10, 20), [None, None, "page"], id="the third in an hour is told"),
        pytest.param((0, 10, 20, 30, 40), [None, None, "page", "quiet", "quiet"], id="and once"),
        pytest.param((0, 31, 62), [None, None, None], id="three in more than an hour are none"),
        pytest.param(
            (0, 10, 20, 30, 60, 79, 80),
            [None, None, "page", "quiet", "quiet", "quiet", "page"],
            id="and once an hour",
        ),
    ],
)
def test_flapping(minutes, told):
    assert flaps(*minutes) == told


def test_re_openings_are_remembered_for_an_hour():
    old = replace(RESOLVED, reopenings=(NOON - FLAP_WINDOW,))
    assert advance(old, fired(), NOON).state.reopenings == (NOON,)


def test_the_newest_alert_says_where_to_read_on():
    links = {"runbook": "https://runbooks.example/pod"}
    decision = advance(OPEN, replace(fired(), links=links), NOON)
    assert decision.state.links == links
    assert advance(decision.state, fired(), NOON).state.links == links
