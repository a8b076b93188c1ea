"""The servers themselves: what a test asks of one is what happens to it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.house.tree import ROOT
from tests.journeys.waiting import until
from tests.servers.postgresql import FAST, PASSWORD, SERVICE, Database, folder, pair, running, service_url

pytestmark = pytest.mark.postgresql


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_a_fresh_database_is_the_services_own(postgresql):
    database = postgresql.fresh()
    await ask(database.url, "CREATE TABLE t (id int)")
    assert await ask(database.url, "SELECT current_user") == SERVICE
    assert postgresql.sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'responder'") == "f"
    postgresql.drop(database)


async def test_a_wrong_password_is_refused(postgresql_database):
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host="127.0.0.1", port=postgresql_database.port, user=SERVICE, password="x", database="postgres"
        )
    assert PASSWORD not in postgresql_database.url, "it is spelled as a URL needs it"


async def test_what_was_committed_survives_a_kill():
    with running() as server:
        database = server.fresh()
        await ask(database.url, "CREATE TABLE t (id int)")
        await ask(database.url, "INSERT INTO t VALUES (7)")
        server.kill()
        assert not server.is_ready()
        server.start()
        assert await ask(database.url, "SELECT id FROM t") == 7


async def test_a_frozen_server_answers_nobody_until_it_is_thawed():
    with running(FAST) as server:
        database = server.fresh()
        server.freeze()
        with pytest.raises(TimeoutError):
            await asyncpg.connect(database.url, timeout=0.2)
        server.thaw()
        assert await ask(database.url, "SELECT 1") == 1


async def test_a_promoted_standby_has_what_was_committed_and_the_old_primary_refuses_writes():
    with pair(FAST) as (primary, standby):
        database = primary.fresh()
        await ask(database.url, "CREATE TABLE t (id int)")
        primary.kill()
        standby.promote()
        url = service_url(database.name, primary.port, standby.port)
        assert (
            await ask(f"{url}?target_session_attrs=read-write", "INSERT INTO t VALUES (7) RETURNING id") == 7
        )
        primary.follow(standby)
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await ask(Database(database.name, primary.port).url, "INSERT INTO t VALUES (8)")


STARTER = """
import sys
from tests.servers.postgresql import FAST, running
with running(FAST) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""


async def test_a_server_ends_with_the_process_that_started_it_however_that_ends():
    with folder() as place:
        starter = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", STARTER),
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(place)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert starter.stdout is not None
        pid = int(await starter.stdout.readline())
        assert not is_gone(pid)
        starter.kill()
        await starter.wait()
        await until(lambda: is_gone(pid), "the server is gone")
        left = list(place.iterdir())
        assert left
        await run_in(place, "from tests.servers.postgresql import folder\nwith folder(): pass")
        assert list(place.iterdir()) == [], "the next one removes what was left"


async def run_in(place: Path, code: str) -> None:
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), cwd=ROOT, env=os.environ | {"TMPDIR": str(place)}
    )
    assert await done.wait() == 0


def is_gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"
