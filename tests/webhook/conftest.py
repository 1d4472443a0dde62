"""An application on a migrated database, SQLite and a real server in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from falcon import testing
from sqlalchemy import Engine

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from tests.webhook.application import MIRROR, Tables, client_of
from tests.webhook.pretended_airflow import Airflow, pretended_airflow


@pytest.fixture
def unbound(database_url: str) -> Iterator[Engine]:
    """Return an engine of a database with our tables, which no sync has seen yet."""
    engine = open_engine(database_url, patience=1)
    migrate(engine, KOBO_RECORDS)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(unbound: Engine) -> Engine:
    """Return an engine of a database that mirrors the form, as the first sync leaves it."""
    bind(unbound, MIRROR)
    return unbound


@pytest.fixture
def migrated(engine: Engine, database_url: str) -> str:
    """Return the address of a database that mirrors the form."""
    return database_url


@pytest.fixture
def airflow() -> Iterator[tuple[Airflow, str]]:
    """Return what pretends to be an Airflow, and its address."""
    with pretended_airflow() as made:
        yield made


@pytest.fixture
def tables(engine: Engine) -> Tables:
    return Tables(engine)


@pytest.fixture
def client(engine: Engine) -> testing.TestClient:
    return client_of(engine)
