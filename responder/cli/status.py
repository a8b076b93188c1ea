"""`responder status`: how the service itself is doing, in lines."""

from __future__ import annotations

import asyncio

from responder.cli.client import Answer, ask
from responder.cli.options import Session
from responder.cli.outcome import Exit
from responder.cli.output import Terminal, span


def status(session: Session) -> Exit:
    """NOT_SO where it is not ready."""
    found = asyncio.run(ask(session, "GET", "/status"))
    terminal = Terminal(session.form, session.zone())
    if terminal.is_json:
        terminal.json(found)
    else:
        _tell(terminal, session.url, found)
    return Exit.DONE if found["ready"] else Exit.NOT_SO


def _tell(terminal: Terminal, url: str, found: Answer) -> None:
    terminal.say(f"{url}: {'ready' if found['ready'] else 'NOT READY'}", style="bold")
    for what, problem in found["problems"].items():
        terminal.say(f"  {what}: {problem}")
    terminal.say(f"  version {found['version'] or 'unknown'}, policies {found['policies']}")
    waiting, aside = found["waiting_bodies"], found["set_aside_bodies"]
    terminal.say(f"  journal: {waiting} waiting, {aside} set aside")
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
