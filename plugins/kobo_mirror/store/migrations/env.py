"""Runs our revisions by Alembic, on the connection that ``schema.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from kobo_mirror.store.schema import VERSION_TABLE
from kobo_mirror.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
