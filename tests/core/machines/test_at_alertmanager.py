"""Incident, row by row: what it makes of what the Alertmanagers say when they are asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from responder.core.decision import Due, DueKind
from responder.core.level import Level
from responder.core.machines.incident import (
    RECHECK,
    AlertsDoubted,
    AlertsEnded,
    AlertsFired,
    AlertsGone,
    AlertsRefired,
    AlertsSeen,
    AlertsShown,
    AlertsSuppressed,
    AlertsUnsuppressed,
    IncidentDoubted,
    IncidentReopened,
    IncidentResolved,
    PersonResolved,
    Phase,
    TimerDue,
    Why,
    advance,
    may_end_unseen,
)
from tests.core.machines.test_incident import ANA, BY_HAND, CLOSED, HELD, HIDING, LAST, OPEN, RESOLVED
from tests.core.matrix import I1, MINUTE, NOON

GRAVE = replace(OPEN, level=Level.SEVERE)
DOUBTED = replace(GRAVE, doubted_at=NOON)
QUIET = replace(BY_HAND, quiet_until=NOON + 40 * MINUTE)
LATER = NOON + 5 * MINUTE
UNTIL = NOON + 50 * MINUTE
RESOLVES = IncidentResolved(incident=I1)


@pytest.mark.parametrize(
    "before, event, after, why, emits",
    [
        pytest.param(
            OPEN, AlertsGone(count=1), replace(OPEN, firing=1), Why.GONE, (), id="one of two is gone"
        ),
        pytest.param(
            LAST,
            AlertsGone(count=1),
            replace(LAST, firing=0, phase=Phase.RESOLVED, resolved_at=LATER),
            Why.CLEARED_GONE,
            (RESOLVES,),
            id="the last is gone",
        ),
        pytest.param(
            HIDING, AlertsGone(count=1), replace(HIDING, firing=0), Why.GONE, (), id="something is hidden"
        ),
        pytest.param(GRAVE, AlertsGone(count=2), GRAVE, Why.STALE, (), id="too grave to be taken for ended"),
        pytest.param(
            replace(BY_HAND, level=Level.FATAL),
            AlertsGone(count=2),
            replace(BY_HAND, level=Level.FATAL, firing=0, resolved_at=LATER),
            Why.CLEARED_AFTER_HAND,
            (),
            id="a person resolved it before",
        ),
        pytest.param(
            GRAVE,
            AlertsDoubted(subject="x"),
            replace(GRAVE, doubted_at=LATER),
            Why.DOUBTED,
            (IncidentDoubted(incident=I1, subject="x"),),
            id="grave, so it is asked about",
        ),
        pytest.param(DOUBTED, AlertsDoubted(subject="x"), DOUBTED, Why.STALE, (), id="asked about already"),
        pytest.param(OPEN, AlertsDoubted(subject="x"), OPEN, Why.STALE, (), id="not grave enough to ask"),
        pytest.param(RESOLVED, AlertsDoubted(subject="x"), RESOLVED, Why.STALE, (), id="over already"),
        pytest.param(
            DOUBTED, AlertsSeen(), replace(DOUBTED, doubted_at=None), Why.SEEN_AGAIN, (), id="seen again"
        ),
        pytest.param(GRAVE, AlertsSeen(), GRAVE, Why.STALE, (), id="never out of sight"),
        pytest.param(
            BY_HAND,
            AlertsSuppressed(until=UNTIL),
            replace(BY_HAND, quiet_until=UNTIL),
            Why.SUPPRESSED,
            (),
            id="resolved by hand, and silenced",
        ),
        pytest.param(
            QUIET,
            AlertsSuppressed(until=UNTIL),
            replace(QUIET, quiet_until=UNTIL),
            Why.STILL_SUPPRESSED,
            (),
            id="said again",
        ),
        pytest.param(
            QUIET,
            AlertsSuppressed(until=NOON + 40 * MINUTE),
            QUIET,
            Why.STALE,
            (),
            id="no longer than before",
        ),
        pytest.param(
            OPEN, AlertsSuppressed(until=UNTIL), OPEN, Why.STALE, (), id="open: its ladder's matter"
        ),
        pytest.param(HELD, AlertsSuppressed(until=UNTIL), HELD, Why.STALE, (), id="held as a twin"),
        pytest.param(
            RESOLVED, AlertsSuppressed(until=UNTIL), RESOLVED, Why.STALE, (), id="nothing of it fires"
        ),
        pytest.param(
            QUIET,
            AlertsUnsuppressed(),
            replace(QUIET, quiet_until=None),
            Why.UNSUPPRESSED,
            (),
            id="loud again",
        ),
        pytest.param(BY_HAND, AlertsUnsuppressed(), BY_HAND, Why.STALE, (), id="never quiet"),
        pytest.param(CLOSED, AlertsGone(count=1), CLOSED, Why.STALE, (), id="closed"),
        pytest.param(
            DOUBTED,
            AlertsFired(count=1, level=Level.MINOR, subject="y"),
            None,
            Why.JOINED,
            None,
            id="a new alert ends the doubt",
        ),
        pytest.param(DOUBTED, AlertsRefired(count=1), None, Why.REFIRED, None, id="a twin ends the doubt"),
        pytest.param(
            replace(DOUBTED, firing=1),
            AlertsEnded(count=1),
            None,
            Why.CLEARED,
            None,
            id="its end ends the doubt",
        ),
        pytest.param(
            DOUBTED,
            PersonResolved(by=ANA),
            None,
            Why.RESOLVED_STILL_FIRING,
            None,
            id="a person ends the doubt",
        ),
    ],
)
def test_what_is_heard_of_alertmanager(before, event, after, why, emits):
    decision = advance(before, event, LATER)
    assert decision.why is why
    if after is None:
        assert decision.state.doubted_at is None
        return
    assert (decision.state, decision.emits) == (after, emits)


def test_silenced_it_is_looked_at_again_when_that_has_to_be_confirmed():
    assert QUIET.due() == Due(NOON + 40 * MINUTE, DueKind.TIMER)
    assert replace(QUIET, quiet_until=NOON + MINUTE).due() == Due(NOON + RECHECK, DueKind.TIMER)
    assert advance(QUIET, TimerDue(), NOON + 39 * MINUTE).why is Why.STALE
    reopened = advance(QUIET, TimerDue(), NOON + 40 * MINUTE)
    assert (reopened.why, reopened.state.quiet_until) == (Why.REOPENED_STILL_FIRING, None)
    assert reopened.emits == (IncidentReopened(incident=I1, flapping=None),)


def test_whole_again_with_nothing_left_it_resolves():
    decision = advance(replace(HIDING, firing=0), AlertsShown(group="g"), LATER)
    assert decision.why is Why.CLEARED


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("phase", [Phase.OPEN, Phase.RESOLVED])
def test_what_is_gone_is_ended_unasked_at_levels_1_and_2_or_where_a_person_said_so(level, phase):
    state = replace(OPEN, level=level, phase=phase)
    assert may_end_unseen(state) is (level <= 2 or phase is Phase.RESOLVED)
