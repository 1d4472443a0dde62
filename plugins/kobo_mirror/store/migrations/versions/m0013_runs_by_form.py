"""Indexes by which the runs and proofs of one form are found among those of many."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INDEXES = {"kobo_sync_runs": "ix_kobo_sync_runs_asset_uid", "kobo_proofs": "ix_kobo_proofs_asset_uid"}


def upgrade() -> None:
    """Add the indexes."""
    inspected = sa.inspect(op.get_bind())
    for table, name in INDEXES.items():
        if name not in {index["name"] for index in inspected.get_indexes(table)}:
            op.create_index(name, table, ["asset_uid", "id"])


def downgrade() -> None:
    """Take them out again."""
    for table, name in INDEXES.items():
        op.drop_index(name, table)
