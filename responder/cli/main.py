"""The command `responder`: every verb with its options, in one table; the work is imported when it is asked for.

Exit codes stand in `outcome`. docs/cli.md lists all of this and is held to it by a test.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from responder.cli import databases, incidents, messages, slack, tokens
from responder.cli.options import POLICIES, Output, Policies, begin, session_of
from responder.cli.outcome import Exit, Trouble


class Verbs(TyperGroup):
    """Trouble ends a command with its words on standard error and its exit code."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # typer's own Context is click's
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            from responder.cli.output import Terminal  # noqa: PLC0415  only where it is needed

            Terminal().complain(f"responder: {trouble.what}")
            if trouble.next:
                Terminal().hint(f"  {trouble.next}")
            raise typer.Exit(int(trouble.code)) from None


app = typer.Typer(
    name="responder",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,  # help texts are text, and start fast
    pretty_exceptions_enable=False,  # a traceback with the values of variables would show secrets
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.callback()(begin)
app.add_typer(incidents.app, name="incidents")
app.add_typer(tokens.app, name="token")
app.add_typer(messages.app, name="messages")
app.add_typer(slack.app, name="slack")
app.add_typer(databases.app, name="db")


@app.command()
def serve(context: typer.Context) -> None:
    """Run the service, with the settings of the environment. SIGTERM stops it, SIGHUP loads the policies again."""
    from responder.cli.serve import serve as work  # noqa: PLC0415  loaded when asked for

    raise typer.Exit(work(session_of(context).environ))


@app.command()
def check(
    context: typer.Context,
    policies: Policies = POLICIES,
    alertmanager: Annotated[
        list[Path] | None,
        typer.Option(
            "--alertmanager",
            help="An Alertmanager configuration: which levels would never reach us, and what else it would keep "
            "from us. May be given more than once.",
            show_default=False,
        ),
    ] = None,
    receiver: Annotated[
        list[str] | None,
        typer.Option(
            "--receiver",
            help="A receiver in that configuration that posts to us although its url does not end in "
            "/webhooks/alertmanager. May be given more than once.",
            show_default=False,
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Check the policies and their examples: every fault at once, with its line and what to write instead."""
    from responder.cli.policies import check as work  # noqa: PLC0415  loaded when asked for

    raise typer.Exit(work(session_of(context), policies, alertmanager or [], receiver or []))


@app.command()
def schema(
    context: typer.Context,
    document: Annotated[
        str, typer.Argument(help="A document, like levels; none = all of them, by name.", show_default=False)
    ] = "",
) -> None:
    """Print the JSON Schema of a policy document, for editors."""
    from responder.cli.policies import schema as work  # noqa: PLC0415  loaded when asked for

    work(session_of(context), document)


@app.command()
def explain(
    context: typer.Context,
    body: Annotated[
        Path, typer.Argument(help="A webhook body as Alertmanager posts it; - = standard input.")
    ],
    at: Annotated[
        str,
        typer.Option("--at", help="Count the ladder from this time, like 2026-11-23T03:00; else from now."),
    ] = "",
    policies: Policies = POLICIES,
    output: Output = None,
) -> None:
    """Say what would become of a body: rule, level and key of each alert, the ladder by the clock, who is reached how.

    Nothing is sent, and no service is needed: the policies and the environment say it all.
    """
    from responder.cli.explaining import explain as work  # noqa: PLC0415  loaded when asked for

    raise typer.Exit(work(session_of(context), body, at, policies))


@app.command()
def send(
    context: typer.Context,
    body: Annotated[
        Path | None,
        typer.Argument(
            help="A webhook body as Alertmanager posts it; - = standard input; none = a sample alert.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str,
        typer.Option(
            "--to", help="The webhook's address; else that of the service (--url).", show_default=False
        ),
    ] = "",
    alertname: Annotated[str, typer.Option("--alertname", help="Of the sample.")] = "ResponderSample",
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", help="NAME=VALUE, of the sample; may be given more than once.", show_default=False
        ),
    ] = None,
    level: Annotated[
        int | None,
        typer.Option(
            "--level",
            help="The sample's label `level`; else 2, unless --label gives a level or a severity.",
            min=1,
            max=4,
            show_default=False,
        ),
    ] = None,
    summary: Annotated[
        str, typer.Option("--summary", help="Of the sample.")
    ] = "A sample alert sent by hand: nothing is broken",
    resolved: Annotated[bool, typer.Option("--resolved", help="The sample has ended.")] = False,
    output: Output = None,
) -> None:
    """Send a body, or a sample alert, to the webhook, as Alertmanager would.

    The credential is RESPONDER_WEBHOOK_TOKEN or RESPONDER_WEBHOOK_BASIC, or the file that their ..._FILE names.
    """
    from responder.cli import sending  # noqa: PLC0415  loaded when asked for

    sample = sending.Sample(
        alertname=alertname, labels=label or [], level=level, summary=summary, resolved=resolved
    )
    sending.send(session_of(context), body, to, sample)


@app.command()
def replay(
    context: typer.Context,
    from_: Annotated[int, typer.Option("--from", help="The first journal row.", min=1)] = 1,
    until: Annotated[
        int | None,
        typer.Option("--until", help="The last journal row; else the newest.", min=1, show_default=False),
    ] = None,
    policies: Policies = POLICIES,
    output: Output = None,
) -> None:
    """Put the journal's bodies through the policies in a folder: which alerts would be treated otherwise?

    Compared is what they became. Nothing is changed or sent. Exit code 1 where something differs.
    """
    from responder.cli.journal import replay as work  # noqa: PLC0415  loaded when asked for

    raise typer.Exit(work(session_of(context), from_, until, policies))


@app.command()
def status(context: typer.Context, output: Output = None) -> None:
    """Say how the service itself is doing. Exit code 1 where it is not as it should be."""
    from responder.cli.status import status as work  # noqa: PLC0415  loaded when asked for

    raise typer.Exit(work(session_of(context)))


def main() -> None:
    """The entry point. What the terminal's encoding does not have is printed as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    app()


__all__ = ["Exit", "app", "main"]
