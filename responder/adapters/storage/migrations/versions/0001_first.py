"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "acts",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "incident", "revision", "verb", name="pk_acts"),
    )
    op.create_index("ix_acts_incident", "acts", ["incident"])
    op.create_table(
        "audit",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=True),
        sa.Column("record_kind", sa.String(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_incident_id", "audit", ["incident", "id"])
    op.create_table(
        "counters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", COUNTER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "incidents",
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("pin", sa.String(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("incident", name="pk_incidents"),
    )
    op.create_index(
        "ix_incidents_closed",
        "incidents",
        ["resolved_at"],
        sqlite_where=sa.text("closed = 1"),
        postgresql_where=sa.text("closed = true"),
    )
    op.create_index(
        "ix_incidents_open_pin",
        "incidents",
        ["pin", "incident"],
        sqlite_where=sa.text("closed = 0"),
        postgresql_where=sa.text("closed = false"),
    )
    op.create_index(
        "uq_incidents_open_key",
        "incidents",
        ["key"],
        unique=True,
        sqlite_where=sa.text("closed = 0"),
        postgresql_where=sa.text("closed = false"),
    )
    op.create_table(
        "journal",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_done_at", "journal", ["done_at"])
    op.create_index("ix_journal_state_id", "journal", ["state", "id"])
    op.create_table(
        "occurrences",
        sa.Column("seq", COUNTER, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=True),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_occurrences"),
        sa.UniqueConstraint("fingerprint", "number", name="uq_occurrences_fingerprint_number"),
    )
    op.create_index("ix_occurrences_incident_starts_at", "occurrences", ["incident", "starts_at"])
    op.create_index(
        "ix_occurrences_stray",
        "occurrences",
        ["ends_at"],
        sqlite_where=sa.text("incident IS NULL"),
        postgresql_where=sa.text("incident IS NULL"),
    )
    op.create_table(
        "promises",
        sa.Column("pin", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pin", name="pk_promises"),
    )
    op.create_table(
        "records",
        sa.Column("seq", COUNTER, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_records"),
        sa.UniqueConstraint("kind", "id", name="uq_records_kind_id"),
    )
    op.create_index("ix_records_incident_live", "records", ["incident", "live"])
    op.create_table(
        "summaries",
        sa.Column("number", COUNTER, autoincrement=False, nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("firing", sa.Integer(), nullable=False),
        sa.Column("pin", sa.String(), nullable=False),
        sa.Column("searched", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_summaries"),
        sa.UniqueConstraint("incident", name="uq_summaries_incident"),
    )
    op.create_index("ix_summaries_standing_level_number", "summaries", ["standing", "level", "number"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
    )
    op.create_table(
        "bodies",
        sa.Column("journal", COUNTER, autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("journal", name="pk_bodies"),
        sa.ForeignKeyConstraint(["journal"], ["journal.id"], name="fk_bodies_journal", ondelete="CASCADE"),
    )
    op.create_table(
        "due",
        sa.Column("record_kind", sa.String(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("claimable_at", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("record_kind", "record", name="pk_due"),
        sa.ForeignKeyConstraint(
            ["record_kind", "record"],
            ["records.kind", "records.id"],
            name="fk_due_record_kind_record",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_due_failed",
        "due",
        ["kind", "at"],
        sqlite_where=sa.text("failures > 0"),
        postgresql_where=sa.text("failures > 0"),
    )
    op.create_index("ix_due_kind_claimable_at", "due", ["kind", "claimable_at"])
    op.create_table(
        "hidden",
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group", "incident", name="pk_hidden"),
        sa.ForeignKeyConstraint(
            ["incident"], ["incidents.incident"], name="fk_hidden_incident", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_hidden_incident", "hidden", ["incident"])
