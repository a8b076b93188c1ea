"""`responder incidents …`: what people see of incidents and do about them, through the API.

Here are the commands and their options; how an incident reads is `story`'s, how the API is spoken `client`'s.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from responder.cli.given import labels_of
from responder.cli.options import Format, Output, Session, session_of
from responder.cli.outcome import Exit, NotThere, Trouble

if TYPE_CHECKING:
    from responder.cli.client import Api

app = typer.Typer(no_args_is_help=True, help="See incidents, and act on them.")
duty = typer.Typer(
    no_args_is_help=True, help="What is owed to the outside: say that it was sent, or waive it."
)
app.add_typer(duty, name="duty")

OPEN = "open,acknowledged,snoozed,suppressed"
NAMED = 5  # incidents that are named where one is unknown

Id = Annotated[str, typer.Argument(help="The incident, like I42.", show_default=False)]
OrDigest = Annotated[
    str, typer.Argument(help="The incident, like I42, or a storm's digest, like D57.", show_default=False)
]
Length = Annotated[str, typer.Option("--for", help="How long, like 30m or 1h30m.", show_default=False)]


def through(session: Session, work: Callable[[Api], Awaitable[None]]) -> None:
    """Do `work` with the API."""
    from responder.cli.client import open_api  # noqa: PLC0415  aiohttp takes longer to load than the help may

    async def run() -> None:
        async with open_api(session) as api:
            await work(api)

    asyncio.run(run())


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            help="open, acknowledged, snoozed, suppressed, resolved or closed; may be given "
            "more than once. "
            "Else all that are not closed.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[
        list[int] | None,
        typer.Option(
            "--level", help="1 to 4; may be given more than once.", min=1, max=4, show_default=False
        ),
    ] = None,
    holder: Annotated[str, typer.Option("--holder", help="The contact who has acknowledged.")] = "",
    rule: Annotated[str, typer.Option("--rule", help="The triage rule.")] = "",
    text: Annotated[str, typer.Option("--text", help="Anywhere in title or key.")] = "",
    limit: Annotated[int, typer.Option("--limit", help="How many at the most.", min=1, max=200)] = 50,
    before: Annotated[
        int | None, typer.Option("--before", help="What the page before said comes next.", show_default=False)
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    output: Output = None,
) -> None:
    """List incidents, newest first."""
    from responder.cli.story import tell_list  # noqa: PLC0415  loaded when asked for

    session = session_of(context)
    states = state or ([] if all_ else ["open", "acknowledged", "snoozed", "suppressed", "resolved"])
    query: dict[str, object] = {
        "state": ",".join(states),
        "level": ",".join(map(str, level or [])),
        "holder": holder,
        "rule": rule,
        "text": text,
        "limit": limit,
        "before": before,
    }

    async def work(api: Api) -> None:
        tell_list(session, await api.get("/incidents", query))

    through(session, work)


@app.command()
def show(context: typer.Context, incident: OrDigest, output: Output = None) -> None:
    """Show one incident, whole: what, since when, who has it, what comes next, every page and attempt, why.

    Of a digest (D57) all that it carries, as it stands now.
    """
    from responder.cli.story import tell_digest, tell_story  # noqa: PLC0415  loaded when asked for

    session = session_of(context)

    async def work(api: Api) -> None:
        name = _id(incident)
        if name.startswith("D"):
            tell_digest(session, await api.get(f"/digests/{name}"))
            return
        path = f"/incidents/{name}"
        try:
            story = await api.get(path)
        except NotThere as missing:
            raise await _with_open_ones(api, path, missing) from None
        tell_story(session, story)

    through(session, work)


@app.command()
def watch(
    context: typer.Context,
    every: Annotated[int, typer.Option("--every", help="Seconds between two looks.", min=1, max=3600)] = 2,
    output: Output = None,
) -> None:
    """Print what changes, a line for each, until Ctrl-C."""
    from responder.cli.watch import watch as look  # noqa: PLC0415  loaded when asked for

    session = session_of(context)
    try:
        through(session, lambda api: look(session, api, every))
    except KeyboardInterrupt:
        raise typer.Exit(Exit.DONE) from None


@app.command()
def declare(
    context: typer.Context,
    title: Annotated[str, typer.Argument(help="What is wrong, in one line.", show_default=False)],
    level: Annotated[int, typer.Option("--level", help="1 to 4.", min=1, max=4, show_default=False)],
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="NAME=VALUE; may be given more than once.", show_default=False),
    ] = None,
    output: Output = None,
) -> None:
    """Open an incident by hand: a dead cloud sends no alert."""
    body = {"title": title, "level": level, "labels": labels_of(label or [])}
    _act(context, "/incidents", body)


@app.command()
def ack(
    context: typer.Context,
    incident: OrDigest,
    length: Annotated[
        str,
        typer.Option(
            "--for",
            help="How long you take it, like 30m; else as long as the level allows.",
            show_default=False,
        ),
    ] = "",
    output: Output = None,
) -> None:
    """Take it: nobody else is paged, until your acknowledgement ends.

    At levels 3 and 4 more alerts that join end it too: the trouble has grown.
    """
    _command(context, incident, "ack", {"for": length} if length else {})


@app.command()
def unack(context: typer.Context, incident: Id, output: Output = None) -> None:
    """Give it back: paging goes on at once."""
    _command(context, incident, "unack", {})


@app.command()
def resolve(
    context: typer.Context,
    incident: Id,
    reason: Annotated[str, typer.Option("--reason", help="What ended it; it stands in the audit.")] = "",
    output: Output = None,
) -> None:
    """Say that it is over. Where alerts still fire it opens again after a while."""
    _command(context, incident, "resolve", {"reason": reason})


@app.command()
def level(
    context: typer.Context,
    incident: Id,
    level: Annotated[int, typer.Argument(help="1 to 4.", min=1, max=4, show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.", show_default=False)],
    output: Output = None,
) -> None:
    """Set its level. A rise starts the higher ladder at once."""
    _command(context, incident, "level", {"level": level, "reason": reason})


@app.command()
def escalate(context: typer.Context, incident: Id, output: Output = None) -> None:
    """Page the next step of the ladder now."""
    _command(context, incident, "escalate", {})


@app.command()
def snooze(context: typer.Context, incident: Id, length: Length, output: Output = None) -> None:
    """Let nobody be paged for a while; the level says how long at the most."""
    _command(context, incident, "snooze", {"for": length})


@app.command()
def note(
    context: typer.Context,
    incident: Id,
    text: Annotated[str, typer.Argument(help="What to write down.", show_default=False)],
    output: Output = None,
) -> None:
    """Leave a note on the record."""
    _command(context, incident, "note", {"text": text})


@duty.command("sent")
def duty_sent(
    context: typer.Context,
    incident: Id,
    name: Annotated[
        str, typer.Argument(metavar="DUTY", help="Its name, as `show` lists it.", show_default=False)
    ],
    proof: Annotated[
        str, typer.Option("--proof", help="Where it can be seen that it was sent.", show_default=False)
    ],
    output: Output = None,
) -> None:
    """Say that a duty was done, with the proof."""
    _command(context, incident, f"duties/{_duty(name)}/sent", {"proof": proof})


@duty.command("waive")
def duty_waive(
    context: typer.Context,
    incident: Id,
    name: Annotated[
        str, typer.Argument(metavar="DUTY", help="Its name, as `show` lists it.", show_default=False)
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.", show_default=False)],
    output: Output = None,
) -> None:
    """Decide, by name, that a duty is not to be done."""
    _command(context, incident, f"duties/{_duty(name)}/waive", {"reason": reason})


@app.command()
def repin(
    context: typer.Context,
    incident: Id,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; the difference is shown all the same.")
    ] = False,
    output: Output = None,
) -> None:
    """Move an incident to today's policies, after showing what that changes."""
    from responder.cli.story import tell_difference, tell_reply  # noqa: PLC0415  loaded when asked for

    session = session_of(context)

    async def work(api: Api) -> None:
        path = f"/incidents/{_id(incident)}/repin"
        try:
            difference = await api.get(path)
        except NotThere as missing:
            raise await _with_open_ones(api, path, missing) from None
        tell_difference(session, difference)
        if not difference["lines"]:
            return
        if not (yes or typer.confirm("Move it?", default=False, err=True)):
            raise Trouble(Exit.NOT_SO, f"{difference['incident']} stays with what it was promised")
        tell_reply(session, await api.post(path, {"pin": difference["pin"]}))

    through(session, work)


# What they share

_ID = re.compile(r"(?P<mark>[IiDd])?(?P<number>\d{1,18})", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)


def _id(written: str) -> str:
    """`42` and `i42` are I42, `d42` is the digest D42. Raises Trouble for what names no incident."""
    found = _ID.fullmatch(written.strip())
    if found is None:
        raise Trouble(
            Exit.USAGE,
            f"{written!r} is no incident",
            "they are called like I42; see `responder incidents list`",
        )
    return f"{(found['mark'] or 'I').upper()}{int(found['number'])}"


def _duty(written: str) -> str:
    if not _NAME.fullmatch(written):
        raise Trouble(
            Exit.USAGE,
            f"{written!r} is no duty",
            "`responder incidents show` lists an incident's duties by name",
        )
    return written


def _command(context: typer.Context, incident: str, verb: str, body: dict[str, object]) -> None:
    _act(context, f"/incidents/{_id(incident)}/{verb}", body)


def _act(context: typer.Context, path: str, body: dict[str, object]) -> None:
    from responder.cli.story import tell_reply  # noqa: PLC0415  loaded when asked for

    session = session_of(context)

    async def work(api: Api) -> None:
        try:
            reply = await api.post(path, body)
        except NotThere as missing:
            raise await _with_open_ones(api, path, missing) from None
        remark = "" if session.form is Format.JSON else await _remark(api, reply, str(body.get("for", "")))
        tell_reply(session, reply, remark)

    through(session, work)


async def _remark(api: Api, reply: dict[str, Any], wanted: str) -> str:
    """What was asked for is done by now; that the remark on it cannot be had is no trouble, and said."""
    from responder.cli.client import is_cut_short  # noqa: PLC0415  loaded when asked for

    try:
        return "(as long as this level allows)" if await is_cut_short(api, reply, wanted) else ""
    except Trouble as trouble:
        return f"(whether that is as long as asked for is not known: {trouble.what})"


async def _with_open_ones(api: Api, path: str, missing: NotThere) -> Trouble:
    """The same trouble; where it is the incident that there is none of, with those that there are."""
    incident = "/".join(path.split("/")[:3])
    try:
        if path != incident:
            await api.get(incident)
            return missing
    except NotThere:
        pass
    found = (await api.get("/incidents", {"state": OPEN, "limit": NAMED}))["incidents"]
    listed = ", ".join(f"{each['incident']} ({each['title']})" for each in found)
    return Trouble(missing.code, missing.what, f"open now: {listed}" if listed else "none is open now")
