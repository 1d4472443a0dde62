"""A run to execute operators in, and the database that they write."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from tests.support.task_runs import TaskRun

Connect = Callable[..., None]


@pytest.fixture
def engine(connect: Connect, kobo: Connect, database_url: str) -> Iterator[Engine]:
    """The migrated database that the connection ``kobo_database`` names."""
    connect("kobo_database", conn_type="generic", extra={"url": database_url})
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    yield engine
    engine.dispose()


@pytest.fixture
def run() -> TaskRun:
    return TaskRun()
