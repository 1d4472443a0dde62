"""Views of a form's tables: by what they were made, and why they could not be."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "kobo_forms"
COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "views_fingerprint": sa.types.BINARY(16),
    "views_error": sa.String(500),
}


def upgrade() -> None:
    """Add the columns; the next sync of a form makes its views."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
    for name, kind in COLUMNS.items():
        if name not in there:  # a migration that was killed halfway is simply finished
            op.add_column(TABLE, sa.Column(name, kind))


def downgrade() -> None:
    """Take them out again."""
    for name in COLUMNS:
        op.drop_column(TABLE, name)
