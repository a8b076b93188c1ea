"""Brings a database's schema up to this program's, or refuses one that a newer program has made.

Replicas are replaced one after another, so for a while an older program works on the newer one's schema. A migration
that only adds (a table, a column that is NULL or has a default, an index) says so with `oldest`, the oldest revision
whose programs can work on what it makes; the database keeps that in `reach`, where programs read it that have never
heard of the migration. One without `oldest` shuts older programs out.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, inspect, select

from responder.adapters.storage.tables import reach
from responder.core.errors import Permanent

MIGRATIONS = Path(__file__).with_name("migrations")


class Newer(Permanent):
    """The database was made by a newer program."""


def upgrade(connection: Connection, database: str, migrations: Path = MIGRATIONS) -> None:
    """Runs inside the caller's transaction, so that an upgrade happens as a whole or not at all.

    `database`: its name in messages. A newer schema that reaches back to this program is left as it is. Raises Newer.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if unknown := sorted(found - known):
        if _oldest(connection, unknown) <= known:
            return
        raise Newer(
            f"{database} has schema {', '.join(unknown)}, which this responder does not know: a newer one has made it. "
            "Run that version or a later one, or restore a backup from before the upgrade; nothing was changed"
        )
    heads = set(scripts.get_heads())
    if found != heads:
        command.upgrade(config, "head")
        _note_reach(connection, scripts, heads)


def _oldest(connection: Connection, revisions: Collection[str]) -> set[str]:
    """How far back these reach, each by its own word; without one, to itself."""
    said: dict[str, str] = {}
    if inspect(connection).has_table(reach.name):
        rows = connection.execute(select(reach).where(reach.c.revision.in_(revisions)))
        said = {row.revision: row.oldest for row in rows}
    return {said.get(revision, revision) for revision in revisions}


def _note_reach(connection: Connection, scripts: ScriptDirectory, heads: Collection[str]) -> None:
    said = {head: getattr(scripts.get_revision(head).module, "oldest", head) for head in heads}
    connection.execute(delete(reach))
    connection.execute(insert(reach), [{"revision": head, "oldest": oldest} for head, oldest in said.items()])
