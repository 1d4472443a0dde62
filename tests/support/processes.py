"""What a test lets other processes do."""

from __future__ import annotations

from kobo_mirror.forms.kobo_records import KOBO_RECORDS
from kobo_mirror.store.database import open_engine
from kobo_mirror.store.schema import migrate


def migrate_one(url: str) -> None:
    """Bring a database to the newest tables."""
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    engine.dispose()
