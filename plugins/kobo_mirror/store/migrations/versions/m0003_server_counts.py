"""How many submissions the server had when it was last asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MYSQLS = ("mysql", "mariadb")
ASCII = mysql.VARCHAR(40, charset="ascii", collation="ascii_bin")


def upgrade() -> None:
    op.create_table(
        "kobo_server_counts",
        sa.Column("asset_uid", sa.String(40).with_variant(ASCII, *MYSQLS), primary_key=True),
        sa.Column("submissions", sa.BigInteger, nullable=False),
        sa.Column("counted_at", sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *MYSQLS), nullable=False),
        if_not_exists=True,
        mysql_charset="utf8mb4",
        mariadb_charset="utf8mb4",
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


def downgrade() -> None:
    op.drop_table("kobo_server_counts", if_exists=True)
