"""What fires is found at once, to be held against what Alertmanager says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
oldest = "0003"


def upgrade() -> None:
    firing = sa.text("ends_at IS NULL AND incident IS NOT NULL")
    op.create_index(
        "ix_occurrences_firing",
        "occurrences",
        ["fingerprint"],
        sqlite_where=firing,
        postgresql_where=firing,
    )
