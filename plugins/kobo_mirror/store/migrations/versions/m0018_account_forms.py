"""The forms of an account as they were last listed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0018"
down_revision = "0017"
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
EXACT: dict[str, str] = {"charset": "utf8mb4", "collation": "utf8mb4_bin"}
ANSWER = sa.Text().with_variant(mysql.MEDIUMTEXT(**EXACT), *MYSQLS)


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    """Return the type of a text in ASCII."""
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), *MYSQLS
    )


def exact_text(length: int) -> sa.types.TypeEngine[str]:
    """Return the type of a text that is compared byte by byte."""
    return sa.String(length).with_variant(mysql.VARCHAR(length, **EXACT), *MYSQLS)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "kobo_account_forms",
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("server", sa.String(255), nullable=False),
        sa.Column("uid", ascii_text(40), nullable=False),
        sa.Column("name", ANSWER, nullable=False),
        sa.Column("status", ascii_text(20), nullable=False),
        sa.Column("submissions", sa.BigInteger),
        sa.Column("last_submission", ascii_text(40)),
        sa.Column("owner", sa.String(255)),
        sa.Column("is_mirrored", sa.Boolean, nullable=False),
        sa.Column("form_table", exact_text(64)),
        sa.Column("entry", ANSWER),
        sa.Column("file", sa.String(255), nullable=False),
        sa.Column("is_writable", sa.Boolean, nullable=False),
        sa.Column("listed_at", MOMENT, nullable=False),
        **OPTIONS,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("kobo_account_forms", if_exists=True)
