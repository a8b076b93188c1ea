"""Several replicas on one database: each row tells how often it was written, and which program it needs.

And what is of no incident can be found when its time is over.

On PostgreSQL also a sequence of incident numbers, which no two units wait for, and settings of the tables that change
all the time: room within their pages, and a vacuum that comes early.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# Rows that are written again and again, and rows that come and go.
HOT = ("journal", "records", "due", "summaries", "incidents", "occurrences")
PASSING = ("bodies", "journal", "due")


def upgrade() -> None:
    one = sa.text("1")
    op.add_column("records", sa.Column("version", sa.Integer(), nullable=False, server_default=one))
    op.add_column("occurrences", sa.Column("version", sa.Integer(), nullable=False, server_default=one))
    op.add_column("due", sa.Column("needs", sa.Integer(), nullable=False, server_default=one))
    op.drop_index("ix_due_kind_claimable_at", "due")
    op.create_index("ix_due_kind_claimable_at_record", "due", ["kind", "claimable_at", "record"])
    op.create_table(
        "replicas",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("loaded_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_replicas"),
    )
    op.create_table(
        "reach",
        sa.Column("revision", sa.String(), nullable=False),
        sa.Column("oldest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_reach"),
    )
    op.create_index("ix_summaries_rule_number", "summaries", ["rule", "number"])
    _find_strays()
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE incident_numbers")
        for table in HOT:
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 80)")
        for table in sorted({*HOT, *PASSING}):
            op.execute(
                f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02, "
                "autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05, "
                "autovacuum_vacuum_cost_delay = 1)"
            )


def _find_strays() -> None:
    op.add_column("records", sa.Column("digest", sa.Text(), nullable=True))
    op.add_column("records", sa.Column("ended_at", sa.BigInteger(), nullable=True))
    # Of what is over already nobody has written down since when: not later than the last thing that was decided.
    op.execute(
        "UPDATE records SET ended_at = (SELECT coalesce(max(at), 0) FROM audit) "
        "WHERE incident IS NULL AND NOT live"
    )
    op.drop_index("ix_occurrences_stray", "occurrences")
    _index_some("ix_records_digest", "records", ["digest"], where="digest IS NOT NULL")
    _index_some("ix_records_ended", "records", ["ended_at"], where="ended_at IS NOT NULL")
    _index_some("ix_audit_stray", "audit", ["incident", "at"], where="incident IS NULL")
    _index_some("ix_occurrences_stray", "occurrences", ["incident", "ends_at"], where="incident IS NULL")


def _index_some(name: str, table: str, columns: list[str], *, where: str) -> None:
    some = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=some, postgresql_where=some)
