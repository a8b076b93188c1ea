"""Commands that came under a key of their own, and which incident a message in a channel is about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "asked",
        sa.Column("once", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("once", name="pk_asked"),
    )
    op.create_index("ix_asked_incident", "asked", ["incident"])
    op.add_column("records", sa.Column("shown", sa.Text(), nullable=True))
    op.create_index(
        "ix_records_shown",
        "records",
        ["shown"],
        sqlite_where=sa.text("shown IS NOT NULL"),
        postgresql_where=sa.text("shown IS NOT NULL"),
    )
