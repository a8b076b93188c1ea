"""Units side by side, in one process and in two: each changes only what it has seen and nobody else has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from responder.adapters.storage.codec import UPCASTERS, VERSIONS, Codec
from responder.adapters.storage.postgres import PostgresStore
from responder.core.decision import DueKind
from responder.core.errors import Conflict
from responder.core.identifiers import Fingerprint, IncidentId, JournalId, Kind, RecordKey
from responder.core.machines import incident as incidents
from responder.core.machines import page as pages
from responder.core.machines.heartbeat import Heartbeat
from responder.ports.store import Asked, Reader, Store, Unit, key_of
from tests.builders import (
    HOUR,
    I1,
    I2,
    MINUTE,
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
    promise,
    summary,
    token,
)
from tests.conformance.store.steps import SECOND, append, beating, claim, closed, put
from tests.servers.postgresql import Database, Postgresql

pytestmark = pytest.mark.postgresql


@pytest_asyncio.fixture
async def other(database: Database) -> AsyncIterator[PostgresStore]:
    """Another process on the same database."""
    opened = PostgresStore(database.url)
    yield opened
    await opened.close()


@dataclass(frozen=True, slots=True)
class Waiters:
    """Who waits for a lock in this database."""

    server: Postgresql
    database: Database

    def count(self) -> int:
        waiting = "wait_event_type = 'Lock' AND datname = current_database()"
        asked = f"SELECT count(*) FROM pg_stat_activity WHERE {waiting}"  # noqa: S608 - our own words
        return int(self.server.sql(asked, database=self.database.name))

    async def until_waiting(self, task: asyncio.Future[Any]) -> None:
        while not await asyncio.to_thread(self.count):
            assert not task.done(), "it waited for nobody"


@pytest.fixture
def waiters(postgresql: Postgresql, database: Database) -> Waiters:
    return Waiters(postgresql, database)


# What is guarded by its version


NOBODYS = replace(notice("x"), notice="a.1/slack", incident=None, occurrence=Fingerprint("a"))
Work = Callable[[Unit], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Race:
    """What two units do at the same time, of which only one may win. `before`: what was there."""

    read: Work
    write: Work
    before: Work = lambda unit: unit.lock([])


RACES = {
    "a heartbeat, read by its name": Race(
        before=lambda unit: unit.put_record(heartbeat(), NOON),
        read=lambda unit: unit.records([key_of(heartbeat())]),
        write=lambda unit: unit.put_record(beating("watchdog", NOON), NOON),
    ),
    "a heartbeat, read among all": Race(
        before=lambda unit: unit.put_record(heartbeat(), NOON),
        read=lambda unit: unit.heartbeats(),
        write=lambda unit: unit.put_record(beating("watchdog", NOON), NOON),
    ),
    "a new heartbeat": Race(
        read=lambda unit: unit.heartbeats(),
        write=lambda unit: unit.put_record(heartbeat(), NOON),
    ),
    "a notice of no incident": Race(
        before=lambda unit: unit.put_record(NOBODYS, NOON),
        read=lambda unit: unit.records([key_of(NOBODYS)]),
        write=lambda unit: unit.put_record(replace(NOBODYS, posted="C1/1"), NOON),
    ),
    "an occurrence": Race(
        before=lambda unit: unit.put_occurrence(occurrence("f")),
        read=lambda unit: unit.last_occurrences([Fingerprint("f")]),
        write=lambda unit: unit.put_occurrence(occurrence("f", ends_at=NOON + HOUR)),
    ),
    "an occurrence, read with its incident's": Race(
        before=lambda unit: unit.put_occurrence(occurrence("f")),
        read=lambda unit: unit.occurrences_of(I1, 10),
        write=lambda unit: unit.put_occurrence(occurrence("f", ends_at=NOON + HOUR)),
    ),
    "the first occurrence": Race(
        read=lambda unit: unit.last_occurrences([Fingerprint("f")]),
        write=lambda unit: unit.put_occurrence(occurrence("f")),
    ),
    "the next occurrence": Race(
        before=lambda unit: unit.put_occurrence(occurrence("f")),
        read=lambda unit: unit.last_occurrences([Fingerprint("f")]),
        write=lambda unit: unit.put_occurrence(occurrence("f", 2)),
    ),
    "a token's secret": Race(
        read=lambda unit: unit.tokens(),
        write=lambda unit: unit.put_token(token(f"t{id(unit)}", digest="the same")),
    ),
}


@pytest.mark.parametrize("race", RACES.values(), ids=RACES.keys())
async def test_of_two_that_read_the_same_only_the_first_writes(shared, other, race):
    async with shared.unit() as unit:
        await race.before(unit)

    async def late() -> None:
        async with shared.unit() as unit:
            await race.read(unit)
            async with other.unit() as winner:
                await race.read(winner)
                await race.write(winner)
                await winner.append_bodies([body(b"of the winner")])
            await unit.append_bodies([body(b"lost")])
            await race.write(unit)

    with pytest.raises(Conflict):
        await late()
    async with shared.reading() as reader:
        assert [one.body for one in await reader.bodies(JournalId(0), 10)] == [b"of the winner"]


NEW: dict[str, Callable[[Unit, str], Awaitable[None]]] = {
    "an incident's key": lambda unit, who: unit.put_record(incident(who, key="k"), NOON),
    "a heartbeat": lambda unit, who: unit.put_record(heartbeat(), NOON),
    "an occurrence": lambda unit, who: unit.put_occurrence(occurrence("f")),
    "a command's key": lambda unit, who: unit.put_asked(Asked(once="s", incident=I1, at=NOON, reply="")),
}


@pytest.mark.parametrize("put_new", NEW.values(), ids=NEW.keys())
async def test_two_that_put_the_same_new_thing_at_once_put_it_once(shared, other, waiters, put_new):
    """The second waits for the first to end, and then has lost."""

    async def second() -> None:
        async with other.unit() as unit:
            await put_new(unit, "I2")
            await unit.append_bodies([body(b"lost")])

    async with shared.unit() as unit:
        await put_new(unit, "I1")
        await unit.counts()  # what waits goes to the database
        task = asyncio.ensure_future(second())
        await waiters.until_waiting(task)
        await unit.append_bodies([body(b"of the winner")])
    with pytest.raises(Conflict):
        await task
    async with shared.reading() as reader:
        assert [one.body for one in await reader.bodies(JournalId(0), 10)] == [b"of the winner"]


async def test_two_may_put_the_same_new_promise_at_once(shared, other, waiters):
    async def second() -> None:
        async with other.unit() as unit:
            await unit.put_promise(promise())

    async with shared.unit() as unit:
        await unit.put_promise(promise())
        await unit.counts()
        task = asyncio.ensure_future(second())
        await waiters.until_waiting(task)
    await task
    async with shared.reading() as reader:
        assert await reader.promises([promise().pin]) == {promise().pin: promise()}


async def test_a_record_that_is_not_as_it_was_read_is_found_out_though_nobody_locked(shared, other):
    """A name that does not tell its incident: no lock covers it, so its version has to."""
    stray = replace(page("D7"), incident=I1)
    await put(shared, stray)

    async def late() -> None:
        async with shared.unit() as unit:
            await unit.records([key_of(stray)])
            await put(other, replace(stray, subject="theirs"))
            await unit.put_record(replace(stray, subject="ours"), NOON)

    with pytest.raises(Conflict):
        await late()


async def test_one_unit_may_write_a_row_again_and_again(shared):
    await put(shared, heartbeat())
    async with shared.unit() as unit:
        for minute in range(3):
            await unit.heartbeats()
            await unit.put_record(beating("watchdog", NOON + minute * MINUTE), NOON)
            await unit.last_occurrences([Fingerprint("f")])
            await unit.put_occurrence(occurrence("f", journal=JournalId(minute)))
            await unit.counts()  # what waits goes to the database
    async with shared.reading() as reader:
        assert await reader.heartbeats() == [beating("watchdog", NOON + 2 * MINUTE)]
        assert [one.journal for one in await reader.occurrences_of(I1, 2)] == [2]


async def test_beats_that_are_tried_again_after_each_conflict_lose_none(shared, other):
    await put(shared, beating("watchdog", NOON))
    conflicts = 0

    async def beat(store: Store) -> None:
        nonlocal conflicts
        while True:
            try:
                async with store.unit() as unit:
                    (seen,) = await unit.heartbeats()
                    assert isinstance(seen, Heartbeat)
                    assert seen.last_at is not None
                    await unit.put_record(replace(seen, last_at=seen.last_at + SECOND), NOON)
                return
            except Conflict:
                conflicts += 1

    await asyncio.gather(*(beat(store) for store in (shared, other) for _ in range(15)))
    async with shared.reading() as reader:
        assert await reader.heartbeats() == [beating("watchdog", NOON + 30 * SECOND)]
    assert conflicts


# What is locked


READS: dict[str, Work] = {
    "locked": lambda unit: unit.lock([I1]),
    "read by its name": lambda unit: unit.records([key_of(incident())]),
    "a page of it read": lambda unit: unit.records([key_of(page())]),
    "its duty read": lambda unit: unit.records([key_of(duty())]),
    "a notice of it looked for, and not there": lambda unit: unit.records([key_of(notice())]),
    "its live records read": lambda unit: unit.live_records([I1]),
    "its pages read": lambda unit: unit.records_of(I1, Kind.PAGE),
    "its due row taken": lambda unit: unit.take_due(DueKind.SEND, NOON, 10),
    "its due row postponed": lambda unit: unit.postpone_due(key_of(page()), NOON + HOUR),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
async def test_an_incident_belongs_to_the_unit_that_read_of_it(shared, other, waiters, read):
    await put(shared, incident(), page(), duty(), escalation())
    ended = False

    async def second() -> bool:
        async with other.unit() as unit:
            await unit.lock([I2, I1])
            return ended

    async with shared.unit() as unit:
        await read(unit)
        task = asyncio.ensure_future(second())
        await waiters.until_waiting(task)
        assert not task.done()
        ended = True
    assert await task


@pytest.mark.parametrize("store", ["itself", "another process"])
async def test_who_waited_for_a_lock_reads_what_was_written_meanwhile(shared, other, waiters, store):
    await put(shared, incident(revision=0))
    key = key_of(incident())

    async def add_one() -> None:
        async with (shared if store == "itself" else other).unit() as unit:
            seen = (await unit.records([key]))[key]
            assert isinstance(seen, incidents.Incident)
            await unit.put_record(replace(seen, revision=seen.revision + 1), NOON)

    async with shared.unit() as unit:
        await unit.records([key])
        task = asyncio.gather(*(add_one() for _ in range(3)))
        await waiters.until_waiting(task)
        await unit.put_record(incident(revision=10), NOON)
    await task
    async with shared.reading() as reader:
        assert await reader.records([key]) == {key: incident(revision=13)}


async def test_many_that_only_read_and_write_lose_no_change_and_need_not_try_again(shared, other):
    """Reading locks, so that those who change one incident come one after another."""
    await put(shared, incident(revision=0), incident("I2", revision=0))
    keys = [key_of(incident()), key_of(incident("I2"))]

    async def add_one(store: Store, wanted: list[RecordKey]) -> None:
        async with store.unit() as unit:
            for seen in (await unit.records(wanted)).values():
                assert isinstance(seen, incidents.Incident)
                await unit.put_record(replace(seen, revision=seen.revision + 1), NOON)

    orders = [keys, keys[::-1]] * 10
    await asyncio.gather(*(add_one(store, order) for store in (shared, other) for order in orders))
    async with shared.reading() as reader:
        assert await reader.records(keys) == {
            keys[0]: incident(revision=40),
            keys[1]: incident("I2", revision=40),
        }


async def test_two_that_lock_in_crossing_orders_do_not_wait_for_ever(shared, other):
    await put(shared, incident("I1"), incident("I2"))

    async def cross(store: Store, first: IncidentId, then: IncidentId) -> None:
        async with store.unit() as unit:
            await unit.lock([first])
            both.release()
            await go_on.wait()
            await unit.lock([then])

    both, go_on = asyncio.Semaphore(0), asyncio.Event()
    tasks = [
        asyncio.ensure_future(cross(shared, I1, I2)),
        asyncio.ensure_future(cross(other, I2, I1)),
    ]
    for _ in tasks:
        await both.acquire()
    go_on.set()
    await asyncio.wait(tasks)
    assert [type(task.exception()) for task in tasks if task.exception()] == [Conflict]


async def test_who_has_a_key_is_asked_again_where_the_lock_shows_that_it_changed(shared, other, waiters):
    await put(shared, incident("I1", key="k"))

    async def late() -> dict[str, str]:
        async with other.unit() as unit:
            assert await unit.open_incidents(["k"]) == {"k": I1}
            asked.set()
            await unit.lock([I1])
            return dict(await unit.open_incidents(["k"]))

    asked = asyncio.Event()
    async with shared.unit() as unit:
        await unit.records([key_of(incident())])
        task = asyncio.ensure_future(late())
        await asked.wait()
        await waiters.until_waiting(task)
        await unit.put_record(replace(closed("I1"), key="k"), NOON)
        await unit.put_record(incident("I2", key="k"), NOON)
    assert await task == {"k": I2}


async def test_readers_wait_for_no_lock(shared, other):
    await put(shared, incident())
    async with shared.unit() as unit:
        await unit.lock([I1])
        async with other.reading() as reader:
            assert list(await reader.live_records([I1])) == [I1]


# What is due


async def taken(unit: Unit, limit: int = 10, kind: DueKind = DueKind.SEND) -> list[str]:
    return [row.key.id for row in await unit.take_due(kind, NOON + HOUR, limit)]


async def test_two_claimers_at_once_take_different_rows_each_the_earliest_left(shared, other):
    numbers = range(6)
    await put(shared, *(incident(f"I{one}") for one in numbers))
    await put(shared, *(page(f"I{one}-p1", next_at=NOON + one * SECOND) for one in numbers))
    async with shared.unit() as one, other.unit() as two:
        assert await taken(one, 2) == ["I0-p1", "I1-p1"]
        assert await taken(two, 3) == ["I2-p1", "I3-p1", "I4-p1"]
        assert await taken(one, 10) == ["I0-p1", "I1-p1", "I5-p1"]
        assert await taken(two, 10) == ["I2-p1", "I3-p1", "I4-p1"]
    async with other.unit() as unit:
        assert len(await taken(unit)) == 6


async def test_rows_of_one_incident_go_to_one_claimer(shared, other):
    await put(shared, incident(), page("I1-p1"), page("I1-p2"), page("I1-p3"))
    async with shared.unit() as one, other.unit() as two:
        assert await taken(one, 1) == ["I1-p1"]
        assert await taken(two) == []


async def test_a_claim_passes_over_what_a_locked_incident_waits_for(shared, other):
    await put(
        shared, incident("I1"), page("I1-p1"), incident("I2"), page("I2-p1"), NOBODYS, beating("b", NOON)
    )
    async with shared.unit() as busy:
        await busy.lock([I1])
        async with other.unit() as unit:
            assert await taken(unit) == ["I2-p1"]
            assert await taken(unit, kind=DueKind.TIMER) == ["b"]
    async with other.unit() as unit:
        assert await taken(unit) == ["I1-p1", "I2-p1"]


async def test_rows_of_no_incident_are_taken_by_one_too_in_their_order_among_the_others(shared, other):
    fifteen = 15 * MINUTE
    resolved = incident("I1", phase=incidents.Phase.RESOLVED, resolved_at=NOON + fifteen, firing=0)
    await put(shared, beating("b1", NOON), resolved, beating("b2", NOON + HOUR))
    async with shared.unit() as one, other.unit() as two:
        rows = await one.take_due(DueKind.TIMER, NOON + 4 * HOUR, 10)
        assert [row.key.id for row in rows] == ["b1", "I1", "b2"]
        assert await two.take_due(DueKind.TIMER, NOON + 4 * HOUR, 10) == []
    async with shared.unit() as one, other.unit() as two:
        rows = await one.take_due(DueKind.TIMER, NOON + 4 * HOUR, 1)
        assert [row.key.id for row in rows] == ["b1"]


async def test_what_many_claimers_take_is_worked_off_once(shared, other):
    count = 300
    await put(shared, *(incident(f"I{number}") for number in range(count)))
    await put(shared, *(page(f"I{number}-p1") for number in range(count)))
    await put(shared, *(page(f"D{number}", incident=None) for number in range(20)))
    done: list[str] = []

    async def worker(store: Store) -> None:
        idle = 0
        while idle < 3:
            async with store.unit() as unit:
                rows = await unit.take_due(DueKind.SEND, NOON, 7)
                found = await unit.records([row.key for row in rows])
                for record in found.values():
                    assert isinstance(record, pages.Page)
                    await unit.put_record(replace(record, phase=pages.Phase.ACCEPTED, next_at=None), NOON)
            done.extend(key.id for key in found)
            idle = 0 if rows else idle + 1

    await asyncio.gather(*(worker(store) for store in (shared, other) for _ in range(4)))
    assert sorted(done) == sorted(
        [*(f"I{number}-p1" for number in range(count)), *(f"D{number}" for number in range(20))]
    )


# The journal


async def test_two_claimers_at_once_get_different_bodies(shared, other):
    ids = await append(shared, b"1", b"2", b"3")
    async with shared.unit() as one, other.unit() as two:
        first = await one.claim_bodies(2, NOON, NOON + MINUTE)
        second = await two.claim_bodies(2, NOON, NOON + MINUTE)
    assert [[found.id for found in claimed] for claimed in (first, second)] == [ids[:2], ids[2:]]
    assert await claim(other) == []


async def test_a_claim_is_kept_while_the_unit_that_asked_for_it_runs(shared, other):
    await append(shared, b"1")
    held = await claim(shared)
    later = NOON + MINUTE
    async with shared.unit() as unit:
        assert await unit.still_claimed(held) == {one.id for one in held}
        assert await claim(other, now=later) == []  # its lease is over, and yet
        await unit.finish_bodies([one.id for one in held], later)
    assert await claim(other, now=later) == []


async def test_a_claim_that_another_took_over_is_no_more(shared, other):
    await append(shared, b"1")
    held = await claim(shared)
    taken_over = await claim(other, now=NOON + MINUTE)
    async with shared.unit() as unit:
        assert await unit.still_claimed(held) == set()
        assert await unit.still_claimed(taken_over) == {one.id for one in taken_over}


# What is old


async def test_retention_passes_over_what_is_in_use(shared, other):
    await put(shared, closed("I1"), closed("I2"), NOBODYS)
    old = occurrence("f", incident=None, ends_at=NOON - HOUR)
    async with shared.unit() as unit:
        await unit.put_occurrence(old)
        await unit.put_audit([audit_line(None)])
    (body_,) = await append(shared, b"1")
    async with shared.unit() as unit:
        await unit.finish_bodies([body_], NOON - HOUR)
    async with shared.unit() as busy:
        await busy.records([key_of(incident("I1"))])
        await busy.last_occurrences([Fingerprint("f")])
        await busy.put_occurrence(replace(old, journal=JournalId(7)))
        await busy.set_body_aside(body_, "odd", NOON)
        await busy.records([key_of(NOBODYS)])
        await busy.put_record(NOBODYS, NOON)
        await busy.counts()
        async with other.unit() as unit:
            assert await unit.delete_closed_before(NOON + HOUR, 10) == 1
            assert await unit.delete_occurrences_before(NOON, 10) == 0
            assert await unit.delete_bodies_before(NOON, 10) == 0
            assert await unit.delete_strays_before(NOON + HOUR, 10) == 1  # the line
    async with shared.reading() as reader:
        assert await reader.records([key_of(NOBODYS)])
        assert len(await reader.live_records([I1])) == 0
        assert list(await reader.records([key_of(incident(one)) for one in ("I1", "I2")])) == [
            key_of(incident("I1"))
        ]


async def test_two_that_delete_do_not_wait_for_each_other(shared, other):
    async with shared.unit() as unit:
        await unit.put_audit([audit_line(None), audit_line(None)])
    async with shared.unit() as unit, other.unit() as beside:
        assert await unit.delete_strays_before(NOON + HOUR, 1) == 1
        assert await beside.delete_strays_before(NOON + HOUR, 10) == 1


# Numbers


async def test_no_two_get_one_number(shared, other):
    async def some(store: Store) -> list[int]:
        async with store.unit() as unit:
            return [await unit.next_number() for _ in range(30)]

    given = await asyncio.gather(*(some(store) for store in (shared, other) for _ in range(5)))
    numbers = [number for one in given for number in one]
    assert len(set(numbers)) == len(numbers) == 300


async def test_numbers_leave_no_gap_where_one_process_takes_one_at_a_time(shared):
    for number in (1, 2, 3):
        async with shared.unit() as unit:
            assert await unit.next_number() == number


# Programs of two versions


async def test_a_record_that_a_newer_program_wrote_is_left_to_it(shared, database):
    today = VERSIONS[Kind.PAGE]
    newer = Codec({**VERSIONS, Kind.PAGE: today + 1}, {**UPCASTERS, (Kind.PAGE, today): lambda old: old})
    ahead = PostgresStore(database.url, codec=newer)
    try:
        await put(shared, incident("I1"), page("I1-p1", next_at=NOON + SECOND))
        await put(ahead, incident("I2"), page("I2-p1"))
        async with shared.unit() as unit:
            assert await taken(unit) == ["I1-p1"]
            assert await unit.next_due(DueKind.SEND) == NOON + SECOND
        async with ahead.unit() as unit:
            assert await taken(unit) == ["I2-p1", "I1-p1"]
            assert await unit.next_due(DueKind.SEND) == NOON
    finally:
        await ahead.close()


async def test_what_everybody_asks_is_answered_beside_a_unit(shared, other):
    """No read waits, whatever is being written."""
    async with shared.unit() as unit:
        await unit.put_record(incident(), NOON)
        await unit.put_summary(summary())
        await unit.put_promise(promise())
        await unit.counts()

        async def asked(reader: Reader) -> list[object]:
            return [await reader.counts(), await reader.pins_in_use(), await reader.promises([promise().pin])]

        async with other.reading() as reader:
            assert await asked(reader) == [{}, {}, {}]
