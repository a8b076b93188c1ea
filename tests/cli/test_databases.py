"""`responder db copy`, and tokens made in a PostgreSQL database, as people type them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from responder.adapters.storage.sqlite import open_sqlite
from tests.cli.desk import run
from tests.servers.postgresql import PASSWORD

pytestmark = pytest.mark.postgresql


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """An installation with one token."""
    path = tmp_path / "own" / "responder.db"
    made = run("token", "create", "first", "--offline", env={"RESPONDER_DATABASE_URL": f"sqlite:///{path}"})
    assert made.code == 0, made
    return path


def test_a_stopped_installation_moves_and_its_tokens_with_it(tmp_path, stopped, postgresql_database):
    (tmp_path / "url").write_text(postgresql_database.url + "\n", encoding="utf-8")
    env = {"RESPONDER_DATABASE_URL_FILE": str(tmp_path / "url")}
    copied = run("db", "copy", "--from", f"sqlite:///{stopped}", env=env)
    assert copied.code == 0, copied
    shown = f"postgresql://responder@127.0.0.1:{postgresql_database.port}/{postgresql_database.name}"
    assert copied.out == f"copied 1 rows from {stopped} to {shown}, and read each of them back\n"
    assert "tokens: 1\n" in copied.err
    assert "started on" in copied.err
    listed = run("token", "list", "--offline", "--output", "json", env=env)
    assert [token["name"] for token in listed.json()["tokens"]] == ["first"]
    again = run("db", "copy", "--from", f"sqlite:///{stopped}", env=env)
    assert again.code == 1
    assert "is not empty: its table tokens has rows" in again.err
    assert PASSWORD not in copied.out + copied.err + listed.err + again.err


def test_a_program_reads_what_was_copied(stopped, postgresql_database):
    copied = run(
        "db", "copy", "--from", f"sqlite:///{stopped}", "--to", postgresql_database.url, "-o", "json"
    )
    assert copied.code == 0, copied
    found = copied.json()
    assert (found["rows"], found["tables"]["tokens"], found["tables"]["audit"]) == (1, 1, 0)
    assert found["to"].startswith("postgresql://responder@127.0.0.1:")


async def test_one_that_runs_is_not_copied_and_it_is_said_why(stopped, postgresql_database):
    store = await open_sqlite(stopped)
    try:
        words = ("db", "copy", "--from", f"sqlite:///{stopped}", "--to", postgresql_database.url)
        refused = await asyncio.to_thread(run, *words)
    finally:
        await store.close()
    assert refused.code == 1
    assert "is in use by process" in refused.err
    assert "stop that process first" in refused.err
    assert "API" not in refused.err
    assert "nothing was copied" in refused.err


@pytest.mark.parametrize(
    "options, code, said",
    [
        ([], 2, "no target: --to is not given, and RESPONDER_DATABASE_URL is not set"),
        (["--to", "sqlite:///x.db"], 2, "--to: it is to be a PostgreSQL database"),
        (["--to", "postgresql://h/x"], 2, "--to: it names no user"),
        (["--from", "postgresql://u@h/x"], 2, "--from: it is to be a SQLite database"),
        (
            ["--from", "sqlite:///nowhere/at/all.db", "--to", "postgresql://u@h/x"],
            1,
            "there is no nowhere/at/all.db",
        ),
        (["--to", "postgresql://u:canary@127.0.0.1:1/x"], 1, "nothing was copied"),
    ],
    ids=str,
)
def test_what_cannot_be_copied_is_told(stopped, options, code, said):
    source = [] if "--from" in options else ["--from", f"sqlite:///{stopped}"]
    ran = run("db", "copy", *source, *options)
    assert ran.code == code, ran
    assert said in ran.err
    assert "canary" not in ran.err
    assert ran.out == ""


def test_a_file_that_is_no_database_is_not_copied(tmp_path, postgresql_database):
    path = tmp_path / "x.db"
    path.write_text("not a database, and long enough to be seen as none" * 50, encoding="utf-8")
    ran = run("db", "copy", "--from", f"sqlite:///{path}", "--to", postgresql_database.url)
    assert ran.code == 1
    assert "nothing was copied" in ran.err


def test_while_others_serve_from_it_a_token_can_be_made_in_a_postgresql_database(
    stopped, postgresql_database
):
    env = {"RESPONDER_DATABASE_URL": postgresql_database.url}
    made = run("token", "create", "admin", "--role", "admin", "--offline", env=env)
    assert made.code == 0, made
    assert made.out.startswith("rsp_")
    with closing(sqlite3.connect(stopped)) as raw:
        assert raw.execute("SELECT name FROM tokens").fetchall() == [("first",)]


@pytest.mark.parametrize("port", ["1", "nobody"])
def test_a_database_that_is_not_there_is_told_without_its_password(port):
    env = {"RESPONDER_DATABASE_URL": f"postgresql://u:canary@127.0.0.1:{port}/x"}
    ran = run("token", "list", "--offline", env=env)
    assert ran.code in (1, 2), ran
    assert "127.0.0.1" in ran.err or "a port is a number" in ran.err
    assert "canary" not in ran.err + ran.out
