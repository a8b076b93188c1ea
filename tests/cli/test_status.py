"""`responder status`, also while the service has no database to look the token up in."""

from __future__ import annotations

from responder.core.errors import Transient
from responder.engine.replicas import Name
from tests.cli.desk import at_desk
from tests.engine.world import make_world
from tests.fakes.store import MemoryStore
from tests.web.faults import Trouble

FULL = Transient("/var/lib/responder.db: disk is full (SQLITE_FULL)", outward="the database's disk is full")


class Shared(MemoryStore):
    is_exclusive = False


async def test_it_says_whether_the_service_is_ready_and_what_its_loops_do(desk):
    ran = await desk.done("status")
    assert f"{desk.url}: ready" in ran.out
    assert (await desk.done("status", "--output", "json")).json()["ready"]


async def test_it_says_how_many_work_on_a_database_that_is_shared():
    store = Shared()
    async with at_desk(await make_world(store)) as desk:
        other = await make_world(store, clock=desk.world.clock, name=Name(id="elsewhere", version="1.0.0"))
        for world in (desk.world, other):
            await world.service.replicas.load()
        assert "  replicas: 2\n" in (await desk.done("status")).out
        desk.world.clock.advance(minutes=10)
        await desk.world.service.replicas.tell()
        assert "  replicas: 1\n" in (await desk.done("status")).out


async def test_of_a_database_of_its_own_it_says_nothing_of_the_kind(desk):
    assert "replicas:" not in (await desk.done("status")).out


async def test_without_a_database_it_says_what_the_service_tells_anybody():
    trouble = Trouble()
    async with at_desk(await make_world(MemoryStore(), faults=trouble)) as desk:
        trouble.failures = {"read.token": FULL, "commit.replica": FULL}
        desk.world.service.supervisor.start("replicas", desk.world.service.replicas.load)
        await desk.world.clock.until_sleeping()
        ran = await desk.run("status")
        assert ran.code == 1
        assert f"{desk.url}: NOT READY" in ran.out
        assert (
            "store: it has taken no commit since 2026-11-23T12:00:00+00:00: the database's disk is full"
            in ran.out
        )
        assert "nothing more can be had: the database's disk is full" in ran.err
        said = (await desk.run("status", "--output", "json")).json()
        assert not said["ready"]
        assert set(said["problems"]) == {"store", "loop replicas"}
        await desk.world.service.supervisor.stop()


async def test_where_it_is_ready_all_the_same_the_trouble_is_told():
    trouble = Trouble()
    async with at_desk(await make_world(MemoryStore(), faults=trouble)) as desk:
        trouble.failures = {"read.token": FULL}
        ran = await desk.run("status")
        assert ran.code == 3
        assert "the database's disk is full" in ran.err
        assert ran.out == ""
