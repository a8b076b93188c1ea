"""A ladder that Alertmanager keeps quiet: held, told, confirmed, and gone on with, whoever answers meanwhile."""

from __future__ import annotations

from datetime import datetime

import pytest

from responder.core.decision import NoticeReason, PageReason
from responder.core.machines.escalation import (
    Acknowledged,
    Doubted,
    Escalated,
    Joined,
    LevelReached,
    PagesWithdrawn,
    Phase,
    Reopened,
    Resolved,
    Snoozed,
    Suppressed,
    Suppression,
    Unacknowledged,
    Unsuppressed,
    Why,
    advance,
)
from tests.core.machines.climb import ANA, Climb
from tests.core.matrix import CEO, CTO, DEVOPS, FATAL, MINUTE, MODERATE, NOON, SEVERE, SUCCESS, VP

AT_ONCE = {CTO, VP, SUCCESS}  # whom level 3 pages at 0


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def suppressed(until: float, *by: str) -> Suppressed:
    return Suppressed(until=at(until), by=by or ("s1",))


def whys(climb: Climb) -> list[Why]:
    return [why for _, why, _ in climb.lines]  # type: ignore[misc]


def test_it_stands_still_and_goes_on_where_it_stood():
    climb = Climb(SEVERE).at(10, suppressed(100)).at(60, Unsuppressed())
    assert climb.who(10) == [(60, PageReason.UNSUPPRESSED, who) for who in (CTO, VP, SUCCESS)]
    climb.until(65)
    assert climb.who(61) == [(65, PageReason.STEP, DEVOPS)]
    assert climb.notices[-2:] == [NoticeReason.SUPPRESSED, NoticeReason.UNSUPPRESSED]


def test_what_is_owed_is_withdrawn_and_the_channels_are_told():
    climb = Climb(SEVERE).until(5)
    decision = advance(climb.state, suppressed(10, "s1", "s2"), climb.now)
    assert decision.why is Why.SUPPRESSED
    assert [type(emit).__name__ for emit in decision.emits] == ["PagesWithdrawn", "NoticeAsked"]
    assert decision.details == {"by": "s1, s2", "until": at(10).isoformat()}
    assert decision.state.suppression == Suppression(since=at(5), until=at(10), by=("s1", "s2"))
    due = decision.state.due()
    assert due is not None
    assert due.at == at(10)


def test_of_very_many_silences_a_few_are_named():
    decision = advance(Climb(SEVERE).state, suppressed(10, *(f"s{n}" for n in range(9))), NOON)
    assert decision.details["by"] == "s0, s1, s2, s3, s4"


def test_said_again_it_lasts_longer_and_nobody_is_told():
    climb = Climb(SEVERE).at(1, suppressed(6)).at(4, suppressed(9, "s2"))
    assert whys(climb)[-1] is Why.STILL_SUPPRESSED
    assert climb.state.suppression == Suppression(since=at(1), until=at(9), by=("s2",))
    assert climb.notices.count(NoticeReason.SUPPRESSED) == 1


@pytest.mark.parametrize("until", [6, 5], ids=["as before", "shorter"])
def test_said_again_for_no_longer_it_changes_nothing(until):
    climb = Climb(SEVERE).at(1, suppressed(6))
    assert advance(climb.state, suppressed(until), climb.now).why is Why.STALE


def test_what_is_over_already_is_none():
    assert advance(Climb(SEVERE).state, suppressed(0), NOON).why is Why.STALE


def test_not_confirmed_it_ends_by_itself_and_the_time_since_then_counts():
    climb = Climb(SEVERE).at(10, suppressed(15)).down(17)
    assert climb.who(10) == [(17, PageReason.UNCONFIRMED, who) for who in (CTO, VP, SUCCESS)]
    assert climb.notices[-1] is NoticeReason.UNCONFIRMED
    assert climb.state.unanswered(at(17)) == 12 * MINUTE


def test_before_anybody_was_paged_its_end_pages_nobody_and_the_ladder_does():
    climb = Climb(MODERATE).at(10, suppressed(20)).at(15, Unsuppressed())
    assert climb.who() == []
    climb.until(20)
    assert {who for _, _, who in climb.who()} == {MODERATE.steps[2].page[0]}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "event", [Unsuppressed(), suppressed(90), Doubted(subject="x")], ids=lambda e: type(e).__name__
)
def test_after_its_end_it_hears_nothing_of_that(event):
    climb = Climb(SEVERE).at(5, Resolved())
    assert advance(climb.state, event, climb.now).why is Why.STALE


def test_not_suppressed_it_needs_no_end_of_it():
    assert advance(Climb(SEVERE).state, Unsuppressed(), NOON).why is Why.STALE


def test_the_end_of_the_incident_ends_it_and_opened_again_it_is_not_suppressed():
    climb = Climb(SEVERE).at(5, suppressed(60)).at(10, Resolved())
    assert (climb.state.phase, climb.state.suppression) == (Phase.STOPPED, None)
    climb.at(11, Reopened())
    assert climb.state.since == at(11)


# With people


def test_who_has_it_keeps_it_and_what_they_are_owed():
    climb = Climb(SEVERE).at(5, Acknowledged(by=ANA))
    decision = advance(climb.state, suppressed(60), climb.now)
    assert not any(isinstance(emit, PagesWithdrawn) for emit in decision.emits)
    assert decision.state.lease == climb.state.lease


def test_a_lease_that_ends_meanwhile_pages_nobody_and_the_end_of_the_suppression_does():
    climb = Climb(SEVERE).at(5, Acknowledged(by=ANA), suppressed(90)).until(70)
    assert Why.LEASE_ENDED in whys(climb)
    assert climb.who(5) == []
    assert climb.state.since is None
    climb.at(80, Unsuppressed())
    assert {who for _, _, who in climb.who(80)} == AT_ONCE | {ANA}


def test_while_somebody_has_it_its_end_pages_nobody():
    climb = Climb(SEVERE).at(5, Acknowledged(by=ANA), suppressed(60)).at(20, Unsuppressed())
    assert climb.who(5) == []
    assert climb.state.lease is not None


def test_a_snooze_that_ends_meanwhile_pages_nobody():
    climb = Climb(SEVERE).at(5, Snoozed(by=ANA, wanted=10 * MINUTE), suppressed(60)).until(30)
    assert Why.SNOOZE_ENDED in whys(climb)
    assert climb.who(5) == []
    climb.at(40, Unsuppressed())
    assert {who for _, _, who in climb.who(40)} == AT_ONCE | {ANA}


def test_given_back_meanwhile_it_pages_nobody():
    climb = Climb(SEVERE).at(5, Acknowledged(by=ANA), suppressed(60)).at(10, Unacknowledged(by=ANA))
    assert climb.who(5) == []
    assert climb.notices[-1] is NoticeReason.UNACKNOWLEDGED


def test_a_person_may_ask_for_the_next_step_all_the_same():
    climb = Climb(SEVERE).at(5, suppressed(60)).at(10, Escalated(by=ANA))
    assert climb.who(5) == [(10, PageReason.ESCALATED, DEVOPS)]
    assert climb.state.suppression is not None


# With what the incident tells


def test_what_joins_was_posted_so_it_ends_and_pages():
    climb = Climb(SEVERE).at(5, suppressed(60)).at(10, Joined(subject="b"))
    assert climb.state.suppression is None
    assert climb.who(5) == [(10, PageReason.JOINED, who) for who in (CTO, VP, SUCCESS)]
    assert whys(climb)[-1] is Why.JOINED_UNSUPPRESSED


def test_where_somebody_has_it_what_joins_is_told_to_them():
    climb = Climb(MODERATE).at(5, Acknowledged(by=ANA), suppressed(60)).at(10, Joined(subject="b"))
    assert climb.state.suppression is None
    assert climb.who(5) == [(10, PageReason.JOINED, ANA)]


def test_a_rise_ends_it_and_starts_the_higher_ladder():
    climb = Climb(SEVERE).at(5, suppressed(60)).at(10, LevelReached(terms=FATAL))
    assert climb.state.suppression is None
    assert {reason for _, reason, _ in climb.who(5)} == {PageReason.ROSE, PageReason.STEP}
    assert CEO in {who for _, _, who in climb.who(5)}


def test_a_fall_leaves_it():
    climb = Climb(SEVERE).at(5, suppressed(60)).at(10, LevelReached(terms=MODERATE))
    assert climb.state.suppression is not None
    assert climb.who(5) == []


# Doubted


def test_who_heard_of_it_last_is_asked_to_look_and_the_ladder_goes_on():
    climb = Climb(SEVERE).at(5, suppressed(60)).at(10, Doubted(subject="Region"))
    assert climb.who(5) == [(10, PageReason.GHOST, who) for who in (CTO, VP, SUCCESS)]
    assert climb.paged[-1][1].subject == "Region"
    assert (climb.notices[-1], climb.state.since) == (NoticeReason.GHOST, at(10))


@pytest.mark.parametrize(
    "answer",
    [Acknowledged(by=ANA), Snoozed(by=ANA, wanted=30 * MINUTE)],
    ids=["who has it", "who asked for quiet"],
)
def test_who_answered_is_asked_to_look(answer):
    climb = Climb(SEVERE).at(5, answer).at(10, Doubted(subject="Region"))
    assert climb.who(5) == [(10, PageReason.GHOST, ANA)]
    assert climb.state.since is None
