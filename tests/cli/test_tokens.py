from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from responder.adapters.storage.sqlite import open_sqlite
from responder.engine.commands import Role
from tests.cli.desk import Ran, run


async def test_an_admin_makes_a_token_with_which_a_person_acts(desk):
    env = {"RESPONDER_TOKEN": await desk.token_of(Role.ADMIN)}
    made = await desk.done("token", "create", "laptop", "--contact", "second", "--lasts", "90d", env=env)
    secret = made.out.strip()
    assert secret.startswith("rsp_")
    assert "made token laptop" in made.err
    assert "responder of second" in made.err

    await desk.world.fire("Disk", level="3")
    await desk.done("incidents", "ack", 1, env={"RESPONDER_TOKEN": secret})
    assert "second has it" in (await desk.done("incidents", "show", 1)).out

    listed = await desk.done("token", "list", env=env)
    assert "laptop" in listed.out
    assert "2027-02-21 12:00 UTC" in listed.out
    assert secret not in listed.out
    assert "revoked token laptop" in (await desk.done("token", "revoke", "laptop", env=env)).out
    assert (await desk.run("incidents", "list", env={"RESPONDER_TOKEN": secret})).code == 4
    assert "revoked 2026-11-23 12:00 UTC" in (await desk.done("token", "list", env=env)).out


async def test_without_an_admins_token_it_is_said_how_the_first_is_made(desk):
    ran = await desk.run("token", "create", "x")
    assert ran.code == 4
    assert "this needs the role admin; token responder first has responder" in ran.err.replace("\n  ", "; ")
    assert "the first admin's token is made while the service is stopped, with --offline" in ran.err


@pytest.mark.parametrize(
    "words, code, said",
    [
        (("create", "x", "--role", "king"), 2, "write one of viewer, responder, admin"),
        (("create", "../x"), 2, "is no name of a token"),
        (("create", "x", "--contact", "nobody"), 4, "nobody is no person in contacts.yaml"),
        (("create", "x", "--lasts", "soon"), 2, "lasts"),
        (("revoke", "x"), 1, "there is no valid token"),
        (("revoke", "a/b"), 2, "is no name of a token"),
    ],
    ids=str,
)
async def test_what_cannot_be_done_is_told(desk, words, code, said):
    ran = await desk.run("token", *words, env={"RESPONDER_TOKEN": await desk.token_of(Role.ADMIN)})
    assert ran.code == code, ran
    assert said in ran.err
    assert ran.out == ""


# In the database itself


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "own" / "responder.db"


def offline(database: Path, *words: object) -> Ran:
    env = {"RESPONDER_DATABASE_URL": f"sqlite:///{database}", "RESPONDER_URL": "http://127.0.0.1:9"}
    return run("token", *words, "--offline", env=env)


def test_the_first_token_is_made_in_the_database(database):
    made = offline(
        database, "create", "first", "--role", "admin", "--contact", "cto", "--output", "json"
    ).json()
    assert made["secret"].startswith("rsp_")
    assert (made["token"]["role"], made["token"]["contact"], made["token"]["expires_at"]) == (
        "admin",
        "cto",
        None,
    )
    listed = offline(database, "list", "--output", "json").json()
    assert [token["name"] for token in listed["tokens"]] == ["first"]
    assert set(listed["tokens"][0]) == set(made["token"])
    assert made["secret"] not in str(listed)
    again = offline(database, "create", "first")
    assert again.code == 4
    assert "a token called 'first' is valid already" in again.err
    assert offline(database, "revoke", made["token"]["id"]).code == 0
    assert offline(database, "revoke", "first").code == 1
    assert offline(database, "create", "first").code == 0


async def test_while_a_service_has_the_database_nothing_is_done_and_it_is_said_how(database):
    store = await open_sqlite(database)
    try:
        ran = await asyncio.to_thread(offline, database, "create", "x")
    finally:
        await store.close()
    assert ran.code == 4
    assert "is in use by process" in ran.err
    assert "leave --offline out" in ran.err
    assert (await asyncio.to_thread(offline, database, "list")).code == 0


@pytest.mark.parametrize(
    "words, code, said",
    [
        (("create", "x", "--contact", "nobody"), 4, "nobody is no person in contacts.yaml"),
        (("create", "x", "--contact", "on-call"), 4, "on-call is no person"),
        (("create", "x", "--lasts", "0s"), 2, "--lasts must be longer than nothing"),
        (("create", "x", "--lasts", "soon"), 2, "is no duration"),
    ],
    ids=str,
)
def test_the_database_is_no_way_around_the_rules(database, words, code, said):
    ran = offline(database, *words)
    assert ran.code == code, ran
    assert said in ran.err


@pytest.mark.parametrize(
    "env, code, said",
    [
        ({"RESPONDER_DATABASE_URL": "mysql://x"}, 2, "RESPONDER_DATABASE_URL"),
        ({"RESPONDER_POLICIES": "nowhere"}, 1, "there is no such folder"),
    ],
    ids=str,
)
def test_what_keeps_the_database_shut_is_told(env, code, said):
    ran = run("token", "list", "--offline", env=env)
    assert ran.code == code
    assert said in ran.err


async def test_where_nobody_answers_the_database_is_named(desk):
    ran = await desk.run("--url", "http://127.0.0.1:9", "token", "list")
    assert ran.code == 3
    assert "while it is stopped, --offline does it in the database" in ran.err
