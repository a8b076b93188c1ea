"""What only the SQLite file can show: durability under SIGKILL, one process, full disks, cancelled commits."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, text

from responder.adapters.storage.codec import UPCASTERS, VERSIONS, Codec
from responder.adapters.storage.lockfile import InUse
from responder.adapters.storage.sqlite import SqliteStore, open_sqlite
from responder.core.decision import DueKind
from responder.core.errors import Permanent, Transient
from responder.core.identifiers import JournalId, Kind
from tests.builders import HOUR, I1, NOON, body, page
from tests.conformance.store.questions import ask_everything

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "responder.db"


@pytest_asyncio.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_sqlite(path)
    yield opened
    await opened.close()


async def append(store: SqliteStore, *texts: bytes) -> list[JournalId]:
    async with store.unit() as unit:
        return await unit.append_bodies([body(one) for one in texts])


async def kept(store: SqliteStore) -> list[bytes]:
    async with store.reading() as reader:
        return [one.body for one in await reader.bodies(JournalId(0), 100_000)]


# Durability

CHILD = """
import asyncio, sys
from pathlib import Path
from responder.adapters.storage.sqlite import open_sqlite
from tests.builders import NOON, body, page

async def main():
    store = await open_sqlite(Path(sys.argv[1]))
    for number in range(1, 1_000_000):
        async with store.unit() as unit:
            await unit.append_bodies([body(b"%d" % number)])
            await unit.put_record(page(f"I{number}-p1"), NOON)
        print(number, flush=True)

asyncio.run(main())
"""


@contextmanager
def child(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that commits one unit after another, and says so after each."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("units", [1, 40])
async def test_what_was_committed_survives_a_kill(path, units):
    with child(path) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(units)]
        process.send_signal(signal.SIGKILL)
        process.wait()
        said += [int(line) for line in process.stdout]
    store = await open_sqlite(path)
    try:
        numbers = [int(one) for one in await kept(store)]
        async with store.unit() as unit:
            sends = await unit.take_due(DueKind.SEND, NOON, 100_000)
    finally:
        await store.close()
    assert numbers[: len(said)] == said
    # The kill may have come between a commit and its line; no unit is there by half.
    assert len(numbers) <= len(said) + 1
    assert len(sends) == len(numbers)


async def test_what_a_dead_process_had_claimed_waits_again_at_once(path):
    store = await open_sqlite(path)
    ids = await append(store, b"claimed", b"done")
    async with store.unit() as unit:
        await unit.claim_bodies(2, NOON, NOON + HOUR)
        await unit.finish_bodies(ids[1:], NOON)
    await store.close()
    store = await open_sqlite(path)
    try:
        async with store.unit() as unit:
            again = await unit.claim_bodies(2, NOON, NOON + HOUR)
        assert [(one.body, one.attempts) for one in again] == [(b"claimed", 2)]
    finally:
        await store.close()


# Programs of two versions


async def test_a_record_that_a_newer_program_wrote_is_left_to_it(path):
    today = VERSIONS[Kind.PAGE]
    newer = Codec({**VERSIONS, Kind.PAGE: today + 1}, {**UPCASTERS, (Kind.PAGE, today): lambda old: old})
    for codec, id_, at in ((None, "I1-p1", NOON + HOUR), (newer, "I2-p1", NOON)):
        store = await open_sqlite(path, codec=codec)
        async with store.unit() as unit:
            await unit.put_record(page(id_, next_at=at), NOON)
        await store.close()
    for codec, expected, first in ((None, ["I1-p1"], NOON + HOUR), (newer, ["I2-p1", "I1-p1"], NOON)):
        store = await open_sqlite(path, codec=codec)
        async with store.unit() as unit:
            assert [row.key.id for row in await unit.take_due(DueKind.SEND, NOON + HOUR, 10)] == expected
            assert await unit.next_due(DueKind.SEND) == first
        await store.close()


# One process


async def test_a_second_process_is_refused_and_told_by_whom(path):
    with child(path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(InUse, match=f"in use by process {process.pid} .*stop that process"):
            await open_sqlite(path)
    await (await open_sqlite(path)).close()


async def test_a_second_store_in_one_process_is_refused_too(path, store):
    with pytest.raises(InUse, match=f"in use by process {os.getpid()} "):
        await open_sqlite(path)
    assert await append(store, b"1")


async def test_a_lock_file_left_behind_locks_nothing(path):
    path.parent.mkdir()
    path.with_name("responder.db.lock").write_text("123456789\n", encoding="ascii")
    await (await open_sqlite(path)).close()


async def test_only_our_own_user_can_read_the_files(path, store):
    await append(store, b"1")
    modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    assert modes == {
        "responder.db": 0o600,
        "responder.db-wal": 0o600,
        "responder.db-shm": 0o600,
        "responder.db.lock": 0o600,
    }
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_a_closed_store_leaves_one_file_and_the_lock_file(path, store):
    await append(store, b"1")
    await store.close()
    assert sorted(each.name for each in path.parent.iterdir()) == ["responder.db", "responder.db.lock"]


# Settings


@pytest.mark.parametrize(
    "name, expected",
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5_000)],
)
async def test_the_writer_is_set_for_durability(store, name, expected):
    async with store.unit() as unit:
        (row,) = await unit._transaction.rows(text(f"PRAGMA {name}"))
    assert row[0] == expected


async def test_a_reader_cannot_write(store):
    async with store.reading() as reader:
        with pytest.raises(Permanent, match="readonly"):
            await reader._transaction.rows(text("DELETE FROM journal"))


async def test_readers_come_and_go_more_than_there_are_places(store):
    await append(store, b"1")
    assert await asyncio.gather(*(kept(store) for _ in range(20))) == [[b"1"]] * 20


# Errors


@pytest.mark.parametrize("content", [b"no database at all, but long enough to look like one" * 20])
async def test_a_file_that_is_no_database_is_refused_in_words_and_left_alone(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(Permanent, match=r"responder\.db: file is not a database"):
        await open_sqlite(path)
    assert path.read_bytes() == content


async def test_a_table_that_is_gone_is_permanent(path, store):
    async with store.unit() as unit:
        await unit._transaction.run(lambda connection: connection.exec_driver_sql("DROP TABLE acts"))
    async with store.reading() as reader:
        with pytest.raises(Permanent, match="no such table"):
            await reader.act("cto", I1, 1, "ack")


async def test_another_process_that_writes_is_waited_for_and_then_transient(path):
    store = await open_sqlite(path, pragmas={"busy_timeout": 1})
    try:
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Transient, match="database is locked"):
                await append(store, b"refused")
            other.rollback()
        await append(store, b"kept")
        assert await kept(store) == [b"kept"]
    finally:
        await store.close()


async def test_a_full_database_is_transient_and_works_again_when_there_is_room(path):
    store = await open_sqlite(path, pragmas={"max_page_count": 100})
    try:
        ids = await append(store, b"x" * 50_000, b"small")
        with pytest.raises(Transient, match="database or disk is full"):
            await append(store, b"y" * 500_000)
        assert len(await kept(store)) == 2
        async with store.unit() as unit:
            await unit.finish_bodies(ids[:1], NOON)
            await unit.delete_bodies_before(NOON.replace(year=2027), 10)
        await append(store, b"z" * 50_000)
        assert [len(one) for one in await kept(store)] == [5, 50_000]
    finally:
        await store.close()


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_unit_in_which_a_call_failed_is_not_committed_whoever_caught_it(path, goes_on):
    store = await open_sqlite(path, pragmas={"max_page_count": 100})

    async def careless() -> None:
        async with store.unit() as unit:
            await unit.append_bodies([body(b"lost")])
            with pytest.raises(Transient):
                await unit.append_bodies([body(b"y" * 500_000)])
            if goes_on:
                await unit.append_bodies([body(b"lost too")])

    try:
        with pytest.raises(Transient, match="disk is full"):
            await careless()
        assert await kept(store) == []
        await append(store, b"kept")
    finally:
        await store.close()


async def test_closing_waits_for_who_reads_and_writes(store):
    async with store.reading() as reader:
        async with store.unit() as unit:
            closing_ = asyncio.ensure_future(store.close())
            await unit.append_bodies([body(b"1")])
            assert not closing_.done()
        assert await reader.waiting_count() == 1
        assert not closing_.done()
    await closing_


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """As on a full disk: what would grow a file beyond `size` bytes fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_commit_that_the_disk_refuses_is_transient_and_leaves_nothing_behind(path, store):
    await append(store, b"before")
    wal = path.with_name("responder.db-wal")

    async def refused() -> None:
        async with store.unit() as unit:
            await unit.append_bodies([body(b"lost" * 10_000)])
            await unit.put_record(page(), NOON)
            # Everything has been executed; the pages go to the disk with the commit.
            await unit.next_due(DueKind.SEND)

    with no_file_longer_than(wal.stat().st_size + 4_096), pytest.raises(Transient, match="disk I/O error"):
        await refused()
    assert await kept(store) == [b"before"]
    await append(store, b"after")
    assert await kept(store) == [b"before", b"after"]


async def test_a_database_that_cannot_be_opened_is_reported_and_unlocked(path):
    path.mkdir(parents=True)
    with pytest.raises(Permanent, match=r"responder\.db cannot be opened: Is a directory"):
        await open_sqlite(path)
    path.rmdir()
    await (await open_sqlite(path)).close()


# Cancellation


async def test_a_unit_cancelled_in_its_commit_is_there_as_a_whole(store):
    task: asyncio.Task[None]

    def cancel(_connection: object) -> None:
        task.cancel()

    async def work() -> None:
        async with store.unit() as unit:
            await unit.append_bodies([body(b"1")])
            await unit.put_record(page(), NOON)

    await append(store, b"0")
    event.listen(store._writing.sync_engine, "commit", cancel)
    task = asyncio.ensure_future(work())
    await asyncio.wait([task])
    event.remove(store._writing.sync_engine, "commit", cancel)
    assert task.cancelled()
    assert await kept(store) == [b"0", b"1"]
    await append(store, b"2")


@pytest.mark.parametrize("moment", ["begin", "before_cursor_execute", "rollback"])
async def test_a_unit_cancelled_in_a_statement_leaves_nothing_and_one_connection(store, moment):
    """The connection is not replaced: two that write would be one too many."""
    task: asyncio.Task[None]
    made: list[object] = []

    def cancel(*_: object) -> None:
        task.cancel()

    async def work() -> None:
        async with store.unit() as unit:
            await unit.append_bodies([body(b"lost")])
            if moment == "rollback":
                raise RuntimeError("its own")

    await append(store, b"0")
    engine = store._writing.sync_engine
    event.listen(engine, "connect", lambda *args: made.append(args))
    event.listen(engine, moment, cancel)
    task = asyncio.ensure_future(work())
    await asyncio.wait([task])
    event.remove(engine, moment, cancel)
    assert task.cancelled()
    await append(store, b"2")
    assert await kept(store) == [b"0", b"2"]
    assert made == []


async def test_a_unit_that_waits_for_its_turn_can_be_cancelled(store):
    async with store.unit():
        waiting = asyncio.ensure_future(append(store, b"never"))
        await asyncio.wait([waiting], timeout=0)
        waiting.cancel()
        await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert await kept(store) == []


# Speed


# Statements that may walk, by what they contain, and why.
WALKS = {
    "FROM tokens ORDER BY": "there are a few",
    "WHERE occurrences.ends_at IS NULL": "along an index of what fires, as far as the limit",
    "FROM replicas": "there are a few",
    "GROUP BY incidents.pin": "along an index of what is not closed, at a reload",
    "ORDER BY summaries.number DESC": "newest first along the key, as far as the limit",
}


async def plans_of(store: SqliteStore, work: Callable[[], Awaitable[object]]) -> dict[str, list[str]]:
    """How SQLite answers each statement of `work`."""
    statements: dict[str, Any] = {}

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        statements[statement] = parameters[0] if isinstance(parameters, list) else parameters

    for engine in (store._writing.sync_engine, store._reading.sync_engine):
        event.listen(engine, "before_cursor_execute", note)
    await work()
    asked = {statement: row for statement, row in statements.items() if not statement.startswith("BEGIN")}
    with closing(sqlite3.connect(store.path)) as plain:
        return {
            statement: [step[3] for step in plain.execute(f"EXPLAIN QUERY PLAN {statement}", row)]
            for statement, row in asked.items()
        }


async def test_no_question_reads_a_whole_table(store):
    """Each statement of the port is answered by an index."""
    plans = await plans_of(store, lambda: ask_everything(store))
    walking = {
        statement: steps
        for statement, steps in plans.items()
        if any(step.startswith("SCAN") and "COVERING INDEX" not in step for step in steps)
    }
    assert {one: steps for one, steps in walking.items() if not any(part in one for part in WALKS)} == {}
    assert len(plans) > 40


async def test_what_is_old_is_found_in_its_order_and_by_its_own(store):
    """Nothing is sorted to find the oldest, and no incident is held against all that is due."""

    async def delete() -> None:
        async with store.unit() as unit:
            await unit.delete_closed_before(NOON, 1)
            await unit.delete_bodies_before(NOON, 1)
            await unit.delete_occurrences_before(NOON, 1)
            await unit.delete_strays_before(NOON, 1)

    plans = await plans_of(store, delete)
    steps = [step for steps in plans.values() for step in steps]
    assert len(plans) == 5
    assert [step for step in steps if "B-TREE" in step or "ix_due" in step] == []
