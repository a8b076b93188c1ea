"""The ladder: each level of the plan as a timeline, early moves, repeats, and what happens after our own downtime."""

from __future__ import annotations

from dataclasses import replace

import pytest

from responder.core.decision import Due, DueKind, NoticeAsked, NoticeReason, PageReason
from responder.core.identifiers import ChannelName
from responder.core.level import Level
from responder.core.machines.escalation import (
    HELD_AGAIN,
    Acknowledged,
    EarlyMove,
    EarlyWhy,
    Escalation,
    MoveDue,
    MoveWanted,
    RemediationAsked,
    Reopened,
    Repinned,
    Resolved,
    Snoozed,
    TimerDue,
    Unacknowledged,
    Why,
    advance,
    begin,
)
from responder.core.policy.escalation import Notify
from tests.core.machines.climb import ANA, BO, Climb, early
from tests.core.matrix import (
    CEO,
    CTO,
    DEVOPS,
    FATAL,
    HOUR,
    I1,
    LEGAL,
    MINOR,
    MINUTE,
    MODERATE,
    NOON,
    NOW,
    ON_CALL,
    SEVERE,
    SUCCESS,
    VP,
    pages,
    terms_of,
)

# The plan's matrix


@pytest.mark.parametrize(
    "terms, hours, expected",
    [
        pytest.param(
            MINOR,
            2,
            [
                (0, Why.REMEDIATION_ASKED, ()),
                (15, Why.NOT_RECOVERED, ()),
                (30, Why.STEP_DUE, (ON_CALL,)),
                (60, Why.STEP_DUE, (DEVOPS,)),
                (90, Why.REPEATED, (DEVOPS,)),
                (120, Why.REPEATED, (DEVOPS,)),
            ],
            id="level 1: repairs itself, then on-call, then DevOps, again and again",
        ),
        pytest.param(
            MODERATE,
            3,
            [
                (0, Why.NOTIFIED, ()),
                (0, Why.REMEDIATION_ASKED, ()),
                (15, Why.STEP_DUE, (ON_CALL,)),
                (30, Why.STEP_DUE, (DEVOPS,)),
                (60, Why.STEP_DUE, (CTO,)),
                (120, Why.STEP_DUE, (CEO,)),
                (150, Why.REPEATED, (CEO,)),
                (180, Why.REPEATED, (CEO,)),
            ],
            id="level 2: on-call, DevOps, CTO, CEO",
        ),
        pytest.param(
            SEVERE,
            2,
            [
                (0, Why.NOTIFIED, ()),
                (0, Why.STEP_DUE, (CTO, VP, SUCCESS)),
                (15, Why.STEP_DUE, (DEVOPS,)),
                (30, Why.STEP_DUE, (CTO,)),
                (60, Why.STEP_DUE, (CEO,)),
                (90, Why.REPEATED, (CEO,)),
                (120, Why.REPEATED, (CEO,)),
            ],
            id="level 3: everybody of the level, DevOps, CTO, CEO",
        ),
        pytest.param(
            FATAL,
            1,
            [
                (0, Why.NOTIFIED, ()),
                (0, Why.STEP_DUE, (CEO, LEGAL)),
                (15, Why.STEP_DUE, (CTO, CEO)),
                (45, Why.REPEATED, (CTO, CEO)),
            ],
            id="level 4: everybody of the level, CTO and CEO",
        ),
    ],
)
def test_each_level_unanswered(terms, hours, expected):
    assert Climb(terms).until(hours * 60).lines == expected


def test_step_0_of_level_2_notifies_operations_and_starts_the_remediation():
    first = advance(begin(I1, MODERATE, NOON).state, TimerDue(), NOON)
    assert first.emits == (NoticeAsked(incident=I1, channels=MODERATE.channels, reason=NoticeReason.OPENED),)
    assert advance(first.state, TimerDue(), NOON).emits == (RemediationAsked(incident=I1),)


def test_level_1_says_after_15_minutes_that_it_has_not_recovered():
    assert Climb(MINOR).until(15).notices == [NoticeReason.NOT_RECOVERED]


def test_a_notify_step_may_name_its_channels():
    step = Notify(after=NOW, notify=(ChannelName("statuspage"),))
    decision = advance(begin(I1, terms_of(Level.MINOR, step), NOON).state, TimerDue(), NOON)
    shown = NoticeAsked(incident=I1, channels=(ChannelName("statuspage"),), reason=NoticeReason.OPENED)
    assert decision.emits == (shown,)


# Unanswered time


def test_the_ladder_stands_still_while_somebody_answers():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA)).until(69)
    assert climb.who(since=1) == []
    assert climb.state.unanswered(climb.now) == 10 * MINUTE


def test_after_a_lease_the_ladder_goes_on_where_it_stood():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA)).until(70 + 5)
    assert climb.who(since=1) == [
        (70, PageReason.LEASE_ENDED, ANA),
        (70, PageReason.LEASE_ENDED, CTO),
        (70, PageReason.LEASE_ENDED, VP),
        (70, PageReason.LEASE_ENDED, SUCCESS),
        (75, PageReason.STEP, DEVOPS),
    ]


def test_snoozed_time_is_not_unanswered_time():
    climb = Climb(SEVERE).at(10, Snoozed(by=ANA, wanted=20 * MINUTE)).until(30)
    assert climb.who(since=1)[0] == (30, PageReason.SNOOZE_ENDED, ANA)
    assert climb.state.unanswered(climb.now) == 10 * MINUTE
    assert climb.until(35).who(since=31) == [(35, PageReason.STEP, DEVOPS)]


def test_quiet_time_before_a_re_opening_is_not_counted():
    climb = Climb(SEVERE).at(10, Resolved()).at(40, Reopened()).until(45)
    assert climb.who(since=40) == [
        (40, PageReason.REOPENED, CTO),
        (40, PageReason.REOPENED, VP),
        (40, PageReason.REOPENED, SUCCESS),
        (45, PageReason.STEP, DEVOPS),
    ]


def test_a_lease_that_ended_while_we_were_down_is_over_since_then():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA)).down(100)
    assert climb.state.unanswered(climb.now) == 40 * MINUTE


def test_a_snooze_that_ended_while_we_were_down_is_over_since_then():
    climb = Climb(SEVERE).at(10, Snoozed(by=ANA, wanted=30 * MINUTE)).down(60)
    assert climb.state.unanswered(climb.now) == 30 * MINUTE


# Early moves


def test_a_failed_page_moves_the_next_page_step_to_now():
    assert early(Climb(SEVERE), 2, step=1).who(since=1) == [(2, PageReason.EARLY, DEVOPS)]


def test_a_step_moved_early_is_not_repeated_and_leaves_the_others_their_times():
    climb = early(Climb(SEVERE), 2, step=1).until(60)
    assert climb.who(since=3) == [(30, PageReason.STEP, CTO), (60, PageReason.STEP, CEO)]


def test_no_remediation_moves_the_first_page_step_of_level_2():
    climb = Climb(MODERATE).at(0, MoveWanted(why=EarlyWhy.NO_REMEDIATION)).until(30)
    assert climb.who() == [(0, PageReason.EARLY, ON_CALL), (30, PageReason.STEP, DEVOPS)]


def test_early_moves_are_at_least_a_minute_apart():
    climb = early(Climb(SEVERE), 2, step=1)
    climb.at(2.2, MoveWanted(why=EarlyWhy.PAGE_FAILED, step=2))
    assert climb.state.early == EarlyMove(at=NOON + 3 * MINUTE, why=EarlyWhy.PAGE_FAILED)
    assert climb.state.due() == Due(NOON + 3 * MINUTE, DueKind.TIMER)
    assert climb.until(4).who(since=2) == [(2, PageReason.EARLY, DEVOPS), (3, PageReason.EARLY, CTO)]


def test_one_failed_rung_moves_the_ladder_once():
    climb = early(early(early(Climb(SEVERE), 2, step=1), 2, step=1), 8, step=1).until(14)
    assert climb.who(since=1) == [(2, PageReason.EARLY, DEVOPS)]


def test_a_failure_of_a_rung_that_is_past_moves_nothing():
    climb = early(Climb(SEVERE).until(16), 17, step=1)
    assert climb.lines[-1] == (17, Why.EARLY_NOT_NEEDED, ())


def test_the_step_that_comes_in_time_makes_the_early_move():
    climb = early(Climb(SEVERE), 14, step=1)
    assert climb.who(since=1) == [(14, PageReason.EARLY, DEVOPS)]
    early(climb, 14.5, step=2)  # waits until a minute has passed since the last
    climb.state = replace(climb.state, early=EarlyMove(at=NOON + 31 * MINUTE, why=EarlyWhy.PAGE_FAILED))
    assert climb.until(35).who(since=15) == [(30, PageReason.STEP, CTO)]


def test_an_acknowledgement_takes_an_early_move_back_and_a_new_failure_may_move_again():
    climb = early(Climb(SEVERE), 2, step=1)
    climb.at(2.2, MoveWanted(why=EarlyWhy.PAGE_FAILED, step=2), Acknowledged(by=ANA))
    assert climb.state.early is None
    climb.at(5, Unacknowledged(by=ANA), MoveWanted(why=EarlyWhy.PAGE_FAILED, step=2))
    assert climb.who(since=5)[-1] == (5, PageReason.EARLY, CTO)


@pytest.mark.parametrize(
    "climb, minutes",
    [
        pytest.param(lambda: Climb(SEVERE).at(1, Acknowledged(by=ANA)), 2, id="while held"),
        pytest.param(lambda: Climb(SEVERE).at(1, Snoozed(by=ANA, wanted=HOUR)), 2, id="while snoozed"),
        pytest.param(lambda: Climb(SEVERE).at(1, Resolved()), 2, id="once resolved"),
        pytest.param(lambda: Climb(SEVERE).until(61), 62, id="after the last rung"),
    ],
)
def test_nothing_moves_early(climb, minutes):
    assert early(climb(), minutes).lines[-1] == (minutes, Why.EARLY_NOT_NEEDED, ())


# Early moves while nobody can be reached


def held(climb: Climb, minutes: float) -> Climb:
    """An early move is wanted, and may not be made for so many minutes from noon on."""
    climb.may_move = False
    early(climb, 2, step=1).until(minutes)
    climb.may_move = True
    return climb


def test_a_held_early_move_asks_again_every_half_minute_and_is_made_when_it_may():
    climb = held(Climb(SEVERE), 7)
    assert climb.who(since=1) == []
    assert climb.state.due() == Due(NOON + 7.5 * MINUTE, DueKind.TIMER)
    assert climb.until(8).who(since=1) == [(7, PageReason.EARLY, DEVOPS)]


def test_that_an_early_move_is_held_is_told_once():
    whys = [why for _, why, _ in held(Climb(SEVERE), 7).lines]
    assert whys.count(Why.EARLY_HELD) == 1
    assert whys.count(Why.EARLY_DUE) == 11


def test_an_early_move_that_is_due_asks_and_waits_for_the_answer():
    wanted = early_state()
    asked = advance(wanted, TimerDue(), NOON + 2 * MINUTE)
    assert (asked.why, asked.emits) == (Why.EARLY_DUE, (MoveDue(incident=I1),))
    assert asked.state.fired == wanted.fired
    assert asked.state.due() == Due(NOON + 2 * MINUTE + HELD_AGAIN, DueKind.TIMER)


def test_a_held_early_move_is_made_by_the_step_that_comes_in_its_time():
    climb = held(Climb(SEVERE), 16)
    assert climb.until(29).who(since=1) == [(15, PageReason.STEP, DEVOPS)]
    assert climb.state.early is None


def test_an_answer_ends_a_held_early_move():
    climb = held(Climb(SEVERE), 7).at(7.2, Acknowledged(by=ANA))
    assert climb.until(20).who(since=1) == []


def early_state() -> Escalation:
    state = Climb(SEVERE).until(1).state
    return advance(state, MoveWanted(why=EarlyWhy.PAGE_FAILED, step=1), NOON + 2 * MINUTE).state


# Repeats


def test_the_last_page_repeats_every_30_minutes_from_when_it_came():
    climb = early(Climb(FATAL), 2, step=1).until(65)
    assert [minute for minute, *_ in climb.who(since=1)] == [2, 2, 32, 32, 62, 62]


def test_a_page_at_the_end_of_a_lease_is_the_repeat():
    climb = Climb(FATAL).at(40, Acknowledged(by=CEO)).until(105)
    assert [(minute, reason) for minute, reason, _ in climb.who(since=41)] == [
        (70, PageReason.LEASE_ENDED),
        (70, PageReason.LEASE_ENDED),
        (100, PageReason.REPEAT),
        (100, PageReason.REPEAT),
    ]


# After our own downtime


def test_overdue_rungs_fire_earliest_first_and_5_minutes_apart():
    climb = Climb(SEVERE).down(70).until(120)
    assert climb.who(since=1) == [
        (70, PageReason.STEP, DEVOPS),
        (75, PageReason.STEP, CTO),
        (80, PageReason.STEP, CEO),
        (110, PageReason.REPEAT, CEO),
    ]


def test_what_pages_nobody_does_not_wait_for_an_overdue_rung():
    climb = Climb(MINOR)
    climb.state = begin(I1, MINOR, NOON).state
    assert [(minute, why) for minute, why, _ in climb.down(70).until(80).lines[1:]] == [
        (70, Why.REMEDIATION_ASKED),
        (70, Why.NOT_RECOVERED),
        (70, Why.STEP_DUE),
        (75, Why.STEP_DUE),
    ]


def test_a_rung_that_is_not_overdue_keeps_its_time():
    climb = Climb(SEVERE).down(20).until(60)
    assert climb.who(since=1) == [
        (20, PageReason.STEP, DEVOPS),
        (30, PageReason.STEP, CTO),
        (60, PageReason.STEP, CEO),
    ]


def test_a_late_rung_gives_its_people_time_though_the_next_is_not_overdue():
    climb = Climb(SEVERE).down(28).until(60)
    assert climb.who(since=1) == [
        (28, PageReason.STEP, DEVOPS),
        (33, PageReason.STEP, CTO),
        (60, PageReason.STEP, CEO),
    ]


def test_a_late_rung_gives_its_people_no_more_time_than_was_planned():
    terms = terms_of(Level.SEVERE, pages(10 * MINUTE, "ana"), pages(12 * MINUTE, "bo"))
    assert Climb(terms).down(11).until(20).who() == [(11, PageReason.STEP, ANA), (13, PageReason.STEP, BO)]


def test_rungs_of_one_time_fire_together_however_late():
    terms = terms_of(
        Level.SEVERE, pages(10 * MINUTE, "ana"), pages(10 * MINUTE, "bo"), pages(20 * MINUTE, "cto")
    )
    climb = Climb(terms).down(30).until(40)
    assert climb.who() == [(30, PageReason.STEP, ANA), (30, PageReason.STEP, BO), (35, PageReason.STEP, CTO)]


def test_an_acknowledgement_while_catching_up_holds_the_rest():
    climb = Climb(SEVERE).down(70).at(71, Acknowledged(by=ANA)).until(140)
    assert climb.who(since=71) == [
        (131, PageReason.LEASE_ENDED, ANA),
        (131, PageReason.LEASE_ENDED, DEVOPS),
        (136, PageReason.STEP, CTO),
    ]


def test_what_is_undone_at_once_takes_nobodys_time_to_answer():
    climb = Climb(SEVERE).down(28).at(28.5, Acknowledged(by=ANA)).at(29, Unacknowledged(by=ANA)).until(40)
    assert climb.who(since=30) == [(33, PageReason.STEP, CTO)]


def test_people_paged_at_the_end_of_a_lease_are_given_time_too():
    climb = Climb(SEVERE).at(10, Acknowledged(by=ANA)).down(100).until(101)
    assert {minute for minute, *_ in climb.who(since=1)} == {100}
    assert DEVOPS not in {contact for *_, contact in climb.who(since=1)}
    assert climb.until(105).who(since=101) == [(105, PageReason.STEP, DEVOPS)]


def test_rungs_that_are_planned_closer_than_catching_up_keep_their_times():
    terms = terms_of(Level.SEVERE, pages(10 * MINUTE, "ana"), pages(12 * MINUTE, "bo"))
    assert Climb(terms).until(15).who() == [(10, PageReason.STEP, ANA), (12, PageReason.STEP, BO)]


def test_an_early_move_while_catching_up_gives_its_people_time_too():
    climb = early(Climb(SEVERE).down(70), 71, step=2).until(90)
    assert climb.who(since=70) == [
        (70, PageReason.STEP, DEVOPS),
        (71, PageReason.EARLY, CTO),
        (76, PageReason.STEP, CEO),
    ]


def test_an_early_move_without_a_rung_to_move_to_is_forgotten():
    climb = Climb(SEVERE)
    climb.state = replace(climb.state, early=EarlyMove(at=NOON + MINUTE, why=EarlyWhy.NOBODY))
    climb.at(0, Repinned(terms=terms_of(Level.SEVERE, Notify(after=NOW, notify="level_channels")))).until(2)
    assert climb.lines[-1] == (1, Why.EARLY_NOT_NEEDED, ())
    assert climb.state.early is None
