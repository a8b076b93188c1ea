"""Due rows: derived from the records, taken earliest first, postponed and set aside."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from responder.core.decision import DueKind
from responder.core.identifiers import IncidentId
from responder.core.level import Level
from responder.core.machines import duty as duties
from responder.core.machines import heartbeat as heartbeats
from responder.core.machines import incident as incidents
from responder.core.machines import notice as notices
from responder.core.machines import page as pages
from responder.core.machines.escalation import Escalation, Lease
from responder.ports.store import (
    DueRow,
    Standing,
    key_of,
)
from tests.adapters.storage.shapes import USUAL_LENGTH, USUAL_MOMENT, values
from tests.builders import (
    CTO,
    HOUR,
    MINUTE,
    NOON,
    duty,
    escalation,
    heartbeat,
    incident,
    page,
    summary,
)
from tests.conformance.store.steps import (
    SECOND,
    beating,
    put,
    put_summaries,
    take,
)


@pytest.mark.parametrize(
    "record, expected",
    [
        pytest.param(incident(), None, id="an open incident waits for nothing"),
        pytest.param(
            incident(phase=incidents.Phase.RESOLVED, resolved_at=NOON, firing=0),
            (DueKind.TIMER, NOON + 30 * MINUTE),
            id="a resolved one for its reopen window",
        ),
        pytest.param(escalation(), (DueKind.TIMER, NOON), id="a ladder for its first step"),
        pytest.param(
            escalation(since=None, lease=Lease(holder=CTO, since=NOON, until=NOON + HOUR)),
            (DueKind.TIMER, NOON + HOUR),
            id="an acknowledged one for the end of the lease",
        ),
        pytest.param(page(), (DueKind.SEND, NOON), id="a page for a claim"),
        pytest.param(
            page(phase=pages.Phase.WITHDRAWN, next_at=None), None, id="a withdrawn page for nothing"
        ),
        pytest.param(duty(), (DueKind.TIMER, NOON + 2 * HOUR), id="a duty for its time"),
        pytest.param(heartbeat(), None, id="an unarmed heartbeat for nothing"),
        pytest.param(
            beating("b", NOON), (DueKind.TIMER, NOON + 15 * MINUTE), id="a beating one for its period"
        ),
    ],
)
async def test_a_records_due_row_is_what_it_says(store, record, expected):
    await put(store, record)
    async with store.reading() as reader:
        rows = await reader.due_of([key_of(record)])
    assert [(row.kind, row.at) for row in rows.values()] == ([] if expected is None else [expected])
    assert all(row.key == key_of(record) and row.incident == record.incident for row in rows.values())


RECORD_TYPES = (incidents.Incident, Escalation, pages.Page, notices.Notice, duties.Duty, heartbeats.Heartbeat)


async def test_a_unit_knows_when_the_first_of_what_it_has_put_is_due(store):
    first, second = (page(f"I1-p{number}", next_at=NOON + number * MINUTE) for number in (1, 2))
    async with store.unit() as unit:
        assert dict(unit.soonest) == {}
        for record in (second, first, incident()):
            await unit.put_record(record, NOON)
        assert dict(unit.soonest) == {DueKind.SEND: NOON + MINUTE}
        await unit.put_record(escalation(), NOON)
    async with store.unit() as again:
        await again.records([key_of(first)])
        assert dict(again.soonest) == {}
    assert dict(unit.soonest) == {DueKind.SEND: NOON + MINUTE, DueKind.TIMER: NOON}


@given(record=st.one_of([values(type_, USUAL_MOMENT, USUAL_LENGTH) for type_ in RECORD_TYPES]))
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_the_due_row_of_any_record_equals_its_own_due(store, record):
    if isinstance(record, incidents.Incident):
        record = replace(record, key=f"key of {record.incident}")
    await put(store, record)
    due, key = record.due(), key_of(record)
    expected = (
        {} if due is None else {key: DueRow(key=key, incident=record.incident, kind=due.kind, at=due.at)}
    )
    async with store.unit() as unit:
        assert await unit.due_of([key]) == expected
        taken = [] if due is None else await unit.take_due(due.kind, due.at, 1_000)
        assert [row for row in taken if row.key == key] == list(expected.values())


async def test_a_due_row_goes_when_its_record_waits_no_more_and_comes_back_with_it(store):
    shown = page(phase=pages.Phase.ACCEPTED, next_at=None)
    for record, expected in ((page(), 1), (shown, 0), (page(), 1)):
        await put(store, record)
        async with store.reading() as reader:
            assert len(await reader.due_of([key_of(record)])) == expected


async def test_due_rows_are_taken_earliest_first_as_many_as_wanted(store):
    minutes = (3, 1, 2, 5, 4)
    await put(store, *(beating(f"b{minute}", NOON + minute * MINUTE) for minute in minutes))
    due_at = NOON + 15 * MINUTE
    assert await take(store, now=due_at + 3 * MINUTE) == ["b1", "b2", "b3"]
    assert await take(store, now=due_at + 9 * MINUTE, limit=2) == ["b1", "b2"]
    assert await take(store, now=due_at + MINUTE) == ["b1"]
    assert await take(store, now=due_at + MINUTE - timedelta(microseconds=1)) == []
    assert await take(store, DueKind.SEND, now=due_at + HOUR) == []
    async with store.reading() as reader:
        assert await reader.next_due(DueKind.TIMER) == due_at + MINUTE
        assert await reader.next_due(DueKind.SEND) is None


async def test_a_due_row_is_taken_by_one_unit_at_a_time_and_worked_off_once(store):
    await put(store, *(page(f"I{number}-p1") for number in range(20)))
    done: list[str] = []

    async def worker() -> None:
        while True:
            async with store.unit() as unit:
                rows = await unit.take_due(DueKind.SEND, NOON, 3)
                found = await unit.records([row.key for row in rows])
                for key, record in found.items():
                    assert isinstance(record, pages.Page)
                    done.append(key.id)
                    await unit.put_record(replace(record, phase=pages.Phase.ACCEPTED, next_at=None), NOON)
                if not rows:
                    return

    await asyncio.gather(*(worker() for _ in range(4)))
    assert sorted(done) == sorted(f"I{number}-p1" for number in range(20))


async def test_taking_alone_changes_nothing(store):
    await put(store, page())
    assert await take(store, DueKind.SEND) == await take(store, DueKind.SEND) == ["I1-p1"]


async def test_a_postponed_row_waits_and_counts_its_failures(store):
    await put(store, page())
    key = key_of(page())
    for failures in (1, 2):
        async with store.unit() as unit:
            await unit.postpone_due(key, NOON + MINUTE)
        async with store.reading() as reader:
            row = (await reader.due_of([key]))[key]
            assert (row.failures, row.at) == (failures, NOON)
            assert await reader.next_due(DueKind.SEND) == NOON + MINUTE
            assert await reader.overdue(DueKind.SEND, NOON + SECOND, 10) == [row]
    assert await take(store, DueKind.SEND, NOON + MINUTE - SECOND) == []
    assert await take(store, DueKind.SEND, NOON + MINUTE) == ["I1-p1"]


async def test_a_row_set_aside_is_taken_by_nobody_and_stays_overdue(store):
    await put(store, page("I1-p1"), page("I1-p2", next_at=NOON + MINUTE))
    async with store.unit() as unit:
        await unit.set_due_aside(key_of(page("I1-p1")))
        assert [row.key.id for row in await unit.take_due(DueKind.SEND, NOON + HOUR, 10)] == ["I1-p2"]
    async with store.reading() as reader:
        assert await reader.next_due(DueKind.SEND) == NOON + MINUTE
        late = await reader.overdue(DueKind.SEND, NOON + HOUR, 10)
        assert [(row.key.id, row.failures) for row in late] == [("I1-p1", 1), ("I1-p2", 0)]


@pytest.mark.parametrize("aside", [False, True], ids=["postponed", "set aside"])
async def test_writing_the_record_again_starts_its_row_afresh(store, aside):
    await put(store, page())
    async with store.unit() as unit:
        if aside:
            await unit.set_due_aside(key_of(page()))
        else:
            await unit.postpone_due(key_of(page()), NOON + HOUR)
        await unit.records([key_of(page())])
        await unit.put_record(page(), NOON)
    async with store.reading() as reader:
        assert (await reader.due_of([key_of(page())]))[key_of(page())].failures == 0
    assert await take(store, DueKind.SEND) == ["I1-p1"]


async def test_postponing_what_has_no_row_does_nothing(store):
    async with store.unit() as unit:
        await unit.postpone_due(key_of(page()), NOON)
        await unit.set_due_aside(key_of(page()))
        assert await unit.next_due(DueKind.SEND) is None


async def test_overdue_rows_come_earliest_first_whatever_failed(store):
    await put(store, *(page(f"I1-p{minute}", next_at=NOON + minute * MINUTE) for minute in range(5)))
    async with store.unit() as unit:
        await unit.postpone_due(key_of(page("I1-p1")), NOON + HOUR)
        await unit.set_due_aside(key_of(page("I1-p3")))
    async with store.reading() as reader:
        for limit in (2, 10):
            late = await reader.overdue(DueKind.SEND, NOON + 4 * MINUTE, limit)
            assert [row.key.id for row in late] == ["I1-p0", "I1-p1", "I1-p2", "I1-p3"][:limit]
        assert await reader.overdue(DueKind.TIMER, NOON + HOUR, 10) == []


async def test_an_open_incident_above_level_1_without_a_due_row_is_found(store):
    held = escalation("I3", since=None)  # waits for nothing: what must never be
    await put(store, escalation("I1"), held, replace(held, incident=IncidentId("I4")), escalation("I5"))
    await put_summaries(
        store,
        summary("I1"),
        summary("I2"),
        summary("I3", level=Level.MINOR),
        summary("I4", standing=Standing.ACKNOWLEDGED),
        summary("I5"),
        summary("I6", standing=Standing.SUPPRESSED),
    )
    async with store.unit() as unit:
        await unit.set_due_aside(key_of(escalation("I5")))
    async with store.reading() as reader:
        assert await reader.unanswered_without_due(10) == ["I2", "I5", "I6"]
        assert await reader.unanswered_without_due(1) == ["I2"]
