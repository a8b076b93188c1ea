"""Where the engine and the model differ: asked when everything is settled, whenever something was due."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from responder.core.identifiers import IncidentId, Kind
from responder.core.machines import duty as duties
from responder.core.machines import page as pages
from responder.ports.store import Summary
from tests.model.model import Page, Trouble

if TYPE_CHECKING:
    from tests.model.house import House

GIVEN_UP = timedelta(hours=1)  # what asks for no answer, or asks again by itself, is tried for so long
BACKOFF = timedelta(minutes=1)  # at the most, between two tries of what has to get there
DEADLINE = timedelta(seconds=10)  # of a call
LEASE = timedelta(seconds=30)  # after which it is unknown what came of it

What = tuple[datetime, str, str, int | None]


class Wrong(AssertionError):
    """The engine and the model differ."""


def written(page: Page) -> What:
    return page.at, page.contact, page.reason, page.step


def written_of(record: pages.Page) -> What:
    return record.asked_at, record.contact, record.reason.value, record.step


async def differences(house: House) -> list[str]:
    found: list[str] = []
    summaries = await house.meet()
    there = {
        house.known[summary.incident]: summary for summary in summaries if summary.rule != "responder-self"
    }
    async with house.store.reading() as reader:
        for trouble in house.model.troubles:
            summary = there.get(trouble)
            if summary is None:
                found += _missing(house, trouble)
                continue
            found += _standing(trouble, summary)
            records = await reader.records_of(IncidentId(summary.incident), Kind.PAGE)
            found += _pages(trouble, [record for record in records if isinstance(record, pages.Page)])
            owed = await reader.records_of(IncidentId(summary.incident), Kind.DUTY)
            found += _duties(trouble, [record for record in owed if isinstance(record, duties.Duty)])
            found += _deliveries(house, trouble)
        found += [f"{name} is stranded" for name in await reader.unanswered_without_due(10)]
        if house.is_settled and await reader.waiting_count():
            found.append("bodies are accepted and not worked off")
    return found


def _missing(house: House, trouble: Trouble) -> list[str]:
    """Retention may have taken it, or there never was one."""
    name = next((name for name, known in house.known.items() if known is trouble), None)
    if name is None:
        return [f"{trouble.title}: no incident was opened"]
    if trouble in house.forgettable:
        house.gone.add(name)
        return []
    return [f"{trouble.title} ({name}) is gone"]


def _standing(trouble: Trouble, summary: Summary) -> list[str]:
    ours = {
        "standing": trouble.standing,
        "level": trouble.level,
        "holder": trouble.holder,
        "firing": len(trouble.alight),
        "resolved at": trouble.resolved_at,
    }
    theirs = {
        "standing": summary.standing.value,
        "level": int(summary.level),
        "holder": summary.holder,
        "firing": summary.firing,
        "resolved at": summary.resolved_at,
    }
    return [
        f"{trouble.title} ({summary.incident}): {what} is {theirs[what]}, should be {ours[what]}"
        for what in ours
        if ours[what] != theirs[what]
    ]


def _pages(trouble: Trouble, records: list[pages.Page]) -> list[str]:
    ours = Counter(written(page) for page in trouble.pages)
    theirs = Counter(written_of(record) for record in records)
    return [f"{trouble.title}: not paged: {_told(what)}" for what in (ours - theirs).elements()] + [
        f"{trouble.title}: paged for nothing: {_told(what)}" for what in (theirs - ours).elements()
    ]


def _told(what: What) -> str:
    at, contact, reason, step = what
    return f"{contact}, {reason}" + (f" step {step}" if step is not None else "") + f", at {at:%d %H:%M:%S}"


def _duties(trouble: Trouble, records: list[duties.Duty]) -> list[str]:
    ours = {
        name: (duty.state, duty.until if duty.state in ("owed", "due") else None)
        for name, duty in trouble.duties.items()
    }
    theirs = {record.name: _duty(record) for record in records}
    if ours == theirs:
        return []
    return [f"{trouble.title}: its duties are {theirs}, should be {ours}"]


def _duty(record: duties.Duty) -> tuple[str, datetime | None]:
    match record.phase:
        case duties.Phase.OWED:
            return "owed", record.due_at
        case duties.Phase.DUE:
            return "due", record.remind_at
        case duties.Phase.SENT | duties.Phase.WAIVED:
            return "done", None
        case _:
            return "ended", None


def _deliveries(house: House, trouble: Trouble) -> list[str]:
    return [
        f"{trouble.title}: {page} is owed, and {problem}"
        for page in trouble.pages
        if page.state == "owed" and (problem := _owed(house, page))
    ]


def _owed(house: House, page: Page) -> str:
    """Why its being owed still is wrong; "" where it is not."""
    now, calls = house.clock.now(), house.tried.get(page.id, [])
    if not house.is_awake or house.pages_held > now:
        return ""
    if now - page.at >= GIVEN_UP and not page.asks_for_an_answer:
        return ""
    soon = BACKOFF + DEADLINE
    if house.died_at >= page.at:  # whoever died between its claim and its call has left no trace here
        tried = max(house.up_since, house.looked_at, page.at, *(call.ended_at or call.at for call in calls))
        return "" if now - tried <= soon else f"nobody was called from {tried:%H:%M:%S} to {now:%H:%M:%S}"
    if not calls:
        return "nobody was called"
    last = calls[-1]
    if last.outcome is None:
        return "" if now < last.claimed_at + DEADLINE else "its call does not end"
    if not last.told and house.stands_still(last.by):
        return "" if now - last.claimed_at <= LEASE + soon else "its call was never given up"
    left = set(page.ways) - page.refused
    if left - {call.line for call in calls}:
        return f"{left} were not all tried"
    return "" if now - (last.ended_at or last.at) <= soon else f"it was last tried at {last.at:%H:%M:%S}"
