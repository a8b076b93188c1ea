"""`responder incidents watch`: what changes between two looks at the list, a line for each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from responder.adapters.clock import SystemClock
from responder.cli.client import Api
from responder.cli.options import Session
from responder.cli.outcome import Exit, Trouble
from responder.cli.output import Terminal
from responder.cli.story import terminal_of
from responder.ports.clock import Clock

LIVE = "open,acknowledged,snoozed,suppressed,resolved"
SHOWN = ("state", "level", "holder", "firing")
PAGE = 200

Seen = dict[str, dict[str, Any]]


async def watch(session: Session, api: Api, every: int, clock: Clock | None = None) -> None:
    """Goes on until it is cancelled; a look that fails is told once, and the next one is taken all the same."""
    clock = clock or SystemClock()
    terminal = terminal_of(session)
    seen: Seen | None = None
    lost = False
    while True:
        try:
            now = await _look(api)
        except Trouble as trouble:
            if trouble.code is not Exit.UNREACHABLE:
                raise
            if not lost:
                terminal.hint(f"{trouble.what}; looking again every {every} s")
            lost = True
        else:
            if lost:
                terminal.hint("it answers again")
            lost = False
            for change in _changes(seen, now):
                _tell(terminal, change, clock.now())
            seen = now
        await clock.sleep_until(clock.now() + timedelta(seconds=every))


async def _look(api: Api) -> Seen:
    """Every incident that is not closed."""
    found: Seen = {}
    before: object = None
    while True:
        page = await api.get("/incidents", {"state": LIVE, "limit": PAGE, "before": before})
        found |= {each["incident"]: each for each in page["incidents"]}
        before = page["next"]
        if before is None:
            return found


def _changes(seen: Seen | None, now: Seen) -> list[dict[str, Any]]:
    """Oldest incident first; at the first look everything that is there."""
    changes = []
    for name, each in sorted(now.items(), key=lambda item: int(item[0][1:])):
        before = (seen or {}).get(name)
        if before is None:
            changes.append({**each, "change": "there" if seen is None else "new"})
        elif differs := [word for word in SHOWN if before[word] != each[word]]:
            changes.append({**each, "change": ", ".join(_words(word, before, each) for word in differs)})
    gone = (each for name, each in (seen or {}).items() if name not in now)
    return changes + [{**each, "change": "closed"} for each in gone]


def _words(word: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    return (
        f"{word} {before[word] or 'nobody'} -> {after[word] or 'nobody'}"
        if word == "holder"
        else (f"{word} {before[word]} -> {after[word]}")
    )


def _tell(terminal: Terminal, change: dict[str, Any], now: datetime) -> None:
    if terminal.is_json:
        terminal.json_line(change)
        return
    head = f"{now.astimezone(terminal.zone):%H:%M:%S} {change['incident']} level {change['level']} {change['state']}"
    terminal.say(f"{head}: {change['change']}: {change['title']}")
