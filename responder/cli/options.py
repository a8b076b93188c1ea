"""What is said the same way to every command: the output's form, the service's address, where a token lies.

`Session` is what a command works with. Nothing heavy is imported here, because `responder --help` reads it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from responder.cli.outcome import Exit, Trouble

URL = "http://127.0.0.1:8080"
TOKEN_FILE = Path("var/token")
POLICIES = Path("policies")


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`timezone` "": the computer's own. `token_file` None: the usual places are tried."""

    form: Format = Format.TABLE
    url: str = URL
    token_file: Path | None = None
    timezone: str = ""
    environ: Mapping[str, str]

    def token(self) -> str | None:
        """The API token; None where there is none. Raises Trouble where a file that was named cannot be read."""
        file = self._file_of_token()
        if file is None:
            return self.environ["RESPONDER_TOKEN"].strip()
        is_there = file is not TOKEN_FILE or TOKEN_FILE.exists()  # a file that was named has to be there
        return _read(file) if is_there else None

    def origin_of_token(self) -> str:
        """Where `token` looks: a file or a variable, in words."""
        file = self._file_of_token()
        return "the variable RESPONDER_TOKEN" if file is None else f"the file {file}"

    def _file_of_token(self) -> Path | None:
        """None: the variable holds it."""
        if self.token_file is not None:
            return self.token_file
        if self.environ.get("RESPONDER_TOKEN"):
            return None
        named = self.environ.get("RESPONDER_TOKEN_FILE")
        return Path(named) if named else TOKEN_FILE

    def secret(self, variable: str) -> str | None:
        """The variable's value, or the content of the file that its _FILE twin names; None where neither is set."""
        if value := self.environ.get(variable):
            return value
        named = self.environ.get(f"{variable}_FILE")
        return _read(Path(named)) if named else None

    def zone(self) -> ZoneInfo | None:
        """The reader's; None = the computer's own. Raises Trouble for a zone that there is none of."""
        if not self.timezone:
            return None
        try:
            return ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            what = f"there is no time zone {self.timezone!r}"
            raise Trouble(Exit.USAGE, what, "write it like Asia/Seoul") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise Trouble(
            Exit.USAGE,
            f"{path} cannot be read ({type(problem).__name__}), and a secret was to be in it",
            "the user who runs `responder serve` may read its token; --token-file names another",
        ) from None


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415  only where it is needed

        typer.echo(f"responder {version('responder')}")
        raise typer.Exit(int(Exit.DONE))


def begin(
    context: typer.Context,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="For people (table) or for programs (json).")
    ] = Format.TABLE,
    url: Annotated[str, typer.Option("--url", envvar="RESPONDER_URL", help="Where the service is.")] = URL,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            help="The file that holds the API token. Else RESPONDER_TOKEN, the file that RESPONDER_TOKEN_FILE "
            f"names, and {TOKEN_FILE} are tried, in this order.",
            show_default=False,
        ),
    ] = None,
    timezone: Annotated[
        str,
        typer.Option(
            "--timezone",
            envvar="RESPONDER_TIMEZONE",
            help="The zone of the times that are shown, like Asia/Seoul; else the computer's own.",
        ),
    ] = "",
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which this is, and end."),
    ] = False,
) -> None:
    """Alerts become incidents, and somebody answers."""
    del version  # it has been told
    context.obj = Session(
        form=output, url=url.rstrip("/"), token_file=token_file, timezone=timezone, environ=os.environ
    )


def session_of(context: typer.Context) -> Session:
    assert isinstance(context.obj, Session)
    return context.obj


def _with_output(context: typer.Context, value: Format | None) -> Format | None:
    """The option stands on every command too, because that is where people write it."""
    if value is not None and isinstance(context.obj, Session):
        context.obj = replace(context.obj, form=value)
    return value


Output = Annotated[
    Format | None,
    typer.Option(
        "--output",
        "-o",
        callback=_with_output,
        help="As the option of the same name before the command.",
        show_default=False,
    ),
]
Policies = Annotated[
    Path, typer.Option("--policies", envvar="RESPONDER_POLICIES", help="The folder of the policies.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.")]
