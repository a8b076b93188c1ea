"""Escalation: answers, levels and ends, and row by row what each event makes of each state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from responder.core.decision import Decision, NoticeAsked, NoticeReason, PageAsked, PageReason
from responder.core.level import Level
from responder.core.machines.escalation import (
    Acknowledged,
    EarlyMove,
    EarlyWhy,
    Escalated,
    Escalation,
    Event,
    HandedOver,
    Joined,
    Lease,
    LevelReached,
    MoveAllowed,
    MoveHeld,
    MoveWanted,
    PagesWithdrawn,
    Phase,
    Reopened,
    Repinned,
    Resolved,
    Snooze,
    Snoozed,
    TimerDue,
    Unacknowledged,
    Why,
    advance,
)
from responder.core.policy.escalation import Notify, Terms
from tests.core.machines.climb import ANA, BO, Climb, early
from tests.core.matrix import (
    CEO,
    CTO,
    DBA,
    DEVOPS,
    FATAL,
    HOUR,
    I1,
    LEAD,
    LEGAL,
    MATRIX,
    MINOR,
    MINUTE,
    MODERATE,
    NOON,
    NOW,
    ON_CALL,
    SECOND,
    SEVERE,
    SUCCESS,
    VP,
    pages,
    terms_of,
)

CLIMBING = Climb(MODERATE).until(20).state
HELD = Climb(MODERATE).until(20).at(20, Acknowledged(by=ANA)).state
SNOOZED = Climb(MODERATE).until(20).at(20, Snoozed(by=ANA, wanted=30 * MINUTE)).state
BOTH = Climb(MODERATE).until(20).at(20, Acknowledged(by=ANA), Snoozed(by=BO, wanted=HOUR)).state
STOPPED = Climb(MODERATE).until(20).at(20, Resolved()).state
STATES = {
    "climbing": CLIMBING,
    "held": HELD,
    "snoozed": SNOOZED,
    "held and snoozed": BOTH,
    "stopped": STOPPED,
}
MOVE = MoveWanted(why=EarlyWhy.REMEDIATION_FAILED)


# Leases


def test_an_acknowledgement_withdraws_what_is_owed_and_says_who_has_it():
    decision = advance(Climb(SEVERE).state, Acknowledged(by=ANA), NOON)
    assert decision.emits == (
        PagesWithdrawn(incident=I1),
        NoticeAsked(incident=I1, channels=SEVERE.channels, reason=NoticeReason.ACKNOWLEDGED, person=ANA),
    )
    assert decision.state.lease == Lease(holder=ANA, since=NOON, until=NOON + HOUR)


@pytest.mark.parametrize(
    "terms, length",
    [(MINOR, 4 * HOUR), (MODERATE, 2 * HOUR), (SEVERE, HOUR), (FATAL, 30 * MINUTE)],
    ids=lambda value: f"level {value.level:d}" if isinstance(value, Terms) else str(value),
)
@pytest.mark.parametrize("wanted", [None, timedelta(days=1)], ids=["as the level has it", "at the most"])
def test_a_lease_is_as_long_as_the_level_allows(terms, length, wanted):
    lease = advance(Climb(terms).state, Acknowledged(by=ANA, wanted=wanted), NOON).state.lease
    assert lease is not None
    assert lease.until == NOON + length


def test_a_lease_may_be_shorter():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA, wanted=20 * MINUTE)).until(30)
    assert climb.lines[-1][:2] == (30, Why.LEASE_ENDED)


def test_the_holder_renews_and_nothing_else_changes():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA))
    decision = advance(climb.state, Acknowledged(by=ANA), NOON + 30 * MINUTE)
    assert (decision.why, decision.emits) == (Why.RENEWED, ())
    assert decision.state.lease == Lease(holder=ANA, since=NOON + 10 * MINUTE, until=NOON + 90 * MINUTE)


def test_another_takes_over_and_the_former_holder_is_told():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA)).at(20, Acknowledged(by=BO))
    assert climb.lines[-1] == (20, Why.TAKEN_OVER, (ANA,))
    assert climb.paged[-1][1].reason is PageReason.TAKEN_OVER
    assert climb.paged[-1][1].subject == BO
    assert climb.until(80).who(since=21)[0] == (80, PageReason.LEASE_ENDED, BO)


def test_an_undone_acknowledgement_pages_the_holder_and_the_last_rung_at_once():
    climb = Climb(SEVERE).at(20, Acknowledged(by=ANA)).at(25, Unacknowledged(by=BO))
    assert climb.who(since=21) == [
        (25, PageReason.UNACKNOWLEDGED, ANA),
        (25, PageReason.UNACKNOWLEDGED, DEVOPS),
    ]


def test_undoing_ends_a_snooze_too():
    climb = Climb(SEVERE).at(20, Snoozed(by=ANA, wanted=HOUR)).at(25, Unacknowledged(by=BO))
    assert climb.state.snooze is None
    assert climb.who(since=21) == [
        (25, PageReason.SNOOZE_ENDED, ANA),
        (25, PageReason.SNOOZE_ENDED, DEVOPS),
    ]


def test_whoever_holds_it_and_is_the_last_rung_is_paged_once():
    climb = Climb(SEVERE).at(20, Acknowledged(by=DEVOPS)).until(80)
    assert climb.who(since=21) == [(80, PageReason.LEASE_ENDED, DEVOPS)]


KIM = "kim (U024BE7LH)"


def test_a_stranger_acknowledges_in_somebodys_name_who_is_told_at_once():
    decision = advance(Climb(SEVERE).state, Acknowledged(by=ANA, stranger=KIM), NOON)
    assert decision.emits == (
        PagesWithdrawn(incident=I1),
        NoticeAsked(incident=I1, channels=SEVERE.channels, reason=NoticeReason.STRANGER, subject=KIM),
        PageAsked(page="I1-p4", incident=I1, contact=ANA, reason=PageReason.STRANGER, subject=KIM),
    )
    assert decision.state.lease == Lease(holder=ANA, since=NOON, until=NOON + HOUR)
    assert decision.state.last_holder == ANA


def test_a_stranger_takes_it_from_its_holder_and_both_are_told():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA)).at(20, Acknowledged(by=BO, stranger=KIM))
    assert climb.who(since=20) == [(20, PageReason.STRANGER, BO), (20, PageReason.TAKEN_OVER, ANA)]
    assert [page.subject for _, page in climb.paged[-2:]] == [KIM, BO]


def test_a_stranger_renews_for_the_holder_who_is_told_and_still_owes_what_they_owed():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA))
    decision = advance(climb.state, Acknowledged(by=ANA, stranger=KIM), NOON + 30 * MINUTE)
    assert [type(emit) for emit in decision.emits] == [NoticeAsked, PageAsked]
    assert decision.state.lease == Lease(holder=ANA, since=NOON + 10 * MINUTE, until=NOON + 90 * MINUTE)


def test_a_lease_by_a_strangers_word_ends_like_any_other():
    climb = Climb(SEVERE).at(20, Acknowledged(by=ANA, stranger=KIM)).until(80)
    assert climb.who(since=21)[0] == (80, PageReason.LEASE_ENDED, ANA)


# Snoozes


def test_a_snooze_is_capped_by_the_level():
    snooze = advance(Climb(SEVERE).state, Snoozed(by=ANA, wanted=timedelta(days=2)), NOON).state.snooze
    assert snooze == Snooze(by=ANA, until=NOON + 2 * HOUR)


def test_a_lease_that_ends_under_a_snooze_pages_nobody_until_the_snooze_ends():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA), Snoozed(by=BO, wanted=90 * MINUTE)).until(100)
    assert (70, Why.LEASE_ENDED_SNOOZED, ()) in climb.lines
    assert [contact for *_, contact in climb.who(since=11)] == [BO, ANA, CTO, VP, SUCCESS]
    assert {minute for minute, *_ in climb.who(since=11)} == {100}


def test_a_lease_that_ends_under_a_snooze_is_shown_all_the_same():
    held = Climb(SEVERE).at(10, Acknowledged(by=ANA), Snoozed(by=BO, wanted=90 * MINUTE)).state
    (notice,) = advance(held, TimerDue(), NOON + 70 * MINUTE).emits
    assert isinstance(notice, NoticeAsked)
    assert notice.reason is NoticeReason.LEASE_ENDED


def test_a_snooze_shorter_than_the_lease_says_that_the_lease_goes_on():
    held = Climb(SEVERE).at(10, Acknowledged(by=ANA)).state
    decision = advance(held, Snoozed(by=BO, wanted=20 * MINUTE), NOON + 10 * MINUTE)
    assert (decision.why, decision.details["held"]) == (
        Why.SNOOZED_HELD,
        (NOON + 70 * MINUTE).isoformat(),
    )


def test_a_snooze_that_ends_under_a_lease_pages_nobody():
    climb = Climb(SEVERE).at(10, Snoozed(by=BO, wanted=20 * MINUTE), Acknowledged(by=ANA)).until(69)
    assert (30, Why.SNOOZE_ENDED, ()) in climb.lines
    assert climb.until(70).who(since=11)[0] == (70, PageReason.LEASE_ENDED, ANA)


def test_another_ones_snooze_leaves_the_lease_with_its_holder():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA)).at(20, Snoozed(by=BO, wanted=10 * MINUTE)).until(70)
    assert climb.who(since=11)[0] == (70, PageReason.LEASE_ENDED, ANA)
    assert BO not in {contact for *_, contact in climb.who()}


# Alerts that join


def test_at_level_2_the_holder_is_paged():
    climb = Climb(MODERATE).at(10, Acknowledged(by=ANA)).at(12, Joined(subject="disk"))
    assert climb.who(since=12) == [(12, PageReason.JOINED, ANA)]
    assert climb.paged[-1][1].subject == "disk"
    assert climb.state.lease is not None


def test_what_joins_within_a_minute_is_one_page():
    climb = Climb(MODERATE).at(10, Acknowledged(by=ANA), Joined(subject="a"))
    climb.at(10.3, Joined(subject="b"), Joined(subject="c")).until(20)
    assert [(minute, page.subject) for minute, page in climb.paged if minute >= 10] == [
        (10, "a"),
        (11, "b; c"),
    ]
    assert climb.lines[-1][1] is Why.JOINED


def test_what_joins_a_minute_later_is_a_page_of_its_own():
    climb = Climb(MODERATE).at(10, Acknowledged(by=ANA), Joined(subject="a"))
    decision = advance(climb.state, Joined(subject="b"), NOON + 11 * MINUTE)
    notice, asked = decision.emits
    assert notice == NoticeAsked(
        incident=I1, channels=MODERATE.channels, reason=NoticeReason.JOINED, subject="b"
    )
    assert isinstance(asked, PageAsked)
    assert (asked.reason, asked.contact, asked.subject) == (PageReason.JOINED, ANA, "b")


WAITING = Climb(MODERATE).at(10, Acknowledged(by=ANA), Joined(subject="a"), Joined(subject="b")).state


@pytest.mark.parametrize(
    "event, waiting",
    [
        pytest.param(Unacknowledged(by=BO), "", id="undone"),
        pytest.param(Resolved(), "", id="resolved"),
        pytest.param(LevelReached(terms=SEVERE), "", id="risen: everybody is paged anew"),
        pytest.param(LevelReached(terms=MINOR), "b", id="fallen: the holder still has to hear"),
        pytest.param(Acknowledged(by=BO), "b", id="taken over: the new holder hears"),
    ],
)
def test_what_waits_to_be_told_goes_with_the_lease(event, waiting):
    assert WAITING.joined_waiting == "b"
    assert advance(WAITING, event, NOON + 10 * MINUTE).state.joined_waiting == waiting


@pytest.mark.parametrize("snoozed", [False, True], ids=["alone", "under a snooze"])
def test_what_waits_to_be_told_ends_with_the_lease(snoozed):
    until = NOON + 9 * MINUTE
    state = replace(WAITING, lease=Lease(holder=ANA, since=NOON, until=until))
    state = replace(state, snooze=Snooze(by=ANA, until=NOON + HOUR) if snoozed else None)
    assert advance(state, TimerDue(), until).state.joined_waiting == ""


def test_what_waits_to_be_told_is_bounded():
    climb = Climb(MODERATE).at(10, Acknowledged(by=ANA), *[Joined(subject="x" * 90)] * 9)
    assert len(climb.state.joined_waiting) == 200


def test_at_level_3_an_alert_that_joins_ends_the_lease():
    climb = Climb(SEVERE).at(20, Acknowledged(by=ANA)).at(22, Joined(subject="another zone"))
    assert climb.state.lease is None
    assert climb.who(since=21) == [(22, PageReason.JOINED, ANA), (22, PageReason.JOINED, DEVOPS)]
    assert {page.subject for _, page in climb.paged[-2:]} == {"another zone"}


def test_at_level_3_an_alert_that_joins_ends_a_snooze():
    climb = Climb(SEVERE).at(20, Snoozed(by=ANA, wanted=HOUR)).at(22, Joined(subject="another zone"))
    assert (climb.state.snooze, climb.lines[-1][1]) == (None, Why.JOINED_ENDED_LEASE)


def test_what_joins_while_nobody_has_it_is_shown():
    climb = Climb(SEVERE).at(10, Joined(subject="another zone"))
    assert climb.lines[-1] == (10, Why.JOINED, ())
    assert climb.notices[-1] is NoticeReason.JOINED


# Levels


def test_a_rise_starts_the_higher_ladder():
    climb = Climb(MODERATE).at(40, LevelReached(terms=SEVERE)).until(55)
    assert [line for line in climb.lines if line[0] >= 40] == [
        (40, Why.ROSE, ()),
        (40, Why.NOTIFIED, ()),
        (40, Why.STEP_DUE, (CTO, VP, SUCCESS)),
        (55, Why.STEP_DUE, (DEVOPS,)),
    ]


def test_a_rise_begins_with_nothing_of_the_lower_ladder():
    climb = Climb(SEVERE).until(61).at(61, MOVE)
    state = replace(climb.state, not_before=NOON + HOUR, early=EarlyMove(at=NOON + HOUR, why=EarlyWhy.NOBODY))
    risen = advance(state, LevelReached(terms=FATAL), NOON + 62 * MINUTE).state
    assert (risen.fired, risen.rung, risen.repeat_at, risen.not_before, risen.early) == (
        (),
        None,
        None,
        None,
        None,
    )
    assert (risen.reached_at, risen.since, risen.waited) == (NOON + 62 * MINUTE, NOON + 62 * MINUTE, NOW)


def test_a_rise_withdraws_nothing_and_says_the_level():
    decision = advance(CLIMBING, LevelReached(terms=SEVERE), NOON + 21 * MINUTE)
    assert decision.emits == (NoticeAsked(incident=I1, channels=SEVERE.channels, reason=NoticeReason.LEVEL),)


def test_a_fall_leaves_a_snooze():
    fallen = advance(SNOOZED, LevelReached(terms=MINOR), NOON + 21 * MINUTE).state
    assert fallen.snooze == SNOOZED.snooze


def test_a_rise_ends_the_lower_lease_and_pages_its_holder_and_rung():
    climb = Climb(MINOR).at(35, Acknowledged(by=ANA)).at(40, LevelReached(terms=MODERATE)).until(55)
    assert climb.who(since=36) == [
        (40, PageReason.ROSE, ANA),
        (40, PageReason.ROSE, ON_CALL),
        (55, PageReason.STEP, ON_CALL),
    ]
    assert {page.step for minute, page in climb.paged if minute == 40} == {None}


def test_a_rise_ends_a_snooze_and_pages_who_asked_for_it():
    climb = Climb(MINOR).at(10, Snoozed(by=ANA, wanted=HOUR)).at(20, LevelReached(terms=MODERATE))
    assert climb.state.snooze is None
    assert climb.who() == [(20, PageReason.ROSE, ANA)]


def test_a_fall_leaves_the_lease_and_withdraws_what_the_higher_ladder_owes():
    climb = Climb(SEVERE).at(20, Acknowledged(by=ANA))
    decision = advance(climb.state, LevelReached(terms=MODERATE), NOON + 25 * MINUTE)
    assert decision.why is Why.FELL
    assert decision.emits == (
        PagesWithdrawn(incident=I1),
        NoticeAsked(incident=I1, channels=MODERATE.channels, reason=NoticeReason.LEVEL),
    )
    assert decision.state.lease == climb.state.lease
    assert decision.state.unanswered(NOON + HOUR) == NOW


def test_after_a_fall_the_lower_ladder_starts():
    climb = Climb(SEVERE).at(20, LevelReached(terms=MODERATE)).until(35)
    assert climb.who(since=16) == [(35, PageReason.STEP, ON_CALL)]


def test_a_level_that_changes_while_resolved_starts_its_ladder_at_the_re_opening():
    climb = Climb(MODERATE).at(10, Resolved()).at(20, LevelReached(terms=SEVERE)).until(60)
    assert climb.who() == []
    assert climb.at(70, Reopened()).who() == [
        (70, PageReason.STEP, CTO),
        (70, PageReason.STEP, VP),
        (70, PageReason.STEP, SUCCESS),
    ]


# Escalating by hand


def test_a_person_may_have_the_next_rung_at_once():
    climb = Climb(SEVERE).at(5, Escalated(by=ANA)).until(30)
    assert climb.who(since=1) == [(5, PageReason.ESCALATED, DEVOPS), (30, PageReason.STEP, CTO)]


def test_a_holder_may_have_the_next_rung_and_keeps_the_lease():
    climb = Climb(SEVERE).at(5, Acknowledged(by=ANA), Escalated(by=ANA))
    assert climb.who(since=1) == [(5, PageReason.ESCALATED, DEVOPS)]
    assert climb.state.lease is not None


def test_at_the_end_of_the_ladder_the_last_rung_is_paged_again():
    climb = Climb(SEVERE).at(65, Escalated(by=ANA))
    assert climb.who(since=61) == [(65, PageReason.ESCALATED, CEO)]


def test_a_ladder_that_pages_nobody_reaches_the_contacts_of_its_level():
    terms = terms_of(Level.MINOR, Notify(after=NOW, notify="level_channels"), contacts=(LEAD, DBA))
    assert Climb(terms).at(5, Escalated(by=ANA)).lines[-1] == (5, Why.ESCALATED, (LEAD, DBA))


def test_what_is_resolved_is_not_escalated():
    assert Climb(SEVERE).at(5, Resolved()).at(6, Escalated(by=ANA)).lines[-1] == (6, Why.NOTED, ())


# The end, and opening again


def test_everybody_who_was_reached_is_told_the_end_and_so_is_the_holder():
    climb = Climb(SEVERE).at(1, HandedOver(contact=CTO), HandedOver(contact=VP), HandedOver(contact=CTO))
    decision = advance(climb.at(2, Acknowledged(by=ANA)).state, Resolved(), NOON + 5 * MINUTE)
    told = [emit for emit in decision.emits if isinstance(emit, PageAsked)]
    assert {each.reason for each in told} == {PageReason.RESOLVED}
    assert [each.contact for each in told] == [CTO, VP, ANA]
    assert decision.emits[0] == PagesWithdrawn(incident=I1)
    assert (decision.state.lease, decision.state.reached, decision.state.due()) == (None, (), None)
    assert advance(SNOOZED, Resolved(), NOON + 21 * MINUTE).state.snooze is None


def test_whose_page_arrives_after_the_end_is_told_at_once_and_once():
    climb = Climb(SEVERE).at(5, Resolved()).at(6, HandedOver(contact=CTO), HandedOver(contact=CTO))
    assert climb.who(since=6) == [(6, PageReason.RESOLVED, CTO)]


def test_who_was_told_hears_it_once_for_each_end():
    climb = Climb(SEVERE).at(1, HandedOver(contact=CTO)).at(5, Resolved(), HandedOver(contact=CTO))
    assert [reason for _, reason, _ in climb.who(since=5)] == [PageReason.RESOLVED]
    climb.at(10, Reopened(), Resolved(), HandedOver(contact=CTO))
    assert [each for each in climb.who(since=10) if each[1] is PageReason.RESOLVED] == [
        (10, PageReason.RESOLVED, CTO)
    ]


def test_opening_again_pages_the_last_holder_and_the_last_rung():
    climb = Climb(SEVERE).at(20, Acknowledged(by=ANA)).at(30, Resolved()).at(35, Reopened())
    assert climb.who(since=31) == [(35, PageReason.REOPENED, ANA), (35, PageReason.REOPENED, DEVOPS)]
    assert climb.state.lease is None


def test_opening_again_before_anybody_was_paged_leaves_the_ladder_its_times():
    climb = Climb(MODERATE).at(5, Resolved()).at(20, Reopened()).until(30)
    assert climb.who() == [(30, PageReason.STEP, ON_CALL)]


def test_flapping_is_one_page_and_then_quiet():
    climb = Climb(SEVERE).at(5, Resolved()).at(6, Reopened(flapping="page"))
    assert {reason for _, reason, _ in climb.who(since=6)} == {PageReason.FLAPPING}
    assert climb.lines[-1][1] is Why.FLAPPING
    climb.at(7, Resolved()).at(8, Reopened(flapping="quiet"))
    assert climb.lines[-1] == (8, Why.FLAPPING_QUIET, ())
    assert climb.state.due() is not None


def test_flapping_before_anybody_was_paged_reaches_the_first_rung():
    climb = Climb(MODERATE).at(5, Resolved()).at(6, Reopened(flapping="page")).until(60)
    assert climb.who() == [
        (6, PageReason.FLAPPING, ON_CALL),
        (31, PageReason.STEP, DEVOPS),
    ]


# Today's policy


FASTER = terms_of(
    Level.SEVERE,
    Notify(after=NOW, notify="level_channels"),
    pages(NOW, "level_contacts"),
    pages(5 * MINUTE, "bo"),
    pages(15 * MINUTE, "devops"),
    pages(50 * MINUTE, "ceo"),
    contacts=(CTO, VP, SUCCESS),
)


def test_a_new_ladder_is_not_made_up_for_and_its_next_step_has_its_own_time():
    climb = Climb(SEVERE).at(20, Repinned(terms=FASTER)).until(50)
    assert climb.who(since=16) == [(50, PageReason.STEP, CEO)]
    assert climb.state.terms == FASTER


def test_a_step_that_stays_keeps_waiting_however_overdue():
    climb = Climb(SEVERE).down(70).at(71, Repinned(terms=SEVERE)).until(85)
    assert climb.who(since=71) == [(75, PageReason.STEP, CTO), (80, PageReason.STEP, CEO)]


def test_a_step_that_stays_and_was_moved_early_is_not_repeated():
    climb = early(Climb(SEVERE), 2, step=1).at(3, Repinned(terms=SEVERE)).until(29)
    assert climb.who(since=3) == []


def test_a_longer_ladder_ends_the_repeats():
    longer = terms_of(Level.SEVERE, *SEVERE.steps, pages(3 * HOUR, "legal"), contacts=(CTO, VP, SUCCESS))
    climb = Climb(SEVERE).until(61).at(61, Repinned(terms=longer)).until(181)
    assert climb.who(since=61) == [(180, PageReason.STEP, LEGAL)]


def test_a_step_that_is_due_in_the_instant_of_a_new_ladder_fires():
    climb = Climb(terms_of(Level.SEVERE, pages(HOUR, "ceo"))).at(0, Repinned(terms=FASTER))
    assert climb.who() == [(0, PageReason.STEP, CTO), (0, PageReason.STEP, VP), (0, PageReason.STEP, SUCCESS)]


def test_a_new_ladder_that_is_over_repeats_its_last_page():
    short = terms_of(Level.SEVERE, pages(10 * MINUTE, "bo"))
    climb = Climb(SEVERE).at(20, Repinned(terms=short)).until(60)
    assert climb.who(since=16) == [(50, PageReason.REPEAT, BO)]


# Every event in every state

# For each event: what it is to a ladder that is climbing, held, snoozed, held and snoozed, stopped.
EVERY: Sequence[tuple[Event, tuple[Why, Why, Why, Why, Why]]] = (
    (TimerDue(), (Why.STALE,) * 5),
    (LevelReached(terms=SEVERE), (Why.ROSE,) * 5),
    (LevelReached(terms=MINOR), (Why.FELL,) * 5),
    (
        Acknowledged(by=ANA),
        (Why.ACKNOWLEDGED, Why.RENEWED, Why.ACKNOWLEDGED, Why.RENEWED, Why.ACKNOWLEDGED_LATE),
    ),
    (
        Acknowledged(by=BO),
        (Why.ACKNOWLEDGED, Why.TAKEN_OVER, Why.ACKNOWLEDGED, Why.TAKEN_OVER, Why.ACKNOWLEDGED_LATE),
    ),
    (Acknowledged(by=BO, stranger=KIM), (*(Why.ACKNOWLEDGED_BY_STRANGER,) * 4, Why.ACKNOWLEDGED_LATE)),
    (
        Unacknowledged(by=BO),
        (Why.NOTED, Why.UNACKNOWLEDGED, Why.SNOOZE_UNDONE, Why.UNACKNOWLEDGED, Why.NOTED),
    ),
    (
        Snoozed(by=BO, wanted=HOUR),
        (Why.SNOOZED, Why.SNOOZED_HELD, Why.SNOOZED, Why.SNOOZED_HELD, Why.NOTED),
    ),
    (Escalated(by=BO), (Why.ESCALATED, Why.ESCALATED, Why.ESCALATED, Why.ESCALATED, Why.NOTED)),
    (MOVE, (Why.EARLY_WANTED, *(Why.EARLY_NOT_NEEDED,) * 4)),
    (MoveAllowed(), (Why.STALE,) * 5),
    (MoveHeld(), (Why.STALE,) * 5),
    (Joined(subject="disk"), (Why.JOINED,) * 5),
    (HandedOver(contact=CTO), (Why.REACHED,) * 5),
    (Resolved(), (*(Why.RESOLVED,) * 4, Why.STALE)),
    (Reopened(), (*(Why.STALE,) * 4, Why.REOPENED)),
    (Repinned(terms=FASTER), (Why.REPINNED,) * 5),
)


def every() -> list[Any]:
    return [
        pytest.param(state, event, why, id=f"{place}. {type(event).__name__} while {name}: {why.value}")
        for place, (event, whys) in enumerate(EVERY, start=1)
        for (name, state), why in zip(STATES.items(), whys, strict=True)
    ]


@pytest.mark.parametrize("state, event, why", every())
def test_every_event_in_every_state(state, event, why):
    decision = advance(state, event, NOON + 21 * MINUTE)
    assert decision.why is why
    stops = isinstance(event, Resolved) or (state is STOPPED and not isinstance(event, Reopened))
    assert decision.state.phase is (Phase.STOPPED if stops else Phase.CLIMBING)
    assert (decision.state.due() is None) is stops
    assert (why is Why.STALE) <= (decision == Decision(state, Why.STALE))


def test_a_moment_before_it_is_due_nothing_happens():
    assert advance(CLIMBING, TimerDue(), NOON + 30 * MINUTE - SECOND).why is Why.STALE
    assert advance(CLIMBING, TimerDue(), NOON + 30 * MINUTE).why is Why.STEP_DUE


NEXT_HOUR = (NOON + 21 * MINUTE + 2 * HOUR).isoformat()
FAILED_RUNG = MoveWanted(why=EarlyWhy.PAGE_FAILED, step=2)


@pytest.mark.parametrize(
    "state, event, details",
    [
        pytest.param(CLIMBING, Acknowledged(by=ANA), {"by": "ana", "until": NEXT_HOUR}, id="acknowledged"),
        pytest.param(HELD, Acknowledged(by=ANA), {"by": "ana", "until": NEXT_HOUR}, id="renewed"),
        pytest.param(
            HELD, Acknowledged(by=BO), {"by": "bo", "until": NEXT_HOUR, "from": "ana"}, id="taken over"
        ),
        pytest.param(STOPPED, Acknowledged(by=BO), {"by": "bo"}, id="acknowledged late"),
        pytest.param(
            CLIMBING,
            Acknowledged(by=BO, stranger=KIM),
            {"by": "bo", "until": NEXT_HOUR, "stranger": KIM},
            id="acknowledged by a stranger",
        ),
        pytest.param(
            HELD,
            Acknowledged(by=BO, stranger=KIM),
            {"by": "bo", "until": NEXT_HOUR, "stranger": KIM, "from": "ana"},
            id="taken over by a stranger",
        ),
        pytest.param(STOPPED, Acknowledged(by=BO, stranger=KIM), {"by": KIM}, id="a stranger, late"),
        pytest.param(HELD, Unacknowledged(by=BO), {"by": "bo", "holder": "ana"}, id="undone"),
        pytest.param(SNOOZED, Unacknowledged(by=BO), {"by": "bo", "holder": "ana"}, id="a snooze undone"),
        pytest.param(CLIMBING, Unacknowledged(by=BO), {"by": "bo"}, id="nothing to undo"),
        pytest.param(
            CLIMBING, Snoozed(by=BO, wanted=2 * HOUR), {"by": "bo", "until": NEXT_HOUR}, id="snoozed"
        ),
        pytest.param(CLIMBING, Escalated(by=BO), {"by": "bo"}, id="escalated"),
        pytest.param(CLIMBING, MOVE, {"because": "remediation_failed"}, id="a run failed"),
        pytest.param(CLIMBING, FAILED_RUNG, {"because": "page_failed", "step": "2"}, id="a rung failed"),
        pytest.param(HELD, FAILED_RUNG, {"because": "page_failed", "step": "2"}, id="a rung failed, held"),
        pytest.param(HELD, Joined(subject="disk"), {"joined": "disk"}, id="joined"),
        pytest.param(
            Climb(SEVERE).at(1, Acknowledged(by=ANA)).state,
            Joined(subject="disk"),
            {"joined": "disk", "holder": "ana"},
            id="joined a region",
        ),
        pytest.param(HELD, LevelReached(terms=SEVERE), {"level": "3"}, id="risen"),
        pytest.param(CLIMBING, HandedOver(contact=CTO), {"contact": "cto"}, id="handed over"),
    ],
)
def test_the_audit_gets_the_figures(state, event, details):
    assert advance(state, event, NOON + 21 * MINUTE).details == details


def test_the_audit_of_a_step_says_which():
    assert advance(CLIMBING, TimerDue(), NOON + 30 * MINUTE).details == {"step": "3"}
    wanted = advance(CLIMBING, MOVE, NOON + 21 * MINUTE).state
    asked = advance(wanted, TimerDue(), NOON + 21 * MINUTE)
    assert asked.details == {"because": "remediation_failed"}
    early = advance(asked.state, MoveAllowed(), NOON + 21 * MINUTE)
    assert early.details == {"because": "remediation_failed", "step": "3"}
    last = Climb(SEVERE).until(61).state
    assert advance(last, TimerDue(), NOON + 90 * MINUTE).details == {"step": "4"}


# What people are shown of it


def test_what_comes_next_is_known():
    assert CLIMBING.next_rung() == (3, NOON + 30 * MINUTE)
    assert (HELD.next_rung(), HELD.next_repeat()) == (None, None)
    last = Climb(SEVERE).until(61).state
    assert (last.next_rung(), last.next_repeat()) == (None, NOON + 90 * MINUTE)
    moved = replace(CLIMBING, early=EarlyMove(at=NOON + 21 * MINUTE, why=EarlyWhy.NOBODY))
    assert moved.next_rung() == (3, NOON + 21 * MINUTE)


def test_its_pages_are_named_in_order():
    climb = Climb(SEVERE).until(60)
    assert [page.page for _, page in climb.paged] == [f"I1-p{number}" for number in range(1, 7)]
    assert climb.state.pages == 6


@pytest.mark.parametrize("terms", MATRIX.values(), ids=lambda terms: terms.name)
def test_an_unanswered_ladder_never_ends(terms):
    state: Escalation = Climb(terms).until(24 * 60).state
    due = state.due()
    assert due is not None
    assert due.at - NOON <= timedelta(hours=24, minutes=30)
