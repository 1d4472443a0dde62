"""What tests need for other processes."""

from __future__ import annotations

import socket

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def migrate_one(url: str) -> None:
    """Bring a database to the newest tables."""
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    engine.dispose()
