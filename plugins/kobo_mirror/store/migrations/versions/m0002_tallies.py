"""Running totals and the list of rejections, filled from the ledger."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
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

# What is there already counts as pushed where the delivery that brought it was the last one.
FILL = (
    "DELETE FROM kobo_tallies",
    "DELETE FROM kobo_rejections",
    "INSERT INTO kobo_tallies (asset_uid, day, way, slot, arrived, applied, rejected, deleted) "
    "SELECT asset_uid, DATE(first_seen_at), "
    "CASE WHEN pushed_at = first_seen_at THEN 'pushed' ELSE 'pulled' END, 0, "
    "SUM(CASE WHEN state = 'deleted' AND reason = 'never stored' THEN 0 ELSE 1 END), "
    "SUM(CASE WHEN state = 'applied' THEN 1 ELSE 0 END), "
    "SUM(CASE WHEN state = 'rejected' THEN 1 ELSE 0 END), "
    "SUM(CASE WHEN state = 'deleted' AND COALESCE(reason, '') <> 'never stored' THEN 1 ELSE 0 END) "
    "FROM kobo_submissions GROUP BY 1, 2, 3",
    "INSERT INTO kobo_rejections (asset_uid, kobo_id) "
    "SELECT asset_uid, kobo_id FROM kobo_submissions WHERE state = 'rejected'",
)


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), *MYSQLS
    )


def upgrade() -> None:
    counts = ("arrived", "applied", "rejected", "deleted")
    op.create_table(
        "kobo_tallies",
        sa.Column("asset_uid", ascii_text(40), primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("way", ascii_text(6), primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counts),
        **OPTIONS,
    )
    op.create_table(
        "kobo_rejections",
        sa.Column("asset_uid", ascii_text(40), primary_key=True),
        sa.Column("kobo_id", sa.BigInteger, primary_key=True, autoincrement=False),
        **OPTIONS,
    )
    for statement in FILL:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("kobo_rejections", if_exists=True)
    op.drop_table("kobo_tallies", if_exists=True)
