"""How many submissions the server shows and cannot send, by run and by proof."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("kobo_sync_runs", "kobo_proofs")


def upgrade() -> None:
    for table in TABLES:
        there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
        if "unreadable" not in there:
            op.add_column(table, sa.Column("unreadable", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "unreadable")
