"""The work of `responder db copy`: what is said while an installation moves, and when it has."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

from responder import app
from responder.adapters.storage.moving import Moved
from responder.cli.options import Session
from responder.cli.outcome import Exit, Trouble
from responder.cli.output import Terminal
from responder.core.errors import Failure, Unsure
from responder.settings import PREFIX, Servers, database

T = TypeVar("T", Path, Servers)

VARIABLE = f"{PREFIX}DATABASE_URL"


def move(session: Session, source: str, target: str) -> None:
    """Raises Trouble: USAGE for URLs that make no sense, NOT_SO where nothing was copied."""
    path = _named(source, "--from", Path, "a SQLite database, like sqlite:///var/responder.db")
    if not path.exists():
        raise Trouble(Exit.NOT_SO, f"--from: there is no {path}")
    wanted = "a PostgreSQL database, like postgresql://responder:password@db:5432/responder"
    named = target or session.secret(VARIABLE)
    if not named:
        raise Trouble(Exit.USAGE, f"no target: --to is not given, and {VARIABLE} is not set")
    servers = _named(named, "--to" if target else VARIABLE, Servers, wanted)
    terminal = Terminal(session.form)
    try:
        moved = asyncio.run(app.move_database(path, servers, lambda one: _tell(terminal, one)))
    except Unsure as failure:
        raise Trouble(
            Exit.NOT_SO, str(failure), "it may have been done: ask again, which refuses what is there"
        ) from None
    except Failure as failure:
        raise Trouble(Exit.NOT_SO, str(failure), "nothing was copied") from None
    rows = sum(one.rows for one in moved)
    if terminal.is_json:
        told = {
            "from": str(path),
            "to": str(servers),
            "rows": rows,
            "tables": {one.table: one.rows for one in moved},
        }
        terminal.json(told)
        return
    terminal.say(f"copied {rows} rows from {path} to {servers}, and read each of them back")
    terminal.hint(
        f"set {VARIABLE} for every `responder serve`; started on {path} again, it would page beside them"
    )


def _tell(terminal: Terminal, moved: Moved) -> None:
    terminal.hint(f"  {moved.table}: {moved.rows}")


def _named(url: str, where: str, kind: type[T], wanted: str) -> T:
    try:
        found = database(url)
    except ValueError as wrong:
        raise Trouble(Exit.USAGE, f"{where}: {wrong}") from None
    if not isinstance(found, kind):
        raise Trouble(Exit.USAGE, f"{where}: it is to be {wanted}")
    return found
