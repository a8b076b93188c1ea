"""Every statement with which a unit writes, made once. What the databases' dialects spell differently comes in here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Table, bindparam, case, delete, insert, literal_column, update

from responder.adapters.storage.batch import Batch
from responder.adapters.storage.tables import (
    acts,
    asked,
    audit,
    bodies,
    counters,
    due,
    hidden,
    incidents,
    journal,
    occurrences,
    promises,
    records,
    replicas,
    summaries,
    tokens,
)
from responder.ports.store import Stored

# `insert` of a dialect that has ON CONFLICT: sqlalchemy.dialects.sqlite.insert, sqlalchemy.dialects.postgresql.insert.
DialectInsert = Callable[[Table], Any]


class Writes:
    """`on_conflict`: the dialect's own insert."""

    def __init__(self, on_conflict: DialectInsert) -> None:
        self._on_conflict = on_conflict
        self.record = self._replace(records, {"kind", "id"}, kept={"seq"}, guarded=True)
        self.due = self._replace(due, {"record_kind", "record"})
        self.no_due = Batch(
            delete(due).where(
                due.c.record_kind == bindparam("of_kind"), due.c.record == bindparam("of_record")
            )
        )
        self.incident = self._replace(incidents, {"incident"})
        self.nothing_hidden = Batch(delete(hidden).where(hidden.c.incident == bindparam("of_incident")))
        self.hidden = Batch(insert(hidden).inline())
        self.summary = self._replace(summaries, {"incident"})
        self.occurrence = self._replace(occurrences, {"fingerprint", "number"}, kept={"seq"}, guarded=True)
        self.promise = Batch(on_conflict(promises).inline().on_conflict_do_nothing())
        self.audit = Batch(insert(audit).inline())
        self.act = self._replace(acts, {"actor", "incident", "revision", "verb"})
        self.asked = Batch(insert(asked).inline())
        self.token = self._replace(tokens, {"id"})
        self.replica = self._replace(replicas, {"id"})
        self.counter = self._replace(counters, {"name"})
        self.append_journal = insert(journal).returning(journal.c.id, sort_by_parameter_order=True)
        self.append_bodies = Batch(insert(bodies).inline())
        one = update(journal).where(journal.c.id == bindparam("of_id"))
        self.attempt = Batch(one.values(attempts=journal.c.attempts + 1, lease_until=bindparam("until")))
        self.release = Batch(one.values(lease_until=None))
        self.give_back = Batch(one.values(lease_until=None, attempts=journal.c.attempts - 1))
        ended = one.values(lease_until=None, done_at=bindparam("at"), detail=bindparam("why"))
        self.finish = Batch(ended.values(state=Stored.DONE.value))
        self.set_aside = Batch(ended.values(state=Stored.SET_ASIDE.value))

    def _replace(
        self, table: Table, key: Collection[str], kept: Collection[str] = (), *, guarded: bool = False
    ) -> Batch:
        """Insert, or where `key` is known already replace every column but those of `key` and `kept`.

        `guarded`: only what has the version before the one that is written. Any other gets no version at all, which
        the column refuses: an error that every database raises, where a count of changed rows is not to be had.
        """
        statement = self._on_conflict(table).inline()
        changed = {c.name: statement.excluded[c.name] for c in table.c if c.name not in (*key, *kept)}
        if guarded:
            is_next = table.c.version == statement.excluded.version - literal_column("1")
            changed["version"] = case((is_next, statement.excluded.version))
        return Batch(statement.on_conflict_do_update(index_elements=sorted(key), set_=changed))
