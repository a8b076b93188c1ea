"""The tables. A record is JSON in `body`; the columns beside it are derived from it, for what is queried.

They must be what the migrations make of an empty database; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from responder.adapters.storage.columns import Counter, Details, Handle, Moment, Words

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

journal = Table(
    "journal",
    METADATA,
    Column("id", Counter, primary_key=True),
    Column("received_at", Moment, nullable=False),
    Column("source", Words, nullable=False),
    Column("peer", Words, nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease_until", Moment),
    Column("done_at", Moment),
    Column("detail", Words, nullable=False),
    Index(None, "state", "id"),
    Index(None, "done_at"),
    sqlite_autoincrement=True,  # an id is never given twice, not even after its row is gone
)

# Apart from the journal, because a body may have 64 MiB and its row in the journal changes twice.
bodies = Table(
    "bodies",
    METADATA,
    Column(
        "journal",
        Counter,
        ForeignKey("journal.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("body", LargeBinary, nullable=False),
)

records = Table(
    "records",
    METADATA,
    Column("seq", Counter, primary_key=True),  # the order in which they were first written
    Column("kind", String, nullable=False),
    Column("id", Words, nullable=False),
    Column("incident", Words),
    Column("live", Boolean, nullable=False),
    Column("body", Text, nullable=False),
    Column("shown", Handle),  # of a notice: the reference of its message in the channel
    Column("version", Integer, nullable=False, server_default=text("1")),  # raised by each write
    Column("digest", Words),  # of a page: the one that carries it; of a digest's notice: that digest
    Column("ended_at", Moment),  # where it is of no incident, and not live: since when
    UniqueConstraint("kind", "id"),
    Index(None, "incident", "live"),
    Index(
        "ix_records_shown",
        "shown",
        sqlite_where=text("shown IS NOT NULL"),
        postgresql_where=text("shown IS NOT NULL"),
    ),
    Index(
        "ix_records_digest",
        "digest",
        sqlite_where=text("digest IS NOT NULL"),
        postgresql_where=text("digest IS NOT NULL"),
    ),
    Index(
        "ix_records_ended",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    ),
)

due = Table(
    "due",
    METADATA,
    Column("record_kind", String, nullable=False),
    Column("record", Words, nullable=False),
    Column("incident", Words),
    Column("kind", String, nullable=False),  # timer | send
    Column("at", Moment, nullable=False),
    Column("claimable_at", Moment),  # later than `at` once postponed; NULL: set aside
    Column("failures", Integer, nullable=False),
    # The schema version of the record: a program that does not know it leaves the row to a newer one.
    Column("needs", Integer, nullable=False, server_default=text("1")),
    PrimaryKeyConstraint("record_kind", "record"),
    ForeignKeyConstraint(["record_kind", "record"], ["records.kind", "records.id"], ondelete="CASCADE"),
    Index(None, "kind", "claimable_at", "record"),  # in the order in which rows are taken
    Index(
        "ix_due_failed",
        "kind",
        "at",
        sqlite_where=text("failures > 0"),
        postgresql_where=text("failures > 0"),
    ),
)

incidents = Table(
    "incidents",
    METADATA,
    Column("incident", Words, primary_key=True),
    Column("key", Handle, nullable=False),
    Column("pin", String, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("resolved_at", Moment),
    Index(
        "uq_incidents_open_key",
        "key",
        unique=True,
        sqlite_where=text("closed = 0"),
        postgresql_where=text("closed = false"),
    ),
    Index(
        "ix_incidents_open_pin",
        "pin",
        "incident",
        sqlite_where=text("closed = 0"),
        postgresql_where=text("closed = false"),
    ),
    Index(
        "ix_incidents_closed",
        "resolved_at",
        sqlite_where=text("closed = 1"),
        postgresql_where=text("closed = true"),
    ),
)

# Alertmanager groups of which an incident that is not closed may not have been shown everything.
hidden = Table(
    "hidden",
    METADATA,
    Column("group", Handle, nullable=False),
    Column("incident", Words, ForeignKey("incidents.incident", ondelete="CASCADE"), nullable=False),
    PrimaryKeyConstraint("group", "incident"),
    Index(None, "incident"),
)

summaries = Table(
    "summaries",
    METADATA,
    Column("number", Counter, primary_key=True, autoincrement=False),
    Column("incident", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("rule", Words, nullable=False),
    Column("level", Integer, nullable=False),
    Column("standing", String, nullable=False),
    Column("title", Words, nullable=False),
    Column("holder", Words),
    Column("opened_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("resolved_at", Moment),
    Column("revision", Integer, nullable=False),
    Column("firing", Integer, nullable=False),
    Column("pin", String, nullable=False),
    Column("searched", Words, nullable=False),  # title and key, case folded
    UniqueConstraint("incident"),
    Index(None, "standing", "level", "number"),
    Index(None, "rule", "number"),
)

occurrences = Table(
    "occurrences",
    METADATA,
    Column("seq", Counter, primary_key=True),
    Column("fingerprint", Handle, nullable=False),
    Column("number", Integer, nullable=False),
    Column("incident", Words),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment),
    Column("body", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),  # raised by each write
    UniqueConstraint("fingerprint", "number"),
    Index(None, "incident", "starts_at"),
    Index(
        "ix_occurrences_stray",
        "incident",  # SQLite takes the index with the most equalities, and would sort what it finds by another
        "ends_at",
        sqlite_where=text("incident IS NULL"),
        postgresql_where=text("incident IS NULL"),
    ),
    Index(
        "ix_occurrences_firing",
        "fingerprint",
        sqlite_where=text("ends_at IS NULL AND incident IS NOT NULL"),
        postgresql_where=text("ends_at IS NULL AND incident IS NOT NULL"),
    ),
)

promises = Table(
    "promises",
    METADATA,
    Column("pin", String, primary_key=True),
    Column("body", Text, nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    Column("id", Counter, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("incident", Words),
    Column("record_kind", String, nullable=False),
    Column("record", Words, nullable=False),
    Column("event", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("details", Details, nullable=False),
    Index(None, "incident", "id"),
    Index(
        "ix_audit_stray",
        "incident",  # as with the stray occurrences
        "at",
        sqlite_where=text("incident IS NULL"),
        postgresql_where=text("incident IS NULL"),
    ),
    sqlite_autoincrement=True,
)

acts = Table(
    "acts",
    METADATA,
    Column("actor", Words, nullable=False),
    Column("incident", Words, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("verb", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("reply", Words, nullable=False),
    PrimaryKeyConstraint("actor", "incident", "revision", "verb"),
    Index(None, "incident"),
)

asked = Table(
    "asked",
    METADATA,
    Column("once", Words, primary_key=True),
    Column("incident", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("reply", Words, nullable=False),
    Index(None, "incident"),
)

tokens = Table(
    "tokens",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", Words, nullable=False),
    Column("digest", String, nullable=False),
    Column("role", String, nullable=False),
    Column("contact", Words),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("used_at", Moment),
    UniqueConstraint("digest"),
)

counters = Table(
    "counters",
    METADATA,
    Column("name", String, primary_key=True),
    Column("value", Counter, nullable=False),
)
INCIDENTS = "incidents"  # the counter of incident numbers, where the database has no sequences
NUMBERS = "incident_numbers"  # the sequence of them, where it has

replicas = Table(
    "replicas",
    METADATA,
    Column("id", String, primary_key=True),
    Column("version", Words, nullable=False),
    Column("book", String, nullable=False),
    Column("loaded_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

# How far back this schema reaches: programs that know `oldest` can work on it, whatever was added since.
reach = Table(
    "reach",
    METADATA,
    Column("revision", String, primary_key=True),
    Column("oldest", String, nullable=False),
)
