"""What is written to our tables: on SQLite, and on a server with each driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.support.forms.applied import Applying
from tests.support.forms.row_set_writing import forget
from tests.support.migrated_databases import engine, fresh_url, migrated, server_engine, url, writing

__all__ = ["engine", "fresh_url", "migrated", "server_engine", "url", "writing"]


@pytest.fixture
def applying(engine: Engine) -> Iterator[Applying]:
    """A form's tables on each kind of database, which are dropped in the end."""
    made = Applying(engine)
    yield made
    forget(made)


@pytest.fixture
def on_server(server_engine: Engine) -> Iterator[Applying]:
    """The same on a server alone."""
    made = Applying(server_engine)
    yield made
    forget(made)
