"""`responder db …`: moves an installation from SQLite to PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer

from responder.cli.options import Output, session_of

app = typer.Typer(no_args_is_help=True)


@app.callback()
def begin() -> None:
    """Databases: move from SQLite to PostgreSQL."""


@app.command()
def copy(
    context: typer.Context,
    from_: Annotated[
        str, typer.Option("--from", help="The SQLite database of a stopped installation.")
    ] = "sqlite:///var/responder.db",
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="An empty PostgreSQL database, as in RESPONDER_DATABASE_URL; without the option that variable, or the "
            "file that its ..._FILE names: others can read a password on a command line.",
            show_default=False,
        ),
    ] = "",
    output: Output = None,
) -> None:
    """Copy a stopped SQLite installation into an empty PostgreSQL database, and check every row of it.

    It happens as a whole or not at all, and the source stays as it is. Exit code 1 where it was not done.
    """
    from responder.cli.moving import move  # noqa: PLC0415  loaded when asked for

    move(session_of(context), from_, to)
