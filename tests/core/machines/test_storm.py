"""Storm, row by row: begun by a count, ended when it has been calm for a while, and never by one quiet moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised, Due, DueKind
from responder.core.machines.storm import (
    LOOK,
    NAME,
    CountAsked,
    Counted,
    Event,
    Phase,
    Storm,
    TimerDue,
    Why,
    advance,
)
from tests.core.matrix import HOUR, MINUTE, NOON, SECOND

CALM = Storm()


def counted(incidents: int, many: int = 30) -> Counted:
    return Counted(incidents=incidents, many=many, per=MINUTE, calm_after=5 * MINUTE)


RAGING = advance(CALM, counted(30), NOON).state
QUIET = advance(RAGING, counted(14), NOON + MINUTE).state
CLEARED = AlarmCleared(kind=AlarmKind.STORM, subject=NAME)


def row(
    id_: str,
    state: Storm,
    event: Event,
    minutes: float,
    phase: Phase,
    why: Why,
    *emits: object,
    due: datetime | None = None,
) -> Any:
    return pytest.param(state, event, NOON + minutes * MINUTE, phase, why, emits, due, id=id_)


@pytest.mark.parametrize(
    "state, event, now, phase, why, emits, due",
    [
        row("calm: waits for nothing", CALM, TimerDue(), 60, Phase.CALM, Why.STALE),
        row("calm: one less than many", CALM, counted(29), 0, Phase.CALM, Why.STALE),
        row("calm: switched off", CALM, counted(1000, many=0), 0, Phase.CALM, Why.STALE),
        row(
            "raging: counted again in its time",
            RAGING,
            TimerDue(),
            1,
            Phase.RAGING,
            Why.LOOKED,
            CountAsked(),
            due=NOON + MINUTE + LOOK,
        ),
        row("raging: not before", RAGING, TimerDue(), 0.2, Phase.RAGING, Why.STALE, due=NOON + LOOK),
        row("raging: as many as ever", RAGING, counted(30), 1, Phase.RAGING, Why.STALE, due=NOON + LOOK),
        row(
            "raging: half of it is no calm", RAGING, counted(15), 1, Phase.RAGING, Why.STALE, due=NOON + LOOK
        ),
        row(
            "raging: less than half, for the first time",
            RAGING,
            counted(14),
            1,
            Phase.RAGING,
            Why.QUIETENED,
            due=NOON + LOOK,
        ),
        row("raging: switched off", RAGING, counted(30, many=0), 1, Phase.CALM, Why.ENDED, CLEARED),
        row("quiet: another wave", QUIET, counted(15), 3, Phase.RAGING, Why.GOES_ON, due=NOON + LOOK),
        row("quiet: not for long enough", QUIET, counted(0), 5.9, Phase.RAGING, Why.STALE, due=NOON + LOOK),
        row("quiet: for long enough", QUIET, counted(0), 6, Phase.CALM, Why.ENDED, CLEARED),
    ],
)
def test_every_event_in_every_phase(state, event, now, phase, why, emits, due):
    decision = advance(state, event, now)
    assert (decision.state.phase, decision.why, decision.emits) == (phase, why, emits)
    assert decision.state.due() == (Due(due, DueKind.TIMER) if due else None)


def test_its_begin_is_an_alarm_that_says_where_it_is_set():
    decision = advance(CALM, counted(30), NOON)
    (alarm,) = decision.emits
    assert isinstance(alarm, AlarmRaised)
    assert (alarm.kind, alarm.subject) == (AlarmKind.STORM, NAME)
    assert "escalation.yaml" in alarm.detail
    assert "within 60 s" in alarm.detail
    assert decision.state.due() == Due(NOON + LOOK, DueKind.TIMER)


def test_after_another_wave_the_calm_counts_anew():
    state = advance(QUIET, counted(15), NOON + 3 * MINUTE).state
    state = advance(state, counted(0), NOON + 4 * MINUTE).state
    assert advance(state, counted(0), NOON + 8 * MINUTE).state.rages
    assert not advance(state, counted(0), NOON + 9 * MINUTE).state.rages


def test_a_storm_that_is_over_may_come_again():
    over = advance(QUIET, counted(0), NOON + HOUR).state
    again = advance(over, counted(30), NOON + HOUR + SECOND).state
    assert again == replace(RAGING, since=NOON + HOUR + SECOND, look_at=NOON + HOUR + SECOND + LOOK)
