"""Submissions by the day on which they were submitted, filled from the ledger."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0017"
down_revision = "0016"
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
UID = sa.String(40).with_variant(mysql.VARCHAR(40, charset="ascii", collation="ascii_bin"), *MYSQLS)
FILL = (
    "DELETE FROM kobo_days",
    "INSERT INTO kobo_days (day, asset_uid, slot, submissions) "
    "SELECT DATE(submission_time), asset_uid, 0, COUNT(*) FROM kobo_submissions "
    "WHERE state <> 'deleted' AND submission_time IS NOT NULL GROUP BY 1, 2",
)


def upgrade() -> None:
    """Make the table and count."""
    op.create_table(
        "kobo_days",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("asset_uid", UID, primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("submissions", sa.BigInteger, nullable=False),
        **OPTIONS,
    )
    for statement in FILL:
        op.execute(statement)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("kobo_days", if_exists=True)
