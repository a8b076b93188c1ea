"""A full disk under SQLite, with the whole service on it: nothing is answered that is not kept, and room mends it.

The disk is full for the service alone: its files may not grow beyond what they have (RLIMIT_FSIZE).
"""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.faults.ledgers import warnings
from tests.faults.lives import ALERT, Lived, lived
from tests.faults.places import OnSqlite
from tests.journeys.side_by_side import Start, Stories
from tests.journeys.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

stories = Stories()
UNLIMITED = resource.RLIM_INFINITY
CLAIMED = {"point": "commit.claim", "outcome": "ok"}


@pytest.fixture(scope="module")
def told(request, tmp_path_factory):
    return stories.run(request, tmp_path_factory.mktemp("disk"))


def fill(found: Lived) -> None:
    files = [path for path in Path(found.life.home).iterdir() if path.is_file()]
    limit(found, max(path.stat().st_size for path in files))


def limit(found: Lived, size: int) -> None:
    pid = found.life.service.program.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))


async def is_ready(found: Lived) -> bool:
    return await found.life.service.text("/readyz") == "ready\n"


@stories.tell
async def test_a_full_disk_refuses_what_it_cannot_keep_and_room_mends_it(home: Path, start: Start) -> None:
    async with lived(home, OnSqlite(), start, second="4s") as found:
        await found.up()
        assert await found.post() == 200
        await found.settled(ALERT)

        fill(found)
        refused = [await found.post(f"Refused{number}") for number in range(5)]
        assert set(refused) == {503}
        assert await found.metric("responder_ingest_bodies_total", result="not-kept") == 5
        service = found.life.service
        assert await service.text("/healthz") == "alive\n"  # a restart would not mend it
        unready = await service.text("/readyz")
        assert "the database's disk" in unready
        assert str(home) not in unready
        assert [one["incident"] for one in await found.incidents()] == ["I1"]  # who looks is answered
        assert await found.ask("POST", "/api/v1/incidents/I1/note") == 400  # and a body is read as ever
        assert await found.ask("POST", "/api/v1/incidents/I1/ack") == 503  # no answer that is not kept
        await until(lambda: "loop kept from working" in warnings(found.log), "the timers cannot commit")

        limit(found, UNLIMITED)
        await found.post_until_taken("Refused0")
        await until(lambda: is_ready(found), "it is ready again")
        await found.settled("Refused0", people=2)
        story = await found.settled(ALERT, people=2)  # the second was due while the disk was full
        assert [page["contact"] for page in story["pages"]] == ["first", "second"]
        await found.ask_until_done("POST", "/api/v1/incidents/I1/ack")
        names = {one["key"].split('"')[1] for one in await found.incidents()}
        assert names == {ALERT, "Refused0"}
