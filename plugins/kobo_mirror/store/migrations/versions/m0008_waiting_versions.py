"""Note which versions of a form wait, why they cannot be read, and when its files were swept last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("kobo_forms")}
    for column in (
        sa.Column("versions_waiting", sa.Integer, nullable=False, server_default="0"),
        sa.Column("versions_error", sa.String(500)),
        sa.Column("files_swept_at", _MOMENT),
    ):
        if column.name not in there:
            op.add_column("kobo_forms", column)


def downgrade() -> None:
    for name in ("files_swept_at", "versions_error", "versions_waiting"):
        op.drop_column("kobo_forms", name)
