"""A crowd: a database with very many open incidents, each a copy of one that the service itself opened.

Opening a million through the service takes a quarter of an hour. The copies differ from the one in their names and
times alone, and are made by SQL, without fsync because nothing is measured yet. The service then starts on it as on
any other database. Every incident's first page was handed over; its next rung is the timer that waits.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.ground import Ground, SinkProgram
from benchmarks.load import alert, body
from tests.journeys.small import small_plan
from tests.journeys.waiting import CLOCK, until

RUNG = timedelta(days=45)  # when the second person is paged, so that everybody's beginning lies in the past
FIRST = timedelta(days=1)  # from now: the earliest timer
SPREAD = timedelta(days=30)  # over which they are due
MODEL = "Model"

# A text of the model as its copy `n` has it: incident, alert, fingerprint and beginning are its own.
_COPIED = """
    replace(replace(replace({0}, '"I1', '"I' || n), 'Model', 'Model' || n), (SELECT since FROM model), since)
"""
_NAMED = "'I' || n || substr({0}, 3)"  # a record of the model, by its copy's name: I1-p1, I7-p1
_COPY = (
    f"""INSERT INTO records (kind, id, incident, live, body, shown)
        SELECT kind, {_NAMED.format("id")}, 'I' || n, live, {_COPIED.format("body")}, shown
        FROM copy CROSS JOIN (SELECT * FROM records WHERE incident = 'I1' ORDER BY seq) ORDER BY n""",
    f"""INSERT INTO due (record_kind, record, incident, kind, at, claimable_at, failures)
        SELECT record_kind, {_NAMED.format("record")}, 'I' || n, kind, copy.at, copy.at, failures
        FROM copy CROSS JOIN (SELECT * FROM due WHERE incident = 'I1') ORDER BY n""",
    f"""INSERT INTO incidents (incident, key, pin, closed)
        SELECT 'I' || n, {_COPIED.format("key")}, pin, closed
        FROM copy CROSS JOIN (SELECT * FROM incidents WHERE incident = 'I1') ORDER BY n""",
    f"""INSERT INTO summaries (number, incident, key, rule, level, standing, title, opened_at, updated_at, revision,
                               firing, pin, searched)
        SELECT n, 'I' || n, {_COPIED.format("key")}, rule, level, standing, {_COPIED.format("title")}, opened_at,
               updated_at, revision, firing, pin, replace(searched, 'model', 'model' || n)
        FROM copy CROSS JOIN (SELECT * FROM summaries WHERE incident = 'I1') ORDER BY n""",
    f"""INSERT INTO occurrences (fingerprint, number, incident, starts_at, body)
        SELECT replace(fingerprint, 'Model', 'Model' || n), o.number, 'I' || n, starts_at, {_COPIED.format("body")}
        FROM copy CROSS JOIN (SELECT * FROM occurrences WHERE incident = 'I1') AS o ORDER BY n""",
    "UPDATE counters SET value = (SELECT max(n) FROM copy) WHERE name = 'incidents'",
)


def crowd_plan(sink: SinkProgram) -> dict[str, Any]:
    return small_plan(sink.url, rungs={"first": "0s", "second": f"{RUNG.days}d"})


async def crowd_of(ground: Ground, count: int) -> Path:
    """The home of a service with so many; made once a run, so what one round works off, the next finds worked off."""
    home = ground.lasting / f"crowd-{count}"
    if not home.exists():
        making = ground.lasting / f"making-{count}"
        making.mkdir()
        sink = await ground.sink()
        service = await ground.service(crowd_plan(sink), home=making)
        assert await service.post(body([alert(MODEL, "node")])) == 200
        await until(lambda: _is_told(making), "the model's first page is handed over and written down")
        await service.program.stop()
        await asyncio.to_thread(_fill, making / "responder.db", count)
        making.rename(home)
    return home


async def copy_of(ground: Ground, count: int) -> Path:
    """The same, and the round's own."""
    home = await crowd_of(ground, count)
    return Path(await asyncio.to_thread(shutil.copytree, home, ground.home / home.name))


def let_be_due(home: Path, moments: Iterable[tuple[int, datetime]]) -> None:
    """The timers of these incidents (by number) are due then. While the service does not run."""
    with _open(home) as connection:
        for number, moment in moments:
            name, at = f"I{number}", _micros(moment)
            of = ("escalation", name)
            since = connection.execute(
                "SELECT body ->> 'since' FROM records WHERE kind = ? AND id = ?", of
            ).fetchone()[0]
            connection.execute(
                "UPDATE records SET body = replace(body, ?, ?) WHERE kind = ? AND id = ?",
                (since, _iso(moment - RUNG), *of),
            )
            connection.execute(
                "UPDATE due SET at = ?, claimable_at = ? WHERE record_kind = ? AND record = ?", (at, at, *of)
            )


@contextmanager
def waiting(home: Path) -> Iterator[Callable[[datetime], int]]:
    """Counts the timers that are due until a moment and not worked off, as the database has committed it."""

    def count(moment: datetime) -> int:
        due = connection.execute(
            "SELECT count(*) FROM due WHERE kind = 'timer' AND claimable_at <= ?", (_micros(moment),)
        )
        return int(due.fetchone()[0])

    with _open(home) as connection:
        yield count


def is_handed_over(home: Path) -> bool:
    """Nothing is owed to any channel."""
    with _open(home) as connection:
        owed = connection.execute("SELECT 1 FROM due WHERE kind IN ('send', 'show') LIMIT 1")
        return owed.fetchone() is None


def _fill(database: Path, count: int) -> None:
    """Copy the incident I1 until there are `count`."""
    first, step = CLOCK.now() + FIRST, SPREAD / count
    moments = ((number, first + number * step) for number in range(2, count + 1))
    with _open(database.parent) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-262144")  # KiB
        connection.execute(
            "CREATE TEMP TABLE model AS SELECT body ->> 'since' AS since FROM records WHERE kind = 'escalation'"
        )
        connection.execute("CREATE TEMP TABLE copy (n INTEGER PRIMARY KEY, at INTEGER, since TEXT)")
        connection.executemany(
            "INSERT INTO copy VALUES (?, ?, ?)",
            ((number, _micros(at), _iso(at - RUNG)) for number, at in moments),
        )
        for statement in _COPY:
            connection.execute(statement)


def _is_told(home: Path) -> bool:
    with _open(home) as connection:
        return bool(connection.execute("SELECT 1 FROM audit WHERE why = 'escalation.reached'").fetchall())


@contextmanager
def _open(home: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(home / "responder.db", timeout=60)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
