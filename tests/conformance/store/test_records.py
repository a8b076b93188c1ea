"""Records, and text and moments of strangers, come back as they went."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from responder.core.errors import Conflict
from responder.core.identifiers import ContactName, Fingerprint, IncidentId, JournalId, Kind
from responder.core.machines import duty as duties
from responder.core.machines import notice as notices
from responder.core.machines import page as pages
from responder.ports.store import (
    Act,
    Record,
    SummaryQuery,
    key_of,
)
from tests.builders import (
    I1,
    I2,
    NOON,
    audit_line,
    body,
    duty,
    escalation,
    heartbeat,
    incident,
    notice,
    occurrence,
    page,
    summary,
    token,
)
from tests.conformance.store.steps import (
    put,
)

# What strangers put into labels, and what a database does not like in text.
NASTY = {
    "NUL": "a\x00b",
    "lone surrogate": "a\ud800b",
    "both halves apart": "\udfff\ud800",
    "the escape itself": "\x1a0000 \x1a\x1a",
    "like wildcards": "100%_/\\'\"",
    "Korean": "심각: 파드",
    "emoji": "🔥" * 3,
    "a megabyte": "x" * 1_000_000,
}
nasty = pytest.mark.parametrize("text", NASTY.values(), ids=NASTY.keys())


EVERY_RECORD: tuple[Record, ...] = (incident(), escalation(), page(), notice(), duty(), heartbeat())


@pytest.mark.parametrize("record", EVERY_RECORD, ids=lambda record: record.KIND.value)
async def test_every_kind_of_record_comes_back_as_it_went(store, record):
    await put(store, record)
    async with store.reading() as reader:
        assert await reader.records([key_of(record)]) == {key_of(record): record}


@nasty
async def test_text_of_strangers_comes_back_as_it_went(store, text):
    one = incident(key=text, rule=text, title=text, group={text: text}, hidden=frozenset({text}))
    seen = occurrence(text, labels={text: text}, annotations={"summary": text}, generator_url=text)
    name = text[:100]  # policies and programs name things, not strangers; a name is a key of an index
    line = audit_line(event=text, why=text, actor=text, details={text: text})
    shown = summary(key=text, rule=name, title=text, holder=ContactName(text))
    async with store.unit() as unit:
        await unit.put_record(one, NOON)
        await unit.put_record(notice(channel=name), NOON)
        await unit.put_occurrence(seen)
        await unit.put_audit([line])
        await unit.put_summary(shown)
        (id_,) = await unit.append_bodies([body(b"\x00\xff", peer=text, source=text)])
        await unit.set_body_aside(id_, text, NOON)
        await unit.put_act(Act(actor=name, incident=I1, revision=1, verb=name, at=NOON, reply=text))
        await unit.put_token(token(name=text))
    async with store.reading() as reader:
        assert await reader.records([key_of(one)]) == {key_of(one): one}
        assert await reader.records_of(I1, Kind.NOTICE) == [notice(channel=name)]
        assert await reader.open_incidents([text, "other"]) == {text: I1}
        assert await reader.hidden_in(text) == [I1]
        assert await reader.last_occurrences([seen.fingerprint]) == {seen.fingerprint: seen}
        assert [replace(found, id=0) for found in await reader.audit_of(I1, 1)] == [line]
        assert await reader.summaries(SummaryQuery(rule=name, holder=text, text=text[:1000])) == [shown]
        (kept,) = await reader.bodies(JournalId(0), 1)
        assert (kept.body, kept.peer, kept.source, kept.detail) == (b"\x00\xff", text, text, text)
        assert await reader.act(name, I1, 1, name) is not None
        assert await reader.tokens() == [token(name=text)]


async def test_long_texts_that_begin_alike_are_told_apart(store):
    one, other = "x" * 5_000 + "1", "x" * 5_000 + "2"
    await put(store, incident("I1", key=one, hidden=frozenset({one})), incident("I2", key=other))
    async with store.reading() as reader:
        assert await reader.open_incidents([one, other]) == {one: I1, other: I2}
        assert await reader.hidden_in(other) == []


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(datetime(1, 1, 1, tzinfo=UTC), id="year 1"),
        pytest.param(datetime.max.replace(tzinfo=UTC), id="year 9999"),
        pytest.param(
            datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))), id="beyond year 9999 in UTC"
        ),
        pytest.param(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), id="before year 1 in UTC"),
        pytest.param(NOON + timedelta(microseconds=1), id="a microsecond"),
        pytest.param(NOON.astimezone(timezone(timedelta(hours=9))), id="another zone"),
    ],
)
async def test_moments_come_back_exactly_and_the_impossible_breaks_no_read(store, moment):
    seen = occurrence(starts_at=moment, ends_at=moment)
    async with store.unit() as unit:
        await unit.put_record(incident(opened_at=moment), NOON)
        await unit.put_occurrence(seen)
        await unit.put_summary(summary(opened_at=moment))
        await unit.put_record(page(next_at=moment), NOON)
    async with store.reading() as reader:
        assert (await reader.occurrences_of(I1, 1)) == [seen]
        assert await reader.records([key_of(incident())]) == {key_of(incident()): incident(opened_at=moment)}
        (shown,) = await reader.summaries(SummaryQuery())
        (row,) = (await reader.due_of([key_of(page())])).values()
    if moment.utcoffset() is not None and abs(moment.year - 5000) < 4990:
        assert (shown.opened_at, row.at) == (moment, moment)


async def test_live_records_are_those_that_say_so_escalation_included(store):
    waived = duty(phase=duties.Phase.WAIVED)
    withdrawn = page("I1-p2", phase=pages.Phase.WITHDRAWN, next_at=None)
    await put(store, incident(), escalation(), page(), withdrawn, notice(), waived, incident("I2"))
    async with store.reading() as reader:
        found = await reader.live_records([I1, I2, IncidentId("I3")])
        assert {id_: [key_of(record) for record in live] for id_, live in found.items()} == {
            I1: [key_of(record) for record in (incident(), escalation(), page(), notice())],
            I2: [key_of(incident("I2"))],
        }


async def test_a_record_that_lives_again_is_live_again(store):
    await put(store, notice(phase=notices.Phase.SHOWN), page(phase=pages.Phase.ACCEPTED, next_at=None))
    async with store.unit() as unit:
        assert list(await unit.live_records([I1])) == [I1]
        await unit.records([key_of(page())])
        await unit.put_record(page(), NOON)
        assert (await unit.live_records([I1]))[I1] == [notice(), page()]
        await unit.put_record(page(phase=pages.Phase.ACCEPTED, next_at=None), NOON)
        assert (await unit.live_records([I1]))[I1] == [notice()]


async def test_a_new_record_is_among_the_live_ones_whenever_they_are_asked_for(store):
    await put(store, page("I1-p1"))
    async with store.unit() as unit:
        await unit.put_record(page("I1-p2"), NOON)
        assert (await unit.live_records([I1]))[I1] == [page("I1-p1"), page("I1-p2")]
        await unit.put_record(page("I1-p3"), NOON)
        assert (await unit.live_records([I1]))[I1] == [page("I1-p1"), page("I1-p2"), page("I1-p3")]


async def test_records_of_an_incident_keep_the_order_in_which_they_were_first_written(store):
    await put(store, page("I1-p10"), page("I1-p9"))
    await put(store, page("I1-p1"), page("I1-p9", subject="again"), page("I2-p1"))
    async with store.reading() as reader:
        assert [one.id for one in await reader.records_of(I1, Kind.PAGE)] == ["I1-p10", "I1-p9", "I1-p1"]
        assert await reader.records_of(I1, Kind.NOTICE) == []


async def test_more_records_than_one_question_of_the_database_takes(store):
    many = [page(f"I{number}-p1") for number in range(1_201)]
    seen = [occurrence(f"{number:016x}") for number in range(1_201)]
    async with store.unit() as unit:
        for one, alert in zip(many, seen, strict=True):
            await unit.put_record(one, NOON)
            await unit.put_occurrence(alert)
    async with store.reading() as reader:
        assert await reader.records([key_of(one) for one in many]) == {key_of(one): one for one in many}
        assert len(await reader.live_records([one.incident for one in many])) == len(many)
        assert len(await reader.due_of([key_of(one) for one in many])) == len(many)
        assert len(await reader.last_occurrences([one.fingerprint for one in seen])) == len(many)


async def test_nothing_asked_for_is_nothing_found(store):
    async with store.unit() as unit:
        assert await unit.records([]) == {}
        assert await unit.live_records([]) == {}
        assert await unit.open_incidents([]) == {}
        assert await unit.last_occurrences([]) == {}
        assert await unit.promises([]) == {}
        assert await unit.due_of([]) == {}
        assert await unit.append_bodies([]) == []
        await unit.finish_bodies([], NOON)
        await unit.release_bodies([])
        await unit.put_audit([])
        await unit.lock([])


async def test_a_message_in_a_channel_is_known_by_its_reference(store):
    await put(
        store,
        notice("I1", posted="C1/17.1"),
        notice("I2", posted="C1/17.2"),
        notice("I3"),
        replace(notice("I9", posted="C1/17.9"), incident=None, occurrence=Fingerprint("a")),
    )
    await put(store, notice("I2", posted="C1/17.3"))
    async with store.reading() as reader:
        found = {number: await reader.shown_as(f"C1/17.{number}") for number in (1, 2, 3, 4, 9)}
        assert found == {1: "I1", 2: None, 3: "I2", 4: None, 9: None}
        assert await reader.shown_as("") is None


@pytest.mark.parametrize("record", EVERY_RECORD, ids=lambda record: record.KIND.value)
async def test_a_record_that_nobody_read_is_not_written_over(store, record):
    async def blindly() -> None:
        async with store.unit() as unit:
            await unit.append_bodies([body(b"lost")])
            await unit.put_record(record, NOON)

    await put(store, record)
    with pytest.raises(Conflict):
        await blindly()
    async with store.unit() as unit:
        assert await unit.records([key_of(record)]) == {key_of(record): record}
        assert await unit.waiting_count() == 0
        await unit.put_record(record, NOON)


async def test_an_occurrence_that_nobody_read_is_not_written_over(store):
    async def blindly() -> None:
        async with store.unit() as unit:
            await unit.put_occurrence(occurrence("f", journal=JournalId(2)))

    async with store.unit() as unit:
        await unit.put_occurrence(occurrence("f"))
    with pytest.raises(Conflict):
        await blindly()
    async with store.reading() as reader:
        assert await reader.occurrences_of(I1, 10) == [occurrence("f")]
