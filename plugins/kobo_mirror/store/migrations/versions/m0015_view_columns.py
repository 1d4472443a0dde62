"""What each column of each view shows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_MYSQLS = ("mysql", "mariadb")
_UTF8: dict[str, str] = {"charset": "utf8mb4", "collation": "utf8mb4_bin"}
_ASCII: dict[str, str] = {"charset": "ascii", "collation": "ascii_bin"}
_EXACT = sa.Text().with_variant(mysql.MEDIUMTEXT(**_UTF8), *_MYSQLS)
_NAME = sa.String(64).with_variant(mysql.VARCHAR(64, **_UTF8), *_MYSQLS)
_OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_charset": "utf8mb4",
    "mariadb_charset": "utf8mb4",
    "mysql_engine": "InnoDB",
    "mariadb_engine": "InnoDB",
}


def _ascii_text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(mysql.VARCHAR(length, **_ASCII), *_MYSQLS)


def upgrade() -> None:
    """Make the table; the next sync of a form makes its views anew and fills it."""
    op.create_table(
        "kobo_view_columns",
        sa.Column("asset_uid", _ascii_text(40), nullable=False),
        sa.Column("view_name", _NAME, primary_key=True),
        sa.Column("column_name", _NAME, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("facet", _ascii_text(20), nullable=False),
        *(sa.Column(name, _EXACT) for name in ("question", "question_type", "list_name", "choice", "label")),
        **_OPTIONS,
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("kobo_view_columns")
