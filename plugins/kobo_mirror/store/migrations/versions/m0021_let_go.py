"""Which forms are mirrored no longer, which were discovered, and which were dropped with their tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

MYSQLS = ("mysql", "mariadb")
OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_charset": "utf8mb4",
    "mariadb_charset": "utf8mb4",
    "mysql_engine": "InnoDB",
    "mariadb_engine": "InnoDB",
}
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *MYSQLS)
UID = sa.String(40).with_variant(mysql.VARCHAR(40, charset="ascii", collation="ascii_bin"), *MYSQLS)
TABLE = "kobo_forms"


def upgrade() -> None:
    """Add the columns and the table; the next sync of all forms fills the columns."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
    for column in (sa.Column("let_go_at", MOMENT), sa.Column("is_discovered", sa.Boolean)):
        if column.name not in there:
            op.add_column(TABLE, column)
    op.create_table(
        "kobo_dropped_forms",
        sa.Column("form_key", UID, primary_key=True),
        sa.Column("server", sa.String(255), nullable=False),
        sa.Column("dropped_at", MOMENT, nullable=False),
        **OPTIONS,
    )


def downgrade() -> None:
    """Take them out again."""
    op.drop_table("kobo_dropped_forms", if_exists=True)
    op.drop_column(TABLE, "is_discovered")
    op.drop_column(TABLE, "let_go_at")
