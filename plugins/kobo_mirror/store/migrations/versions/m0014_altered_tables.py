"""What was changed by hand in the columns of a form's tables, as its last sync found them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLE, COLUMN = "kobo_forms", "tables_altered"


def upgrade() -> None:
    """Add the column; the next sync of a form fills it."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
    if COLUMN not in there:
        op.add_column(TABLE, sa.Column(COLUMN, sa.String(500)))


def downgrade() -> None:
    """Take it out again."""
    op.drop_column(TABLE, COLUMN)
