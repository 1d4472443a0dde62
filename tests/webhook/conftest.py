"""An application on a migrated database, SQLite and a real server in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from falcon import testing
from sqlalchemy import Engine

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from tests.webhook.application import Tables, client_of


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url, patience=1)
    migrate(engine, KOBO_RECORDS)
    yield engine
    engine.dispose()


@pytest.fixture
def migrated(engine: Engine, database_url: str) -> str:
    """Return the address of a database that has the tables."""
    return database_url


@pytest.fixture
def tables(engine: Engine) -> Tables:
    return Tables(engine)


@pytest.fixture
def client(engine: Engine) -> testing.TestClient:
    return client_of(engine)
