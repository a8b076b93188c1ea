"""The journal's own work inside a transaction: bodies are appended, claimed under a lease, and ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from responder.adapters.storage.batch import padded
from responder.adapters.storage.rows import body_of_row, journal_row
from responder.adapters.storage.tables import bodies, journal
from responder.adapters.storage.writes import Writes
from responder.core.identifiers import JournalId
from responder.ports.store import NewBody, Stored, StoredBody

CLAIMED_BYTES = 32 * 1024 * 1024  # of bodies in one claim, unless the first alone has more


def append(writes: Writes, new: Sequence[NewBody]) -> Callable[[Connection], list[JournalId]]:
    def work(connection: Connection) -> list[JournalId]:
        rows = [journal_row(body) for body in new]
        ids = [JournalId(id_) for id_ in connection.execute(writes.append_journal, rows).scalars()]
        texts = [{"journal": id_, "body": body.body} for id_, body in zip(ids, new, strict=True)]
        writes.append_bodies.execute(connection, texts)
        return ids

    return work


def claim(
    writes: Writes, limit: int, now: datetime, lease_until: datetime
) -> Callable[[Connection], list[StoredBody]]:
    waiting = (
        select(journal.c.id, journal.c.size)
        .where(
            journal.c.state == Stored.WAITING.value,
            or_(journal.c.lease_until.is_(None), journal.c.lease_until <= now),
        )
        .order_by(journal.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )

    def work(connection: Connection) -> list[StoredBody]:
        ids = _affordable([(row.id, row.size) for row in connection.execute(waiting)])
        if not ids:
            return []
        writes.attempt.execute(connection, [{"of_id": id_, "until": lease_until} for id_ in ids])
        claimed = (
            select(journal, bodies.c.body)
            .join(bodies, bodies.c.journal == journal.c.id)
            .where(journal.c.id.in_(padded(ids)))
            .order_by(journal.c.id)
        )
        return [body_of_row(row) for row in connection.execute(claimed)]

    return work


def still_claimed(claimed: Collection[StoredBody]) -> Callable[[Connection], set[JournalId]]:
    leases = {body.id: body.lease_until for body in claimed}

    def work(connection: Connection) -> set[JournalId]:
        held = (
            select(journal.c.id, journal.c.lease_until)
            .where(journal.c.id.in_(padded(leases)), journal.c.state == Stored.WAITING.value)
            .order_by(journal.c.id)
            .with_for_update()
        )
        return {
            JournalId(row.id)
            for row in connection.execute(held)
            if row.lease_until is not None and row.lease_until == leases[JournalId(row.id)]
        }

    return work


def end_leases(connection: Connection) -> None:
    """Every claim has ended without a word; what it counted as an attempt stays counted."""
    is_claimed = (journal.c.state == Stored.WAITING.value) & journal.c.lease_until.is_not(None)
    connection.execute(update(journal).where(is_claimed).values(lease_until=None))


def _affordable(sizes: Sequence[tuple[int, int]]) -> list[int]:
    """The first ids, as long as their bodies fit into memory together; always the very first."""
    found: list[int] = []
    total = 0
    for id_, size in sizes:
        total += size
        if found and total > CLAIMED_BYTES:
            break
        found.append(id_)
    return found
