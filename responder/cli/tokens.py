"""`responder token …`: who may come to the API. Through the API with an admin's token, or in the database itself.

The first admin's token can only be made in the database, while no service has it open: that is `--offline`.
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

import typer

from responder.cli.options import Output, Session, session_of
from responder.cli.outcome import Exit, Forbidden, Trouble

app = typer.Typer(no_args_is_help=True, help="Tokens for the API: make, list, revoke.")

ROLES = ("viewer", "responder", "admin")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,62}", re.ASCII)

Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        help="In the database that RESPONDER_DATABASE_URL names, without a service; refused while one holds SQLite's.",
    ),
]


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for, or whose it is.", show_default=False)],
    role: Annotated[
        str, typer.Option("--role", help="viewer sees, responder acts on incidents, admin also makes tokens.")
    ] = "responder",
    contact: Annotated[
        str,
        typer.Option(
            "--contact",
            help="The person in contacts.yaml as whom it acts; acknowledging needs one.",
            show_default=False,
        ),
    ] = "",
    lasts: Annotated[
        str, typer.Option("--lasts", help="How long, like 90d; else until it is revoked.", show_default=False)
    ] = "",
    offline: Offline = False,
    output: Output = None,
) -> None:
    """Make a token. It is printed this once, alone on standard output."""
    if role not in ROLES:
        raise Trouble(Exit.USAGE, f"there is no role {role!r}", f"write one of {', '.join(ROLES)}")
    wanted = {"name": _name(name), "role": role, "contact": contact, "lasts": lasts}
    session = session_of(context)
    made = _done(
        session, "POST", "/tokens", {word: said for word, said in wanted.items() if said}, offline=offline
    )
    terminal = _terminal(session)
    if terminal.is_json:
        terminal.json(made)
        return
    terminal.hint(f"made {_told(made['token'])}; this is all there will ever be of it:")
    terminal.say(made["secret"])


@app.command("list")
def list_(context: typer.Context, offline: Offline = False, output: Output = None) -> None:
    """List every token, valid or not; never what it says."""
    session = session_of(context)
    found = _done(session, "GET", "/tokens", None, offline=offline)
    terminal = _terminal(session)
    if terminal.is_json:
        terminal.json(found)
        return
    rows = [
        (
            each["id"],
            each["name"],
            each["role"],
            each["contact"] or "-",
            terminal.moment(each["created_at"]),
            terminal.moment(each["used_at"]) or "never",
            _ends(each, terminal.moment),
        )
        for each in found["tokens"]
    ]
    terminal.table(("id", "name", "role", "contact", "made", "used", "ends"), rows)


@app.command()
def revoke(
    context: typer.Context,
    token: Annotated[
        str, typer.Argument(help="Its id or its name, as `list` shows them.", show_default=False)
    ],
    offline: Offline = False,
    output: Output = None,
) -> None:
    """End a token, from now on."""
    session = session_of(context)
    revoked = _done(session, "DELETE", f"/tokens/{_name(token)}", None, offline=offline)
    terminal = _terminal(session)
    if terminal.is_json:
        terminal.json(revoked)
    else:
        terminal.say(f"revoked {_told(revoked)}")


def _done(
    session: Session, method: str, path: str, body: dict[str, str] | None, *, offline: bool
) -> dict[str, Any]:
    """The API's answer, or what the API would answer, from the database."""
    from responder.cli.client import ask  # noqa: PLC0415  aiohttp takes longer to load than the help may

    if not offline:
        try:
            return asyncio.run(ask(session, method, path, body))
        except Trouble as trouble:
            raise _with_a_way(trouble) from None
    from responder.cli.offline import tokens  # noqa: PLC0415  loaded when asked for

    return asyncio.run(tokens(session.environ, method, path.removeprefix("/tokens").strip("/"), body or {}))


def _with_a_way(trouble: Trouble) -> Trouble:
    if isinstance(trouble, Forbidden):
        next_ = (
            f"{trouble.next}; the first admin's token is made while the service is stopped, with --offline"
        )
    elif trouble.code is Exit.UNREACHABLE:
        next_ = f"{trouble.next}; while it is stopped, --offline does it in the database"
    else:
        return trouble
    return Trouble(trouble.code, trouble.what, next_.removeprefix("; "))


def _name(written: str) -> str:
    if not _NAME.fullmatch(written):
        what = f"{written!r} is no name of a token"
        raise Trouble(Exit.USAGE, what, "letters, digits, space and . _ @ -, at most 63 of them")
    return written


def _told(token: dict[str, Any]) -> str:
    whose = f" of {token['contact']}" if token["contact"] else ""
    return f"token {token['name']} ({token['id']}, {token['role']}{whose})"


def _ends(token: dict[str, Any], moment: Any) -> str:
    if token["revoked_at"]:
        return f"revoked {moment(token['revoked_at'])}"
    return moment(token["expires_at"]) or "-"


def _terminal(session: Session) -> Any:
    from responder.cli.output import Terminal  # noqa: PLC0415  loaded when asked for

    return Terminal(session.form, session.zone())
