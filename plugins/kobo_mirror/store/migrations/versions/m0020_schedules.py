"""When Airflow reads a form, as the last sync found it in ``kobo.yml``."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE, COLUMNS = "kobo_forms", ("round_schedule", "own_schedule")


def upgrade() -> None:
    """Add the columns; the next sync of a form fills them."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
    for name in COLUMNS:
        if name not in there:
            op.add_column(TABLE, sa.Column(name, sa.String(255)))


def downgrade() -> None:
    """Take them out again."""
    for name in COLUMNS:
        op.drop_column(TABLE, name)
