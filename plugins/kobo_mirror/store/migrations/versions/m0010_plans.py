"""Plans: what new versions of a form ask of its tables, what was applied of it, and what waits."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MYSQLS = ("mysql", "mariadb")
_MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *_MYSQLS)
_EXACT = sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), *_MYSQLS)
_OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_charset": "utf8mb4",
    "mariadb_charset": "utf8mb4",
    "mysql_engine": "InnoDB",
    "mariadb_engine": "InnoDB",
}


def _ascii_text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), *_MYSQLS
    )


def upgrade() -> None:
    op.create_table(
        "kobo_plans",
        sa.Column("code", _ascii_text(12), primary_key=True),
        sa.Column("asset_uid", _ascii_text(40), nullable=False),
        sa.Column("digest", sa.types.BINARY(16), nullable=False),
        sa.Column("made_from", sa.types.BINARY(16)),
        sa.Column("policy", _ascii_text(10), nullable=False),
        sa.Column("versions", _EXACT, nullable=False),
        sa.Column("steps", _EXACT, nullable=False),
        sa.Column("noticed_at", _MOMENT, nullable=False),
        *(sa.Column(f"{what}_at", _MOMENT) for what in ("approved", "declined", "applied", "replaced")),
        **_OPTIONS,
    )
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("kobo_forms")}
    if "tables_error" not in there:
        op.add_column("kobo_forms", sa.Column("tables_error", sa.String(500)))
    if "versions_waiting" in there:  # a plan says it now
        op.drop_column("kobo_forms", "versions_waiting")


def downgrade() -> None:
    op.add_column("kobo_forms", sa.Column("versions_waiting", sa.Integer, nullable=False, server_default="0"))
    op.drop_column("kobo_forms", "tables_error")
    op.drop_table("kobo_plans")
