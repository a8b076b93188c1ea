"""Heartbeat, row by row: armed by its first beat or by policy, missed by time alone, back by a beat alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from responder.core.decision import Due, DueKind
from responder.core.machines.heartbeat import (
    Beat,
    Configured,
    Event,
    Heartbeat,
    HeartbeatBack,
    HeartbeatMissed,
    Phase,
    Removed,
    TimerDue,
    Why,
    advance,
)
from tests.core.matrix import HOUR, MINUTE, NOON, SECOND

UNARMED = Heartbeat(name="watchdog", period=10 * MINUTE)
BEATING = advance(UNARMED, Beat(), NOON).state
MISSED = advance(BEATING, TimerDue(), NOON + 10 * MINUTE).state
BACK = HeartbeatBack(name="watchdog")


def configured(
    minutes: int = 10, *, expected: bool = False, deaf_until: datetime | None = None
) -> Configured:
    return Configured(period=minutes * MINUTE, expected=expected, deaf_until=deaf_until)


def row(
    id_: str,
    state: Heartbeat,
    event: Event,
    now: datetime,
    phase: Phase,
    why: Why,
    *emits: object,
    due: datetime | None = None,
) -> Any:
    return pytest.param(state, event, now, phase, why, emits, due, id=id_)


@pytest.mark.parametrize(
    "state, event, now, phase, why, emits, due",
    [
        row("unarmed: waits for nothing", UNARMED, TimerDue(), NOON + HOUR, Phase.UNARMED, Why.STALE),
        row(
            "unarmed: the first beat arms it",
            UNARMED,
            Beat(),
            NOON,
            Phase.BEATING,
            Why.ARMED,
            due=NOON + 10 * MINUTE,
        ),
        row(
            "unarmed: expected, it is armed from now",
            UNARMED,
            configured(expected=True),
            NOON,
            Phase.BEATING,
            Why.ARMED,
            due=NOON + 10 * MINUTE,
        ),
        row("unarmed: another period", UNARMED, configured(5), NOON, Phase.UNARMED, Why.CHANGED),
        row("unarmed: as it was", UNARMED, configured(), NOON, Phase.UNARMED, Why.STALE),
        row("unarmed: removed", UNARMED, Removed(), NOON, Phase.UNARMED, Why.REMOVED),
        row(
            "beating: not yet",
            BEATING,
            TimerDue(),
            NOON + 10 * MINUTE - SECOND,
            Phase.BEATING,
            Why.STALE,
            due=NOON + 10 * MINUTE,
        ),
        row(
            "beating: a period without a beat",
            BEATING,
            TimerDue(),
            NOON + 10 * MINUTE,
            Phase.MISSED,
            Why.MISSED,
            HeartbeatMissed(name="watchdog", last_at=NOON),
        ),
        row(
            "beating: a beat", BEATING, Beat(), NOON + MINUTE, Phase.BEATING, Why.BEAT, due=NOON + 11 * MINUTE
        ),
        row(
            "beating: another period counts from the last beat",
            BEATING,
            configured(5),
            NOON + MINUTE,
            Phase.BEATING,
            Why.CHANGED,
            due=NOON + 5 * MINUTE,
        ),
        row(
            "beating: as it was",
            BEATING,
            configured(expected=True),
            NOON + MINUTE,
            Phase.BEATING,
            Why.STALE,
            due=NOON + 10 * MINUTE,
        ),
        row(
            "beating: what was sent while we were down was not heard",
            BEATING,
            configured(deaf_until=NOON + HOUR),
            NOON + HOUR,
            Phase.BEATING,
            Why.CHANGED,
            due=NOON + 70 * MINUTE,
        ),
        row("beating: removed", BEATING, Removed(), NOON, Phase.UNARMED, Why.REMOVED),
        row("missed: waits for a beat alone", MISSED, TimerDue(), NOON + HOUR, Phase.MISSED, Why.STALE),
        row(
            "missed: a beat",
            MISSED,
            Beat(),
            NOON + HOUR,
            Phase.BEATING,
            Why.BACK,
            BACK,
            due=NOON + 70 * MINUTE,
        ),
        row("missed: a longer period", MISSED, configured(60), NOON + HOUR, Phase.MISSED, Why.CHANGED),
        row("missed: expected", MISSED, configured(expected=True), NOON + HOUR, Phase.MISSED, Why.STALE),
        row(
            "missed: we were down",
            MISSED,
            configured(deaf_until=NOON + HOUR),
            NOON + HOUR,
            Phase.MISSED,
            Why.STALE,
        ),
        row(
            "missed: removed, nobody waits for it",
            MISSED,
            Removed(),
            NOON + HOUR,
            Phase.UNARMED,
            Why.REMOVED,
            BACK,
        ),
    ],
)
def test_advance(state, event, now, phase, why, emits, due):
    decision = advance(state, event, now)
    assert (decision.state.phase, decision.why, decision.emits) == (phase, why, emits)
    assert decision.state.due() == (None if due is None else Due(due, DueKind.TIMER))
    assert (why is Why.STALE) <= (decision.state == state)


def test_what_was_removed_starts_anew():
    assert advance(BEATING, Removed(), NOON).state == UNARMED


def test_what_was_heard_after_the_start_is_not_put_back():
    later = replace(BEATING, last_at=NOON + 2 * HOUR)
    assert advance(later, configured(deaf_until=NOON + HOUR), NOON + 2 * HOUR).why is Why.STALE
