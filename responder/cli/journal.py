"""`responder replay`: the journal's bodies through the policies in a folder, against what became of them.

What became of an alert is asked of the API: the incident that its occurrence belongs to. Only the first message of
each occurrence is judged, for the later ones follow it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Base64Bytes, TypeAdapter

from responder.cli.client import Api, open_api
from responder.cli.opened import need_policies
from responder.cli.options import Session
from responder.cli.outcome import Exit, Trouble
from responder.cli.output import Terminal
from responder.core.alert import Alert
from responder.core.identifiers import IncidentId
from responder.core.level import Level
from responder.core.policy.book import PolicyBook
from responder.core.triage import Verdict, beats, triage
from responder.dialects.alertmanager import NotABody, read_body
from responder.engine.explain import Change, Then, compare

PAGE = 50  # journal rows a request
LIST_PAGE = 200  # incidents a request

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The first message of an occurrence in these rows. `names`: the heartbeats it would be a beat of."""

    journal: int
    index: int
    received_at: datetime
    alert: Alert
    verdict: Verdict
    names: tuple[str, ...]


@dataclass(slots=True)
class Rows:
    """What stands in the journal's rows."""

    bodies: int = 0
    unreadable: int = 0  # bodies and alerts
    judged: list[Judged] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An occurrence, or (without a fingerprint's own interval) a whole incident, in time."""

    since: datetime
    until: datetime | None
    then: Then
    level_is_set: bool  # by a person, so that no policy says it

    def covers(self, judged: Judged) -> bool:
        """Its sender's clock may be ahead of ours: received before it began, ended before it began."""
        began = judged.alert.starts_at
        return self.since <= max(judged.received_at, began) and (
            self.until is None or began <= max(self.until, self.since)
        )


def replay(session: Session, first: int, last: int | None, folder: Path) -> Exit:
    """NOT_SO where something would differ."""
    book = need_policies(folder, session.environ).book

    async def run() -> tuple[Rows, list[Change]]:
        async with open_api(session) as api:
            rows = await _rows(api, book, first, last)
            return rows, await _changes(api, rows) if rows.judged else []

    rows, changes = asyncio.run(run())
    _tell(Terminal(session.form, session.zone()), rows, changes)
    return Exit.NOT_SO if changes else Exit.DONE


async def _rows(api: Api, book: PolicyBook, first: int, last: int | None) -> Rows:
    rows = Rows()
    seen: set[tuple[str, datetime]] = set()
    async for body in _bodies(api, first, last):
        rows.bodies += 1
        try:
            read = read_body(_raw(body))
        except NotABody:
            rows.unreadable += 1
            continue
        rows.unreadable += len(read.unreadable)
        for index, alert in enumerate(read.alerts):
            mark = (alert.fingerprint, alert.starts_at)
            if alert.is_firing and mark not in seen:
                seen.add(mark)
                rows.judged.append(_judged(book, body, index, alert))
    return rows


async def _bodies(api: Api, first: int, last: int | None) -> AsyncIterator[Answer]:
    after: int | None = first - 1
    while after is not None:
        page = await api.get("/journal", {"after": after, "limit": PAGE})
        for body in page["bodies"]:
            if last is not None and body["id"] > last:
                return
            yield body
        after = page["next"]


def _raw(body: Answer) -> bytes:
    text: str = body["body"]
    if body["encoding"] == "base64":
        return TypeAdapter(Base64Bytes).validate_python(text.encode())
    return text.encode("utf-8", "surrogatepass")


def _judged(book: PolicyBook, body: Answer, index: int, alert: Alert) -> Judged:
    return Judged(
        journal=body["id"],
        index=index,
        received_at=datetime.fromisoformat(body["received_at"]),
        alert=alert,
        verdict=triage(book, alert.labels),
        names=beats(book, alert.labels),
    )


async def _changes(api: Api, rows: Rows) -> list[Change]:
    by_fingerprint, by_key = await _known(api, rows)
    found: list[tuple[Judged, Known | None]] = []
    highest: dict[IncidentId, Level] = {}
    for judged in rows.judged:
        known = _of(judged, by_fingerprint[judged.alert.fingerprint]) or _of(
            judged, by_key[judged.verdict.key]
        )
        found.append((judged, known))
        if known is not None and judged.verdict.level is not None:
            incident = known.then.incident
            highest[incident] = max(highest.get(incident, Level.MINOR), judged.verdict.level)
    changes = (_change(judged, known, highest) for judged, known in found)
    return [change for change in changes if change is not None]


def _of(judged: Judged, candidates: list[Known]) -> Known | None:
    return max(
        (known for known in candidates if known.covers(judged)), key=lambda known: known.since, default=None
    )


def _change(judged: Judged, known: Known | None, highest: dict[IncidentId, Level]) -> Change | None:
    differs = compare(known.then if known else None, judged.verdict, judged.names)
    # An incident has the highest level of its alerts, or the one that a person set.
    if known is not None and (known.level_is_set or highest.get(known.then.incident) == known.then.level):
        differs.pop("level", None)
    if not differs:
        return None
    return Change(
        journal=judged.journal,
        index=judged.index,
        alert=judged.alert.title,
        incident=known.then.incident if known else None,
        differs=differs,
    )


async def _known(api: Api, rows: Rows) -> tuple[dict[str, list[Known]], dict[str, list[Known]]]:
    """What incidents of that time there are: their occurrences by fingerprint, and themselves by key."""
    begin = min(min(judged.alert.starts_at, judged.received_at) for judged in rows.judged)
    by_fingerprint: dict[str, list[Known]] = defaultdict(list)
    by_key: dict[str, list[Known]] = defaultdict(list)
    before: object = None
    while True:
        page = await api.get("/incidents", {"limit": LIST_PAGE, "before": before})
        for summary in page["incidents"]:
            resolved_at = _moment_or(summary["resolved_at"])
            if resolved_at is None or resolved_at >= begin:
                await _note(api, summary, by_fingerprint, by_key)
        before = page["next"]
        if before is None:
            return by_fingerprint, by_key


async def _note(
    api: Api, summary: Answer, by_fingerprint: dict[str, list[Known]], by_key: dict[str, list[Known]]
) -> None:
    story = await api.get(f"/incidents/{summary['incident']}")
    then = Then(
        incident=story["incident"],
        rule=story["rule"],
        level=Level(story["level"]),
        key=story["key"],
        escalation=await _policy(api, story["incident"]),
    )
    is_set = story["level_set_by"] is not None
    begins = [_moment(alert["starts_at"]) for alert in story["alerts"]]
    since, until = min([_moment(story["opened_at"]), *begins]), _moment_or(story["resolved_at"])
    by_key[then.key].append(Known(since=since, until=until, then=then, level_is_set=is_set))
    for alert in story["alerts"]:
        since, until = _moment(alert["starts_at"]), _moment_or(alert["ends_at"])
        known = Known(since=since, until=until, then=then, level_is_set=is_set)
        by_fingerprint[alert["fingerprint"]].append(known)


async def _policy(api: Api, incident: str) -> str:
    """The escalation policy that it is promised; in words where the service no longer has one of that name."""
    try:
        name: str = (await api.get(f"/incidents/{incident}/repin"))["policy"]
    except Trouble as trouble:
        if trouble.code is not Exit.REFUSED:
            raise
        return "one that is gone"
    return name


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moment_or(text: str | None) -> datetime | None:
    return _moment(text) if text else None


def _tell(terminal: Terminal, rows: Rows, changes: list[Change]) -> None:
    if terminal.is_json:
        terminal.json(
            {
                "bodies": rows.bodies,
                "alerts": len(rows.judged),
                "unreadable": rows.unreadable,
                "changes": changes,
            }
        )
        return
    for change in changes:
        terminal.say(
            f"row {change.journal}, alert {change.index + 1}: {change.alert} ({change.incident or 'no incident'})"
        )
        for word, (then, now) in change.differs.items():
            terminal.say(f"  {word}: {then or '-'} -> {now or '-'}")
    told = f"{rows.bodies} bodies, {len(rows.judged)} alerts"
    aside = f", {rows.unreadable} unreadable" if rows.unreadable else ""
    terminal.say(f"{told}{aside}: {len(changes)} would be treated otherwise")
