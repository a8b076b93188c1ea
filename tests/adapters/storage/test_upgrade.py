"""The schema: made and brought up to date by the migrations, whole or not at all, and never by an older program."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copytree

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from responder.adapters.storage.sqlite import open_sqlite
from responder.adapters.storage.tables import METADATA
from responder.adapters.storage.upgrade import MIGRATIONS, Newer, upgrade
from tests.builders import I1, NOON, incident, summary

HEAD = ScriptDirectory(str(MIGRATIONS)).get_current_head()
STEP = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
{oldest}


def upgrade() -> None:
    op.create_table("added", sa.Column("id", sa.Integer()))
    {more}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "responder.db"


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as plain:
        return {row[0] for row in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def migrations_with(directory: Path, more: str, oldest: str = "") -> Path:
    """This program's own, and one step after them that adds a table."""
    copied = copytree(MIGRATIONS, directory / "migrations")
    step = STEP.format(more=more, oldest=oldest, head=HEAD)
    (copied / "versions" / "9999_next.py").write_text(step, encoding="utf-8")
    return copied


def run(path: Path, migrations: Path) -> None:
    engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                upgrade(connection, str(path), migrations)
                connection.exec_driver_sql("COMMIT")
            finally:
                if connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
                    connection.exec_driver_sql("ROLLBACK")
    finally:
        engine.dispose()


async def test_the_migrations_make_the_tables_that_the_code_uses(path):
    await (await open_sqlite(path)).close()
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": False})
            assert compare_metadata(context, METADATA) == []
    finally:
        engine.dispose()


async def test_the_migrations_make_the_same_sql_as_the_tables(path, tmp_path):
    """compare_metadata is silent on partial indexes, keys and AUTOINCREMENT; their SQL is not."""
    await (await open_sqlite(path)).close()
    other = tmp_path / "other.db"
    engine = create_engine(f"sqlite:///{other}")
    METADATA.create_all(engine)
    engine.dispose()
    assert schema(path) == schema(other)


def schema(path: Path) -> set[str]:
    """What SQLite itself knows of each table and index."""
    with closing(sqlite3.connect(path)) as plain:
        found = set()
        for kind, name, sql in plain.execute("SELECT type, name, sql FROM sqlite_master"):
            if name.startswith("sqlite_") or "alembic" in name:
                continue
            columns = plain.execute(f"PRAGMA table_info('{name}')").fetchall()
            keys = plain.execute(f"PRAGMA foreign_key_list('{name}')").fetchall()
            indexes = [row[1:] for row in plain.execute(f"PRAGMA index_list('{name}')")]
            index = sql if kind == "index" else ""
            found.add(
                repr((kind, name, columns, keys, sorted(indexes), index, "AUTOINCREMENT" in (sql or "")))
            )
    return found


async def test_what_was_stored_before_an_upgrade_is_there_after_it(path, tmp_path):
    store = await open_sqlite(path)
    async with store.unit() as unit:
        await unit.put_record(incident(), NOON)
        await unit.put_summary(summary())
    await store.close()
    run(path, migrations_with(tmp_path, "pass"))
    assert "added" in tables(path)
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("SELECT incident FROM summaries").fetchall() == [(I1,)]


async def test_an_upgrade_that_fails_half_way_changes_nothing(path, tmp_path):
    await (await open_sqlite(path)).close()
    before = tables(path)
    with pytest.raises(ZeroDivisionError):
        run(path, migrations_with(tmp_path, "1 / 0"))
    assert tables(path) == before
    await (await open_sqlite(path)).close()


def run_to(path: Path, revision: str) -> None:
    """As a program of that time left it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


async def test_what_was_over_before_it_was_noted_since_when_ended_with_the_last_decision(path):
    run_to(path, "0002")
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.executemany(
            "INSERT INTO records (kind, id, incident, live, body) VALUES ('notice', ?, ?, ?, '{}')",
            [("a.1/slack", None, False), ("b.1/slack", None, True), ("I1/slack", "I1", False)],
        )
        plain.executemany(
            "INSERT INTO audit (at, record_kind, record, event, why, actor, revision, details) "
            "VALUES (?, 'notice', 'a.1/slack', '', '', '', 0, '{}')",
            [(1,), (7,), (5,)],
        )
    await (await open_sqlite(path)).close()
    with closing(sqlite3.connect(path)) as plain:
        found = dict(plain.execute("SELECT id, ended_at FROM records").fetchall())
    assert found == {"a.1/slack": 7, "b.1/slack": None, "I1/slack": None}


async def test_opening_again_changes_nothing(path):
    await (await open_sqlite(path)).close()
    before = path.read_bytes()
    await (await open_sqlite(path)).close()
    assert path.read_bytes() == before


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(path, tmp_path):
    await (await open_sqlite(path)).close()
    run(path, migrations_with(tmp_path, "pass"))
    before = path.read_bytes()
    with pytest.raises(
        Newer, match=r"responder\.db has schema 9999, .* a newer one has made it\. Run that version"
    ):
        await open_sqlite(path)
    assert path.read_bytes() == before
    with pytest.raises(Newer):  # and not InUse: the lock was given back
        await open_sqlite(path)


@pytest.mark.parametrize("oldest", ["0002", "0003", HEAD])
async def test_a_newer_schema_that_only_adds_to_ours_is_worked_on_as_it_is(path, tmp_path, oldest):
    await (await open_sqlite(path)).close()
    run(path, migrations_with(tmp_path, "pass", f'oldest = "{oldest}"'))
    before = schema(path)
    for id_ in ("I1", "I2"):
        store = await open_sqlite(path)
        async with store.unit() as unit:
            await unit.put_record(incident(id_), NOON)
        await store.close()
    assert schema(path) == before


async def test_one_that_reaches_back_only_to_programs_newer_than_ours_is_refused(path, tmp_path):
    await (await open_sqlite(path)).close()
    run(path, migrations_with(tmp_path, "pass", 'oldest = "9998"'))
    with pytest.raises(Newer):
        await open_sqlite(path)


async def test_a_step_that_shuts_older_programs_out_does_so_whatever_those_before_it_said(path, tmp_path):
    await (await open_sqlite(path)).close()
    migrations = migrations_with(tmp_path, "pass", 'oldest = "0003"')
    run(path, migrations)
    await (await open_sqlite(path)).close()
    breaking = STEP.format(more="pass", oldest="", head="9999").replace("added", "changed")
    breaking = breaking.replace('revision = "9999"\ndown', 'revision = "99991"\ndown')
    (migrations / "versions" / "99991_breaking.py").write_text(breaking, encoding="utf-8")
    run(path, migrations)
    with pytest.raises(Newer, match="99991"):
        await open_sqlite(path)
