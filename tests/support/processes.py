"""What tests need for other processes."""

from __future__ import annotations

import socket

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.applying import apply_schema
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.schema import migrate
from tests.support.forms.applied import SURVEY


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


def apply_one(url: str, schema: FormSchema, lease: Lease) -> int:
    """Make the tables of a form, and return how many were made."""
    engine = open_engine(url)
    done = apply_schema(engine, schema, SURVEY, lease)
    engine.dispose()
    return sum(born.is_new for born in done.born)
