"""`responder slack …`: the app in Slack: what to make it from, and whether everything that it needs is there."""

from __future__ import annotations

from typing import Annotated

import typer

from responder.cli.options import POLICIES, Output, Policies, session_of

app = typer.Typer(no_args_is_help=True)

EXAMPLE = "https://responder.example"


@app.callback()
def begin() -> None:
    """Slack: make the app, and check it."""


@app.command()
def check(context: typer.Context, policies: Policies = POLICIES, output: Output = None) -> None:
    """Check the app's token, scopes, channels, people and secrets, and say what to mend. Exit code 1 where it is wrong.

    The settings of the service are read, and Slack is asked. Nothing is sent, and no service is needed.
    """
    from responder.cli.checkup import check as work  # noqa: PLC0415  loaded when asked for

    raise typer.Exit(work(session_of(context), policies))


@app.command()
def manifest(
    context: typer.Context,
    url: Annotated[
        str,
        typer.Option("--url", help="Where Slack reaches this service, https.", show_default=False),
    ] = "",
    socket: Annotated[
        bool,
        typer.Option("--socket", help="For Socket Mode: Slack needs no address of ours."),
    ] = False,
    output: Output = None,
) -> None:
    """Print the app's manifest, to paste at api.slack.com/apps: Create New App, From a manifest."""
    from responder.cli.checkup import manifest as work  # noqa: PLC0415  loaded when asked for

    work(session_of(context), url, EXAMPLE, is_socket=socket)
