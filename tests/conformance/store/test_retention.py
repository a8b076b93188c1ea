"""What is old goes, with everything of its own, and nothing else."""

from __future__ import annotations

from responder.core.identifiers import IncidentId, JournalId, Kind
from responder.core.machines import duty as duties
from responder.core.machines import escalation as escalations
from responder.core.machines import incident as incidents
from responder.ports.store import (
    Act,
    Asked,
    Reader,
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
        **{
            kind.value: len(await reader.records_of(id_, kind)) for kind in Kind if kind is not Kind.HEARTBEAT
        },
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
