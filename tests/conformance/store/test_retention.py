"""What is old goes, with everything of its own, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from responder.core.identifiers import Fingerprint, IncidentId, JournalId, Kind, kept_page_id
from responder.core.machines import duty as duties
from responder.core.machines import escalation as escalations
from responder.core.machines import incident as incidents
from responder.core.machines import notice as notices
from responder.core.machines import page as pages
from responder.ports.store import (
    Act,
    Asked,
    AuditLine,
    Reader,
    Record,
    Standing,
    SummaryQuery,
    key_of,
)
from tests.builders import (
    HOUR,
    I1,
    I2,
    MINUTE,
    NOON,
    audit_line,
    duty,
    escalation,
    heartbeat,
    incident,
    notice,
    occurrence,
    page,
    summary,
)
from tests.conformance.store.steps import (
    SECOND,
    append,
    closed,
    put,
)

NOBODYS = (Kind.HEARTBEAT, Kind.STORM)  # records that are of no incident


async def test_a_closed_incident_goes_with_everything_of_its_own(store):
    async with store.unit() as unit:
        for id_ in ("I1", "I2"):
            ladder = escalation(id_, phase=escalations.Phase.STOPPED, since=None)
            for record in (ladder, page(f"{id_}-p1"), notice(id_), duty(id_, phase=duties.Phase.WAIVED)):
                await unit.put_record(record, NOON)
            await unit.put_record(closed(id_, NOON if id_ == "I1" else NOON + HOUR), NOON)
            await unit.put_summary(summary(id_, standing=Standing.CLOSED))
            await unit.put_occurrence(occurrence(id_, incident=IncidentId(id_)))
            await unit.put_audit([audit_line(id_)])
            await unit.put_act(
                Act(actor="cto", incident=IncidentId(id_), revision=1, verb="ack", at=NOON, reply="")
            )
            await unit.put_asked(Asked(once=f"once {id_}", incident=IncidentId(id_), at=NOON, reply=""))
    async with store.unit() as unit:
        assert len((await unit.live_records([I1]))[I1]) == 3
        assert await unit.delete_closed_before(NOON + MINUTE, 10) == 1
        assert await unit.delete_closed_before(NOON + MINUTE, 10) == 0
        assert await unit.live_records([I1]) == {}
    async with store.reading() as reader:
        assert set((await everything_of(reader, I1)).values()) == {0}
        assert 0 not in (await everything_of(reader, I2)).values()


async def everything_of(reader: Reader, id_: IncidentId) -> dict[str, int]:
    """How much there is of each kind of thing that an incident has."""
    page_key = key_of(page(f"{id_}-p1"))
    return {
        **{kind.value: len(await reader.records_of(id_, kind)) for kind in Kind if kind not in NOBODYS},
        "due rows": len(await reader.due_of([page_key])),
        "summaries": [one.incident for one in await reader.summaries(SummaryQuery())].count(id_),
        "occurrences": len(await reader.occurrences_of(id_, 10)),
        "last occurrences": len(await reader.last_occurrences([occurrence(id_).fingerprint])),
        "audit lines": len(await reader.audit_of(id_, 10)),
        "asked": int(await reader.asked(f"once {id_}") is not None),
        "acts": int(await reader.act("cto", id_, 1, "ack") is not None),
    }


async def test_a_closed_incident_whose_duty_is_still_due_stays(store):
    async with store.unit() as unit:
        await unit.put_record(closed("I1", NOON), NOON)
        await unit.put_record(duty("I1", phase=duties.Phase.DUE, remind_at=NOON + HOUR), NOON)
    async with store.unit() as unit:
        assert await unit.delete_closed_before(NOON + HOUR, 10) == 0
        await unit.records([key_of(duty("I1"))])
        await unit.put_record(duty("I1", phase=duties.Phase.SENT), NOON)
        assert await unit.delete_closed_before(NOON + HOUR, 10) == 1


async def test_only_closed_incidents_are_deleted_the_oldest_first(store):
    resolved = incident("I4", phase=incidents.Phase.RESOLVED, resolved_at=NOON)
    await put(
        store,
        closed("I1", NOON + SECOND),
        closed("I2", NOON),
        closed("I3", NOON + HOUR),
        resolved,
        incident("I5"),
    )
    async with store.unit() as unit:
        assert await unit.delete_closed_before(NOON + HOUR, 1) == 1
        assert await unit.records([key_of(incident("I2"))]) == {}
        assert await unit.delete_closed_before(NOON + HOUR, 10) == 1
    async with store.reading() as reader:
        found = await reader.records([key_of(incident(f"I{number}")) for number in range(1, 6)])
        assert [key.id for key in found] == ["I3", "I4", "I5"]


async def test_bodies_that_are_done_are_deleted_and_their_numbers_not_given_again(store):
    ids = await append(store, b"1", b"2", b"3", b"4")
    async with store.unit() as unit:
        await unit.finish_bodies(ids[:1], NOON + SECOND)
        await unit.finish_bodies(ids[3:], NOON)
        await unit.set_body_aside(ids[1], "unreadable", NOON)
        assert await unit.delete_bodies_before(NOON + HOUR, 1) == 1
        assert await unit.delete_bodies_before(NOON + SECOND, 10) == 0
        assert await unit.delete_bodies_before(NOON + HOUR, 10) == 1
    async with store.reading() as reader:
        assert [one.id for one in await reader.bodies(JournalId(0), 10)] == ids[1:3]
    assert min(await append(store, b"5")) > ids[3]


async def test_ended_occurrences_of_no_incident_are_deleted(store):
    hour_ago = NOON - HOUR
    async with store.unit() as unit:
        await unit.put_occurrence(occurrence("a", incident=None, ends_at=hour_ago))
        await unit.put_occurrence(occurrence("b", incident=None, ends_at=hour_ago - MINUTE))
        await unit.put_occurrence(occurrence("c", incident=None, ends_at=NOON))
        await unit.put_occurrence(occurrence("d", incident=None))
        await unit.put_occurrence(occurrence("e", ends_at=hour_ago))
        assert await unit.delete_occurrences_before(NOON, 1) == 1
        assert sorted(await unit.last_occurrences(["a", "b"])) == ["a"]
        assert await unit.delete_occurrences_before(NOON, 10) == 1
    async with store.reading() as reader:
        assert sorted(await reader.last_occurrences(list("abcde"))) == ["c", "d", "e"]


# What is of no incident


def digest(id_: str = "D1", phase: pages.Phase = pages.Phase.ACCEPTED, **changed: Any) -> pages.Page:
    return replace(page(id_), incident=None, phase=phase, next_at=None, **changed)


def shown_alert(fingerprint: str = "a", **changed: Any) -> notices.Notice:
    return of_nobody(f"{fingerprint}.1/slack", occurrence=Fingerprint(fingerprint), **changed)


def kept(digest: str = "D1", **changed: Any) -> notices.Notice:
    return of_nobody(kept_page_id(digest), page=digest, **changed)


def of_nobody(name: str, **changed: Any) -> notices.Notice:
    return replace(notice("x"), notice=name, incident=None, **changed)


def nobodys_line(**changed: Any) -> AuditLine:
    return audit_line(None, **changed)


async def test_what_is_of_no_incident_goes_when_it_was_over_for_so_long(store):
    is_over: list[Record] = [digest(), shown_alert()]
    goes_on: list[Record] = [
        digest("D2", pages.Phase.OWED),
        shown_alert("b", phase=notices.Phase.OWED),
        heartbeat(),
    ]
    of_one: list[Record] = [
        incident(),
        page("I1-p1", phase=pages.Phase.WITHDRAWN, next_at=None),
        closed("I2"),
    ]
    everything = [key_of(record) for record in (*is_over, *goes_on, *of_one)]
    await put(store, *is_over, *goes_on, *of_one)
    async with store.unit() as unit:
        assert await unit.delete_strays_before(NOON, 10) == 0
        assert await unit.delete_strays_before(NOON + SECOND, 10) == 2
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 0
        assert set(await unit.records(everything)) == {*everything[2:]}
    async with store.reading() as reader:
        assert set(await reader.records(everything)) == {*everything[2:]}


async def test_it_counts_from_when_it_was_over_last(store):
    async with store.unit() as unit:
        await unit.put_record(digest(), NOON)
        await unit.put_record(digest(phase=pages.Phase.OWED), NOON + MINUTE)
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 0
        await unit.records([key_of(digest())])
        await unit.put_record(digest(), NOON + MINUTE)
        await unit.put_record(digest(), NOON + HOUR)
    async with store.unit() as unit:
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 0
        assert await unit.delete_strays_before(NOON + HOUR + SECOND, 10) == 1
        await unit.put_record(digest(), NOON)  # nothing is there that it would have to have read


async def test_with_a_digest_goes_what_was_asked_of_it(store):
    await put(store, digest())
    asked_of = ("D1", "D2", "I1")
    async with store.unit() as unit:
        for about in asked_of:
            await unit.put_asked(Asked(once=f"once {about}", incident=IncidentId(about), at=NOON, reply=""))
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 1
    async with store.reading() as reader:
        left = [about for about in asked_of if await reader.asked(f"once {about}") is not None]
    assert left == ["D2", "I1"]


async def test_a_digest_stays_as_long_as_a_page_that_it_carried(store):
    carried = page("I1-p1", phase=pages.Phase.ACCEPTED, next_at=None, digest="D1")
    await put(store, incident("I1"), carried, digest("D1"), digest("D2"))
    async with store.unit() as unit:
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 1
        assert list(await unit.records([key_of(digest("D1")), key_of(digest("D2"))])) == [
            key_of(digest("D1"))
        ]
        await unit.records([key_of(incident("I1"))])
        await unit.put_record(closed("I1"), NOON)
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 0
        assert await unit.delete_closed_before(NOON + HOUR, 10) == 1
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 1


async def test_a_digest_stays_as_long_as_the_notice_of_its_message(store):
    await put(store, digest(), kept(phase=notices.Phase.OWED))
    async with store.unit() as unit:
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 0
        await unit.records([key_of(kept())])
        await unit.put_record(kept(), NOON)
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 1  # the notice
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 1
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 0


async def test_lines_of_no_incident_are_deleted_by_their_age(store):
    async with store.unit() as unit:
        await unit.put_audit([nobodys_line(), nobodys_line(at=NOON + SECOND), audit_line()])
        assert await unit.delete_strays_before(NOON, 10) == 0
        assert await unit.delete_strays_before(NOON + SECOND, 10) == 1
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 1
        assert await unit.delete_strays_before(NOON + HOUR, 10) == 0
        assert len(await unit.audit_of(I1, 10)) == 1


async def test_of_what_is_over_no_more_is_deleted_than_was_asked_for_the_oldest_first(store):
    names = ["D1", "D2", "D3"]
    async with store.unit() as unit:
        for seconds, name in zip((3, 1, 2), names, strict=True):
            await unit.put_record(digest(name), NOON + seconds * SECOND)
        await unit.put_audit([nobodys_line()] * 3)
        assert await unit.delete_strays_before(NOON + HOUR, 2) == 2
        assert list(await unit.records([key_of(digest(name)) for name in names])) == [key_of(digest("D1"))]
        assert await unit.delete_strays_before(NOON + HOUR, 3) == 3
        assert await unit.delete_strays_before(NOON + HOUR, 3) == 1
