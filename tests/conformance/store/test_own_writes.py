"""A unit sees what it wrote itself, whatever it asks and whatever it has asked before."""

from __future__ import annotations

import pytest

from responder.core.machines import page as pages
from responder.ports.store import (
    Act,
    Reader,
    Standing,
)
from tests.builders import (
    HOUR,
    I1,
    MINUTE,
    NOON,
    audit_line,
    body,
    notice,
    occurrence,
    page,
    replica,
    summary,
    token,
)
from tests.conformance.store.questions import NOTHING, QUESTIONS, read_everything, write_everything
from tests.conformance.store.steps import (
    beating,
    closed,
)


def test_every_question_of_the_port_is_asked_here():
    named = {name for name in vars(Reader) if not name.startswith("_")}
    assert {name.replace(" ", "_").replace("-", "_") for name in QUESTIONS} == named


@pytest.mark.parametrize("asked_before", [False, True], ids=["for the first time", "again"])
@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_unit_answers_from_its_own_writes(store, question, asked_before):
    ask = QUESTIONS[question]
    async with store.unit() as unit:
        if asked_before:
            assert await ask(unit) in NOTHING
        await write_everything(unit)
        within = await ask(unit)
        assert await ask(unit) == within
    assert within not in NOTHING
    async with store.unit() as unit, store.reading() as reader:
        assert await ask(unit) == await ask(reader) == within


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_unit_that_changes_what_it_read_answers_with_the_change(store, question):
    """Everything that can be changed under its key is, and the answers are those of a unit that comes after."""
    ask = QUESTIONS[question]
    async with store.unit() as unit:
        await write_everything(unit)
    async with store.unit() as unit:
        before = await ask(unit)
        await read_everything(unit)
        await unit.put_record(closed(I1), NOON)
        await unit.put_record(page(phase=pages.Phase.WITHDRAWN, next_at=None), NOON)
        await unit.put_record(page("I1-p2", next_at=NOON + MINUTE), NOON)
        await unit.put_record(notice(posted=""), NOON)
        await unit.put_record(beating("watchdog", NOON), NOON)
        await unit.put_occurrence(occurrence(number=2, starts_at=NOON + HOUR))
        await unit.put_occurrence(occurrence("another"))
        await unit.put_summary(summary(standing=Standing.CLOSED))
        await unit.put_audit([audit_line(why="incident.closed")])
        await unit.put_act(Act(actor="cto", incident=I1, revision=1, verb="ack", at=NOON, reply="again"))
        await unit.put_token(token(name="renamed"))
        await unit.put_replica(replica(book="another"))
        await unit.append_bodies([body()])
        within = await ask(unit)
    async with store.reading() as reader:
        assert await ask(reader) == within
    assert within != before or question in ("promises", "asked", "set-aside count")
