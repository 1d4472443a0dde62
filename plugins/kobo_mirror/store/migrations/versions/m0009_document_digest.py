"""Call the ledger's digest of a document ``document_digest``; up to here it was ``digest``.

Every statement by which an earlier version reads or writes the ledger names the old column. So a webhook or a
cron job of such a version that still runs gets an error, and never writes rows of an old shape: KoboToolbox
sends a delivery again that was answered by 503.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kobo_mirror.database.dialects import dialect_of

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "kobo_submissions"
OLD, NEW = "digest", "document_digest"


def upgrade() -> None:
    _rename(OLD, NEW)


def downgrade() -> None:
    _rename(NEW, OLD)


def _rename(old: str, new: str) -> None:
    bind = op.get_bind()
    there = {column["name"] for column in sa.inspect(bind).get_columns(TABLE)}
    if new not in there:  # else it was killed after this statement
        dialect_of(bind).rename_column(bind, TABLE, old, new)
