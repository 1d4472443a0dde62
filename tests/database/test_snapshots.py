"""Snapshots: all statements of a transaction see one state, whatever others commit meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from kobo_mirror.database.engine import read_snapshot, reading, snapshot
from kobo_mirror.errors import DatabaseError


@pytest.fixture
def tables(engine: Engine) -> Iterator[tuple[str, str]]:
    names = ("one_table", "other_table")
    with engine.begin() as connection:
        for name in names:
            connection.execute(text(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY)"))
    yield names
    with engine.begin() as connection:
        for name in names:
            connection.execute(text(f"DROP TABLE {name}"))


def count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def add(engine: Engine, *names: str) -> None:
    """Commit a row of each table in another session."""
    with engine.begin() as connection:
        for name in names:
            connection.execute(text(f"INSERT INTO {name} SELECT count(*) FROM {name}"))


def test_statements_of_a_snapshot_see_one_state(engine: Engine, tables: tuple[str, str]) -> None:
    add(engine, *tables)
    with snapshot(engine) as connection:
        assert count(connection, tables[0]) == 1
        add(engine, *tables)
        assert [count(connection, name) for name in tables] == [1, 1]
    with snapshot(engine) as connection:
        assert [count(connection, name) for name in tables] == [2, 2]


def test_what_only_reads_sees_newer_states_on_a_server(
    server_engine: Engine, request: pytest.FixtureRequest
) -> None:
    """So the test above can fail, and a snapshot leaves nothing behind in its session."""
    engine = server_engine
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE one_table (id INTEGER PRIMARY KEY)"))
    request.addfinalizer(lambda: _drop(engine, "one_table"))
    with snapshot(engine) as connection:
        session = connection.connection.dbapi_connection
        assert count(connection, "one_table") == 0
    with reading(engine) as connection:
        assert connection.connection.dbapi_connection is session
        assert count(connection, "one_table") == 0
        add(engine, "one_table")
        assert count(connection, "one_table") == 1


def _drop(engine: Engine, name: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {name}"))


def test_a_snapshot_begins_when_it_is_asked_for_on_a_server(server_engine: Engine) -> None:
    with server_engine.begin() as connection:
        connection.execute(text("CREATE TABLE one_table (id INTEGER PRIMARY KEY)"))
    try:
        with snapshot(server_engine) as connection:
            add(server_engine, "one_table")
            assert count(connection, "one_table") == 0
    finally:
        _drop(server_engine, "one_table")


def test_work_runs_again_after_a_table_was_changed(engine: Engine, tables: tuple[str, str]) -> None:
    found: list[int] = []
    is_file = engine.dialect.name == "sqlite"
    copying = "" if is_file else ", ALGORITHM = COPY"  # what is added at once can still be read

    def work(connection: Connection) -> int:
        first = count(connection, tables[0])
        if not found:
            with engine.begin() as other:
                other.execute(text(f"ALTER TABLE {tables[1]} ADD COLUMN born INTEGER{copying}"))
            add(engine, tables[0])
        found.append(first)
        return first + count(connection, tables[1])

    assert read_snapshot(engine, work) == (0 if is_file else 1)
    assert found == ([0] if is_file else [0, 1])


def test_a_changed_table_is_told_where_nothing_runs_again(server_engine: Engine) -> None:
    with server_engine.begin() as connection:
        connection.execute(text("CREATE TABLE one_table (id INTEGER PRIMARY KEY)"))
    try:
        with pytest.raises(DatabaseError, match="1412"), snapshot(server_engine) as connection:
            with server_engine.begin() as other:
                other.execute(text("ALTER TABLE one_table ADD COLUMN born INTEGER, ALGORITHM = COPY"))
            count(connection, "one_table")
    finally:
        _drop(server_engine, "one_table")
