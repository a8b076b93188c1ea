"""Every question of the port about I1, and something written for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from responder.core.decision import DueKind
from responder.core.identifiers import JournalId, Kind
from responder.core.level import Level
from responder.ports.store import (
    Act,
    Asked,
    Reader,
    Standing,
    Store,
    SummaryQuery,
    Unit,
    key_of,
)
from tests.builders import (
    HOUR,
    I1,
    NOON,
    audit_line,
    body,
    heartbeat,
    incident,
    notice,
    occurrence,
    page,
    promise,
    replica,
    summary,
    token,
)

QUESTIONS: dict[str, Callable[[Reader], Awaitable[object]]] = {
    "records": lambda reader: reader.records([key_of(incident()), key_of(page())]),
    "live records": lambda reader: reader.live_records([I1]),
    "records of": lambda reader: reader.records_of(I1, Kind.PAGE),
    "shown as": lambda reader: reader.shown_as("C1/17.1"),
    "heartbeats": lambda reader: reader.heartbeats(),
    "open incidents": lambda reader: reader.open_incidents([incident().key]),
    "last occurrences": lambda reader: reader.last_occurrences([occurrence().fingerprint]),
    "occurrences of": lambda reader: reader.occurrences_of(I1, 10),
    "firing": lambda reader: reader.firing(None, 10),
    "hidden groups": lambda reader: reader.hidden_groups(10),
    "hidden in": lambda reader: reader.hidden_in("group"),
    "promises": lambda reader: reader.promises([promise().pin]),
    "pins in use": lambda reader: reader.pins_in_use(),
    "summaries": lambda reader: reader.summaries(SummaryQuery()),
    "summary": lambda reader: reader.summary(I1),
    "counts": lambda reader: reader.counts(),
    "audit of": lambda reader: reader.audit_of(I1, 10),
    "last audit of": lambda reader: reader.last_audit_of(I1, 10),
    "next due": lambda reader: reader.next_due(DueKind.SEND),
    "due of": lambda reader: reader.due_of([key_of(page())]),
    "overdue": lambda reader: reader.overdue(DueKind.SEND, NOON + HOUR, 10),
    "unanswered without due": lambda reader: reader.unanswered_without_due(10),
    "waiting count": lambda reader: reader.waiting_count(),
    "set-aside count": lambda reader: reader.set_aside_count(),
    "bodies": lambda reader: reader.bodies(JournalId(0), 10),
    "act": lambda reader: reader.act("cto", I1, 1, "ack"),
    "asked": lambda reader: reader.asked("slack:1"),
    "tokens": lambda reader: reader.tokens(),
    "token by digest": lambda reader: reader.token_by_digest(token().digest),
    "replicas": lambda reader: reader.replicas(),
}
NOTHING: tuple[object, ...] = ([], {}, None, 0)


async def read_everything(unit: Unit) -> None:
    """What is guarded by its version: only a unit that has read it may write over it."""
    await unit.records([key_of(record) for record in (incident(), page(), notice(), heartbeat())])
    await unit.last_occurrences([occurrence().fingerprint])


async def write_everything(unit: Unit) -> None:
    """Something for each question, about I1."""
    await unit.put_record(incident(hidden=frozenset({"group"})), NOON)
    await unit.put_record(page(), NOON)
    await unit.put_record(notice(posted="C1/17.1"), NOON)
    await unit.put_record(heartbeat(), NOON)
    await unit.put_occurrence(occurrence())
    await unit.put_promise(promise())
    await unit.put_summary(summary())
    await unit.put_audit([audit_line()])
    await unit.put_act(Act(actor="cto", incident=I1, revision=1, verb="ack", at=NOON, reply="done"))
    await unit.put_asked(Asked(once="slack:1", incident=I1, at=NOON, reply="done"))
    await unit.put_token(token())
    await unit.put_replica(replica())
    _, aside = await unit.append_bodies([body(), body()])
    await unit.set_body_aside(aside, "unreadable", NOON)


async def ask_everything(store: Store) -> None:
    """Whatever the port can be asked for and told to do, at least once."""
    async with store.unit() as unit:
        await write_everything(unit)
        await unit.next_number()
        held = await unit.claim_bodies(1, NOON, NOON + HOUR)
        await unit.still_claimed(held)
        await unit.finish_bodies([JournalId(1)], NOON)
        await unit.release_bodies([JournalId(1)])
        await unit.take_due(DueKind.SEND, NOON, 1)
        await unit.take_due(DueKind.SEND, NOON, 10)
        await unit.postpone_due(key_of(page()), NOON)
        await unit.delete_closed_before(NOON, 1)
        await unit.delete_bodies_before(NOON + HOUR, 1)
        await unit.delete_occurrences_before(NOON, 1)
        await unit.put_record(replace(notice("x"), notice="a.1/slack", incident=None), NOON)
        await unit.delete_strays_before(NOON + HOUR, 9)
        await unit.delete_replicas_before(NOON)
    async with store.reading() as reader:
        for ask in QUESTIONS.values():
            await ask(reader)
        await reader.summaries(
            SummaryQuery(standings=frozenset(Standing), levels=frozenset(Level), text="x", before=9)
        )
