"""`responder messages …`: how messages look, without a workspace to send them to."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from responder.cli.options import session_of
from responder.cli.outcome import Exit, Trouble

app = typer.Typer(no_args_is_help=True)


class Language(StrEnum):
    ENGLISH = "en"
    KOREAN = "ko"
    ALL = "all"


@app.callback()
def begin() -> None:
    """Messages: see how they look."""


@app.command()
def preview(
    context: typer.Context,
    locale: Annotated[Language, typer.Option("--locale", help="In which language.")] = Language.ALL,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="The file to write; else standard output.", show_default=False),
    ] = None,
) -> None:
    """Write an HTML page that shows made-up incidents as Slack would show them. No service is needed."""
    from responder.cli.examples import examples  # noqa: PLC0415  loaded when asked for
    from responder.cli.output import Terminal  # noqa: PLC0415  loaded when asked for
    from responder.dialects.slack.preview import page  # noqa: PLC0415  loaded when asked for

    chosen = ("en", "ko") if locale is Language.ALL else (locale.value,)
    html = page([(f"{each}: {caption}", post) for each in chosen for caption, post in examples(each)])
    if file is None:
        sys.stdout.write(html)
        return
    try:
        file.write_text(html, encoding="utf-8")
    except OSError as problem:
        raise Trouble(Exit.USAGE, f"{file} cannot be written: {problem.strerror}") from None
    Terminal(session_of(context).form).say(f"written to {file}; open it in a browser")
