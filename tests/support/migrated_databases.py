"""Fixtures: a migrated, empty database on SQLite, and on the server with each driver that is installed.

A ``conftest.py`` imports those that its tests use.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, Table, delete, inspect, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import VERSION_TABLE, at_head, migrate
from kobo_mirror.store.tables import form_table, metadata
from tests.support.database_server import DatabaseServer
from tests.support.drivers import DRIVERS
from tests.support.odd_cells import ODD_CELLS
from tests.support.writing import Writing


@pytest.fixture(params=["sqlite", *DRIVERS])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'mirror.sqlite'}"
        return
    running: DatabaseServer = request.getfixturevalue("server")
    url = running.fresh_database(driver=request.param)
    yield url
    running.drop_database(url)


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the addresses of databases that are used again and again, since making tables takes a while."""
    return {"sqlite": f"sqlite:///{tmp_path_factory.mktemp('template') / 'mirror.sqlite'}"}


@pytest.fixture(params=["sqlite", *DRIVERS])
def url(request: pytest.FixtureRequest, migrated: dict[str, str], tmp_path: Path) -> str:
    """Return the address of a database with our tables, all empty."""
    url = _emptied(request, migrated)
    if request.param != "sqlite":
        return url
    copy = tmp_path / "mirror.sqlite"
    shutil.copy(url.removeprefix("sqlite:///"), copy)
    return f"sqlite:///{copy}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """Return an engine on that database."""
    engine = open_engine(url, several=True)
    yield engine
    engine.dispose()


@pytest.fixture
def writing(engine: Engine) -> Writing:
    """Return a puller and a webhook on that database."""
    return Writing(engine)


@pytest.fixture(params=DRIVERS)
def server_engine(request: pytest.FixtureRequest, migrated: dict[str, str]) -> Iterator[Engine]:
    """Return an engine on an emptied database of the server, with each driver."""
    engine = open_engine(_emptied(request, migrated), several=True)
    yield engine
    engine.dispose()


def _emptied(request: pytest.FixtureRequest, migrated: dict[str, str]) -> str:
    if request.param not in migrated:
        running: DatabaseServer = request.getfixturevalue("server")
        migrated[request.param] = running.fresh_database(driver=request.param)
    engine = open_engine(migrated[request.param])
    if at_head(engine, KOBO_RECORDS):
        _empty(engine)
    else:
        migrate(engine, KOBO_RECORDS)
    engine.dispose()
    return migrated[request.param]


def _empty(engine: Engine) -> None:
    _drop_derived(engine)
    with engine.begin() as connection:
        for table in (form_table(KOBO_RECORDS), *metadata.tables.values()):
            connection.execute(delete(table))


def _drop_derived(engine: Engine) -> None:
    """Drop all tables but those that each database of ours has."""
    ours = {*metadata.tables, KOBO_RECORDS.table, VERSION_TABLE}
    names = [name for name in inspect(engine).get_table_names() if name not in ours]
    views = [name for name in inspect(engine).get_view_names() if name != "kobo_rejected"]
    if names or views:
        with engine.begin() as connection:
            for name in views:
                connection.execute(text(f"DROP VIEW `{name}`"))
            connection.execute(text("SET foreign_key_checks = 0"))
            for name in names:
                connection.execute(text(f"DROP TABLE `{name}`"))
            connection.execute(text("SET foreign_key_checks = 1"))


@pytest.fixture
def odd_table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """Make an empty table with a column of each type, in the database that the test has an engine for."""
    name = "engine" if "engine" in request.fixturenames else "server_engine"
    engine: Engine = request.getfixturevalue(name)
    ODD_CELLS.create(engine)
    yield ODD_CELLS
    ODD_CELLS.drop(engine)
