"""Brings a database's schema up to this program's, or refuses one that a newer program has made."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from responder.core.errors import Permanent

MIGRATIONS = Path(__file__).with_name("migrations")


class Newer(Permanent):
    """The database was made by a newer program."""


def upgrade(connection: Connection, database: str, migrations: Path = MIGRATIONS) -> None:
    """Runs inside the caller's transaction, so that an upgrade happens as a whole or not at all.

    `database`: its name in messages. Raises Newer.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if unknown := sorted(found - known):
        raise Newer(
            f"{database} has schema {', '.join(unknown)}, which this responder does not know: a newer one has made it. "
            "Run that version or a later one, or restore a backup from before the upgrade; the file was not changed"
        )
    command.upgrade(config, "head")
