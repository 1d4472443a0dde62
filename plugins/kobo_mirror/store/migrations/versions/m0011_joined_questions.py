"""Which columns of the catalog belong to one question, over all of its paths, kinds and tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

EXACT_TEXT = sa.Text().with_variant(
    mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)
TABLE, COLUMN = "kobo_columns", "question"


def upgrade() -> None:
    """Add the column; the next sync of a form fills it, as it finds its rows changed."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
    if COLUMN not in there:  # a migration that was killed halfway is simply finished
        op.add_column(TABLE, sa.Column(COLUMN, EXACT_TEXT))


def downgrade() -> None:
    """Take it out again."""
    op.drop_column(TABLE, COLUMN)
