"""`responder status`: how the service itself is doing, in lines.

Where the service cannot even look the token up, what it tells anybody (/readyz) is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from responder.cli.client import Answer, ask, open_http, read_problem, request
from responder.cli.options import Session
from responder.cli.outcome import Exit, Trouble
from responder.cli.output import Terminal, span


def status(session: Session) -> Exit:
    """NOT_SO where it is not ready."""
    terminal = Terminal(session.form, session.zone())
    try:
        found = asyncio.run(ask(session, "GET", "/status"))
    except Trouble as trouble:
        if trouble.code is not Exit.UNREACHABLE or not (wrong := asyncio.run(_wrong(session.url))):
            raise
        return _tell_wrong(terminal, session.url, wrong, trouble)
    if terminal.is_json:
        terminal.json(found)
    else:
        _tell(terminal, session.url, found)
    return Exit.DONE if found["ready"] else Exit.NOT_SO


async def _wrong(url: str) -> dict[str, str]:
    """What keeps the service from being ready; empty where it is, or does not say. Raises Trouble."""
    async with open_http({}) as http:
        _, raw = await request(http, "GET", f"{url}/readyz")
    return read_problem(raw)


def _tell_wrong(terminal: Terminal, url: str, wrong: dict[str, str], trouble: Trouble) -> Exit:
    if terminal.is_json:
        terminal.json({"ready": False, "problems": wrong})
    else:
        _tell_ready(terminal, url, wrong)
    terminal.hint(f"nothing more can be had: {trouble.what}")
    return Exit.NOT_SO


def _tell_ready(terminal: Terminal, url: str, wrong: Mapping[str, str]) -> None:
    terminal.say(f"{url}: {'NOT READY' if wrong else 'ready'}", style="bold")
    for what, problem in wrong.items():
        terminal.say(f"  {what}: {problem}")


def _tell(terminal: Terminal, url: str, found: Answer) -> None:
    _tell_ready(terminal, url, found["problems"])
    terminal.say(f"  version {found['version'] or 'unknown'}, policies {found['policies']}")
    waiting, aside = found["waiting_bodies"], found["set_aside_bodies"]
    terminal.say(f"  journal: {waiting} waiting, {aside} set aside")
    if found["replicas"] is not None:
        terminal.say(f"  replicas: {found['replicas']}")
    if since := found["isolated_since"]:
        terminal.say(f"  ISOLATED since {terminal.moment(since)}: no channel takes anything", style="bold")
    _tell_beat(terminal, found["outward_beat"])
    for kind, seconds in found["oldest_overdue_seconds"].items():
        terminal.say(f"  oldest overdue {kind}: {span(seconds)}")
    for channel, lacks in found["fallback_channels"].items():
        terminal.say(f"  channel {channel} prints on the service's console: {lacks}")
    for contact, why in found["speechless_contacts"].items():
        terminal.say(f"  contact {contact} cannot be reached: {why}")
    rows = [
        (
            f"  {loop['name']}",
            terminal.moment(loop["started_at"]),
            str(loop["failures"]),
            loop["problem"] or "-",
        )
        for loop in found["loops"]
    ]
    terminal.table(("  loop", "since", "failures", "the last one"), rows)


def _tell_beat(terminal: Terminal, beat: Answer | None) -> None:
    if beat is None:
        terminal.say("  outward beat: none; set RESPONDER_BEAT_URL so that somebody notices when we are gone")
        return
    arrived = terminal.moment(beat["arrived_at"]) if beat["arrived_at"] else "never"
    terminal.say(f"  outward beat: last arrived {arrived}")
    for what, why in beat["withheld"].items():
        terminal.say(f"    withheld, {what}: {why}")
    if beat["problem"]:
        terminal.say(f"    {beat['problem']}")
