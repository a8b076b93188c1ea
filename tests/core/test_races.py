"""The race table, row by row through all the machines, and what is promised however events are interleaved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given

from responder.core.alert import Alert
from responder.core.decision import PageReason
from responder.core.delivery import Accepted, Outcome
from responder.core.identifiers import ContactName, Fingerprint, IncidentId, Kind
from responder.core.level import Level
from responder.core.machines import incident, page
from responder.core.machines.escalation import Acknowledged, Suppressed, Unsuppressed
from responder.core.machines.incident import RACES, Incident, PersonResolved, Race
from responder.core.machines.page import Page
from tests.core.interleaving import Act, live, lives, vanish
from tests.core.matrix import CTO, DEVOPS, HOUR, I1, MATRIX, MINUTE, NOON, SECOND, SUCCESS, VP
from tests.core.searching import SEARCH_LIVES
from tests.core.world import World

ANA = ContactName("ana")


def fires(
    world: World, name: str = "a", level: Level = Level.MODERATE, *, since: timedelta = timedelta(0)
) -> None:
    alert = Alert(fingerprint=Fingerprint(name), labels={"alertname": name}, starts_at=world.now - since)
    world.message(alert, level)


def clears(world: World, name: str = "a") -> None:
    began = world.occurrences[Fingerprint(name)].starts_at
    alert = Alert(
        fingerprint=Fingerprint(name), labels={"alertname": name}, starts_at=began, ends_at=world.now
    )
    world.message(alert, Level.MODERATE)


def fires_again(world: World, name: str = "a") -> None:
    """The other half of the pair still says that it fires."""
    fires(world, name, since=world.now - world.occurrences[Fingerprint(name)].starts_at)


def acknowledges(world: World, by: ContactName = ANA) -> None:
    world.ask(Kind.ESCALATION, I1, Acknowledged(by=by))


def opened(level: Level) -> World:
    """One incident at this level, its first minute over."""
    world = World()
    fires(world, level=level)
    world.pass_time(MINUTE)
    return world


def trouble(world: World) -> Incident:
    state = world.current()
    assert state is not None
    assert state.incident == I1
    return state


def pages_of(world: World) -> list[Page]:
    return world.of(I1, Kind.PAGE)


def asked(world: World, *, since: timedelta) -> list[tuple[PageReason, ContactName]]:
    """Who was asked for, and why, from `since` after noon on."""
    return [(each.reason, each.contact) for at, each in world.asked if at >= NOON + since]


# Each row of the table


def an_acknowledgement_of_what_is_resolved_is_a_note() -> None:
    world = opened(Level.SEVERE)
    clears(world)
    world.pass_time(MINUTE)
    acknowledges(world)
    assert trouble(world).phase is incident.Phase.RESOLVED
    assert world.ladder(I1).lease is None
    assert asked(world, since=2 * MINUTE) == []


def what_clears_while_it_is_held_is_resolved_and_everybody_hears() -> None:
    world = opened(Level.SEVERE)
    acknowledges(world)
    clears(world)
    assert trouble(world).phase is incident.Phase.RESOLVED
    assert world.ladder(I1).lease is None
    told = [contact for reason, contact in asked(world, since=MINUTE) if reason is PageReason.RESOLVED]
    assert sorted(told) == sorted((CTO, VP, SUCCESS, ANA))


def the_commit_decides_whether_a_page_is_sent() -> None:
    world = opened(Level.SEVERE)
    world.weather = "silent"
    world.pass_time(14 * MINUTE)  # DevOps is paged, and its call is in flight
    (flying,) = (each for each in pages_of(world) if each.phase is page.Phase.SENDING)
    acknowledges(world)
    world.answer(0, Accepted(attempt=1))
    (shown,) = (each for each in pages_of(world) if each.page == flying.page)
    assert shown.phase is page.Phase.WITHDRAWN
    assert shown.attempts[0].outcome is Outcome.ACCEPTED  # "sent before the acknowledgement"
    before = len(world.sent)
    world.pass_time(50 * MINUTE)
    assert not [send for _, send in world.sent[before:] if send.kind is Kind.PAGE]


def a_late_twin_is_held_at_level_2_and_opens_a_region_at_once() -> None:
    world = opened(Level.MODERATE)
    clears(world)
    fires_again(world)
    world.pass_time(10 * SECOND)
    assert trouble(world).phase is incident.Phase.RESOLVED
    clears(world)
    world.pass_time(5 * MINUTE)
    assert trouble(world).phase is incident.Phase.RESOLVED
    fires_again(world)
    world.pass_time(30 * SECOND)
    assert trouble(world).phase is incident.Phase.OPEN
    assert trouble(world).may_be_twin

    region = opened(Level.SEVERE)
    clears(region)
    fires_again(region)
    assert trouble(region).phase is incident.Phase.OPEN
    assert trouble(region).may_be_twin


def a_new_occurrence_opens_the_same_incident_without_its_acknowledgement() -> None:
    world = opened(Level.SEVERE)
    acknowledges(world)
    clears(world)
    world.pass_time(20 * MINUTE)
    fires(world, "b")
    assert trouble(world).phase is incident.Phase.OPEN
    ladder = world.ladder(I1)
    assert (ladder.lease, ladder.unanswered(world.now)) == (None, MINUTE)
    reopened = [
        contact for reason, contact in asked(world, since=21 * MINUTE) if reason is PageReason.REOPENED
    ]
    assert reopened == [ANA, CTO, VP, SUCCESS]
    for _ in range(3):
        clears(world, "b")
        world.pass_time(MINUTE)
        fires(world, "b")
    flapping = [each for each in asked(world, since=21 * MINUTE) if each[0] is PageReason.FLAPPING]
    assert len(flapping) == len(reopened)


def what_a_person_resolves_and_still_fires_opens_again() -> None:
    for level, wait in ((Level.MODERATE, 30 * MINUTE), (Level.SEVERE, 10 * MINUTE)):
        world = opened(level)
        world.ask(Kind.INCIDENT, I1, PersonResolved(by=ANA))
        world.pass_time(wait - SECOND)
        assert trouble(world).phase is incident.Phase.RESOLVED
        world.pass_time(SECOND)
        assert trouble(world).phase is incident.Phase.OPEN
    world = opened(Level.MODERATE)
    world.ask(Kind.INCIDENT, I1, PersonResolved(by=ANA))
    clears(world)
    world.pass_time(29 * MINUTE)
    assert trouble(world).phase is incident.Phase.RESOLVED
    world.pass_time(2 * HOUR)
    assert trouble(world).phase is incident.Phase.CLOSED


def a_rise_ends_the_lower_lease_and_starts_the_higher_ladder() -> None:
    world = opened(Level.MODERATE)
    acknowledges(world)
    fires(world, "b", Level.SEVERE)
    ladder = world.ladder(I1)
    assert (ladder.lease, ladder.level, ladder.unanswered(world.now)) == (None, Level.SEVERE, timedelta(0))
    assert (PageReason.ROSE, ANA) in asked(world, since=MINUTE)
    assert [contact for reason, contact in asked(world, since=MINUTE) if reason is PageReason.STEP] == [
        CTO,
        VP,
        SUCCESS,
    ]


def suppresses(world: World, minutes: float) -> None:
    until = world.now + minutes * MINUTE
    world.ask(Kind.ESCALATION, I1, Suppressed(until=until, by=("silence",)))


def what_alertmanager_keeps_quiet_stands_still_until_it_fires_or_nobody_confirms_it() -> None:
    for ends in (lambda world: world.ask(Kind.ESCALATION, I1, Unsuppressed()), lambda world: None):
        world = opened(Level.SEVERE)
        suppresses(world, 120)
        world.pass_time(117 * MINUTE)
        assert {each.reason for each in pages_of(world)} == {PageReason.STEP}
        assert [each.contact for each in pages_of(world) if each.contact == DEVOPS] == []
        ends(world)
        world.pass_time(18 * MINUTE)
        reasons = [each.reason for each in pages_of(world) if each.contact == CTO]
        assert reasons[1] in (PageReason.UNSUPPRESSED, PageReason.UNCONFIRMED)
        assert [each.reason for each in pages_of(world) if each.contact == DEVOPS] == [PageReason.STEP]
        assert any(each.reason is PageReason.DUTY for each in pages_of(world))


def what_no_alertmanager_has_is_over_or_asked_about() -> None:
    for level in (Level.MODERATE, Level.SEVERE):
        world = opened(level)
        vanish(world, 0, 0)
        is_over = trouble(world).phase is incident.Phase.RESOLVED
        assert is_over is not level.is_disaster
        assert any(each.reason is PageReason.GHOST for each in pages_of(world)) is level.is_disaster


SHOWN: Mapping[tuple[str, str], Callable[[], None]] = {
    ("acknowledge", "resolved"): an_acknowledgement_of_what_is_resolved_is_a_note,
    ("alert clears", "acknowledged"): what_clears_while_it_is_held_is_resolved_and_everybody_hears,
    ("timer due", "acknowledge or resolve in the same instant"): the_commit_decides_whether_a_page_is_sent,
    (
        "same occurrence fires again",
        "resolved moments ago",
    ): a_late_twin_is_held_at_level_2_and_opens_a_region_at_once,
    (
        "new occurrence fires",
        "resolved, within the reopen window",
    ): a_new_occurrence_opens_the_same_incident_without_its_acknowledgement,
    ("person resolves", "alerts still fire"): what_a_person_resolves_and_still_fires_opens_again,
    (
        "every Alertmanager that has an alert of it keeps it quiet",
        "nobody answers",
    ): what_alertmanager_keeps_quiet_stands_still_until_it_fires_or_nobody_confirms_it,
    (
        "no Alertmanager has its alerts any more",
        "none has told their end",
    ): what_no_alertmanager_has_is_over_or_asked_about,
    ("level rises", "acknowledged"): a_rise_ends_the_lower_lease_and_starts_the_higher_ladder,
}


@pytest.mark.parametrize("race", RACES, ids=lambda race: f"{race.comes} while {race.meanwhile}")
def test_a_row_of_the_race_table(race: Race) -> None:
    SHOWN[race.comes, race.meanwhile]()


def step_is_due(world: World) -> None:
    world.pass_time(timedelta(0))


def resolves_by_hand(world: World) -> None:
    world.ask(Kind.INCIDENT, I1, PersonResolved(by=ANA))


@pytest.mark.parametrize(
    "order",
    list(permutations((step_is_due, acknowledges, clears, resolves_by_hand))),
    ids=lambda order: ", ".join(act.__name__ for act in order),
)
def test_whatever_comes_first_in_one_instant_it_ends_resolved_and_nobody_is_owed_a_page(order) -> None:
    world = opened(Level.SEVERE)
    world.weather = "silent"
    world.now = NOON + 15 * MINUTE
    for act in order:
        act(world)
    assert trouble(world).phase is incident.Phase.RESOLVED
    assert not [each for each in pages_of(world) if each.reason.is_ladder and each.phase is page.Phase.OWED]
    rungs = [each for each in asked(world, since=15 * MINUTE) if each == (PageReason.STEP, DEVOPS)]
    assert len(rungs) == (order[0] is step_is_due)


# However they are interleaved

LONGEST = 61 * MINUTE  # between two rungs of the shipped ladders, or two repeats


def _asked_since(world: World, of: IncidentId) -> timedelta:
    times = [at for at, each in world.asked if each.incident == of and each.reason.is_ladder]
    return world.now - max(times, default=NOON)


@SEARCH_LIVES
@given(lives)
def test_after_any_life_nobody_is_forgotten(life: list[Act]) -> None:
    """Three quiet hours later an incident above level 1 is over, or held, or somebody was asked within the hour."""
    world = live(life)
    world.weather = "fine"
    world.nobody.clear()
    world.pass_time(3 * HOUR)
    state = world.current()
    assert state is not None
    ladder = world.ladder(state.incident)
    if state.is_open and state.level > Level.MINOR and ladder.lease is None and ladder.snooze is None:
        assert _asked_since(world, state.incident) <= LONGEST


@SEARCH_LIVES
@given(lives)
def test_after_any_life_everybody_who_was_reached_has_been_told_the_end(life: list[Act]) -> None:
    world = live(life)
    world.weather = "fine"
    world.pass_time(5 * MINUTE)
    for state in (record for record in world.records.values() if isinstance(record, Incident)):
        if state.is_open:
            continue
        ladder = world.ladder(state.incident)
        assert state.resolved_at is not None
        assert ladder.reached == ()
        ends = {
            each.contact
            for at, each in world.asked
            if each.incident == state.incident and each.reason is PageReason.RESOLVED
        }
        reached = {each.contact for each in world.of(state.incident, Kind.PAGE) if _reached(each)}
        assert reached <= ends


def _reached(each: Page) -> bool:
    arrived = any(attempt.outcome is Outcome.ACCEPTED for attempt in each.attempts)
    return arrived and not each.reason.is_told


@SEARCH_LIVES
@given(lives)
def test_after_any_life_each_rung_gave_the_one_before_its_time(life: list[Act]) -> None:
    """Rungs that come of themselves are as far apart as planned, or where we were down, as catch_up."""
    rungs: dict[tuple[IncidentId, datetime], list[tuple[datetime, int | None]]] = defaultdict(list)
    for at, reached_at, each in live(life).climbed:
        rungs[each.incident, reached_at].append((at, each.step))
    for climbed in rungs.values():
        for (before, one), (after, other) in pairwise(climbed):
            assert one == other or after - before >= MATRIX[Level.SEVERE].catch_up
