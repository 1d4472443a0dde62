"""Indexes by which the newest run of each kind is found, for hundreds of forms at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLE = "kobo_sync_runs"
INDEXES = {
    "ix_kobo_sync_runs_newest": ["asset_uid", "mode", "id"],
    "ix_kobo_sync_runs_finished": ["asset_uid", "mode", "history_gap", "finished_at"],
}


def upgrade() -> None:
    """Add the indexes."""
    there = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(TABLE)}
    for name, columns in INDEXES.items():
        if name not in there:  # a migration that was killed halfway is finished
            op.create_index(name, TABLE, columns)


def downgrade() -> None:
    """Take them out again."""
    for name in INDEXES:
        op.drop_index(name, TABLE)
