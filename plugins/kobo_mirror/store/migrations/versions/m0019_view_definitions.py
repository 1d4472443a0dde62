"""What each view was made as, so that one that was changed by hand is told from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLE, COLUMN = "kobo_tables", "definition"


def upgrade() -> None:
    """Add the column; the next sync of a form fills it, as it makes the views anew."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
    if COLUMN not in there:  # a migration that was killed halfway is simply finished
        op.add_column(TABLE, sa.Column(COLUMN, sa.types.BINARY(16)))


def downgrade() -> None:
    """Take it out again."""
    op.drop_column(TABLE, COLUMN)
