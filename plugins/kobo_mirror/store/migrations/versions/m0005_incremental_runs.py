"""Call the runs that read only what is new ``incremental``; up to here they were ``usual``."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _resize(20)
    _rename("usual", "incremental")


def downgrade() -> None:
    _rename("incremental", "usual")
    _resize(8)


def _resize(length: int) -> None:
    """Change how long a mode may be; SQLite enforces no length."""
    if op.get_bind().dialect.name != "sqlite":
        kind = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
        op.alter_column("kobo_sync_runs", "mode", type_=kind, existing_nullable=False, nullable=False)


def _rename(old: str, new: str) -> None:
    runs = sa.table("kobo_sync_runs", sa.column("mode"))
    op.get_bind().execute(sa.update(runs).where(runs.c.mode == old).values(mode=new))
