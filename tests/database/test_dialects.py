"""The contract of a dialect, kept by SQLite and by the server, with each driver."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from kobo_mirror.database.bulk import THE_CELL, THE_MOMENT, Write, write
from kobo_mirror.database.column_types import (
    LONG_BLOB,
    LONG_TEXT,
    MOMENT,
    OPTIONS,
    SERIAL,
    MomentDefault,
    ascii_text,
)
from kobo_mirror.database.dialects import dialect_of, dialect_of_error, dialect_of_url
from kobo_mirror.database.dialects.base import Dialect
from kobo_mirror.database.engine import clock, moment_of
from kobo_mirror.database.sql import run

SECRET = "Uwimana-0788"
KINDS = Table(
    "of_each_kind", MetaData(),
    Column("id", SERIAL, primary_key=True),
    Column("code", ascii_text(8), nullable=False, unique=True),
    Column("label", LONG_TEXT),
    Column("body", LONG_BLOB),
    Column("number", BigInteger),
    Column("short", String(20)),
    Column("seen_at", MOMENT),
    Column("made_at", MOMENT, nullable=False, server_default=MomentDefault()),
    Column("moved_at", MOMENT, nullable=False, server_default=MomentDefault(moves=True)),
    **OPTIONS,
)  # fmt: skip
LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, 789012)  # noqa: DTZ001


@pytest.fixture
def dialect(engine: Engine) -> Dialect:
    return dialect_of(engine)


@pytest.fixture
def kinds(engine: Engine, dialect: Dialect) -> Iterator[Table]:
    """An empty table with a column of each type."""
    with engine.begin() as connection:
        KINDS.create(connection)
        if trigger := dialect.moving_trigger(KINDS, "moved_at"):
            run(connection, trigger)
    yield KINDS
    KINDS.drop(engine)


def row_of(connection: Connection, code: str) -> Any:
    return connection.execute(select(KINDS).where(KINDS.c.code == code)).one()


def test_an_engine_its_connections_and_its_address_have_one_dialect(engine: Engine, dialect: Dialect) -> None:
    with engine.connect() as connection:
        assert dialect_of(connection) is dialect_of_url(engine.url) is dialect


def test_a_database_is_described(engine: Engine, dialect: Dialect) -> None:
    with engine.connect() as connection:
        described = dialect.describe(connection)
    assert str(engine.url.database) in described
    assert dialect.is_file == described.startswith("the SQLite file")


def test_a_value_of_each_type_comes_back(engine: Engine, kinds: Table) -> None:
    values = {
        "code": "Ab",
        "label": "አ😀\\'\"%\n" * 20_000,
        "body": bytes(range(256)) * 300,
        "seen_at": LONG_AGO,
    }
    with engine.begin() as connection:
        connection.execute(insert(kinds), [values, values | {"code": "aB"}])
        row = row_of(connection, "Ab")._mapping
        assert {name: row[name] for name in values} == values
        assert row_of(connection, "aB").id > row.id > 0


def test_a_row_holds_when_it_was_made_and_when_it_changed(engine: Engine, kinds: Table) -> None:
    before = clock(engine) - timedelta(milliseconds=1)  # SQLite's default counts milliseconds
    with engine.begin() as connection:
        connection.execute(insert(kinds), {"code": "a"})
        assert before <= row_of(connection, "a").made_at <= moment_of(connection)
        assert before <= row_of(connection, "a").moved_at <= moment_of(connection)
        aged = {"made_at": LONG_AGO, "moved_at": LONG_AGO}
        for number, moves in ((1, True), (1, False)):
            connection.execute(update(kinds).values(aged))
            connection.execute(update(kinds).values(number=number))
            assert row_of(connection, "a").made_at == LONG_AGO
            assert (row_of(connection, "a").moved_at > before) == moves


def test_rows_are_inserted_and_updated(engine: Engine, kinds: Table) -> None:
    columns = ("code", "label", "number", "short")
    upsert = Write(kinds, columns, (), key=("code",), keep=("short",), add=("number",))
    with engine.begin() as connection:
        write(connection, Write(kinds, columns, [("a", "first", 1, "kept"), ("b", None, 2, "x")]))
        write(connection, upsert._replace(rows=[("a", "second", 10, "other"), ("c", "new", 5, "new")]))
        rows = connection.execute(select(*(kinds.c[name] for name in columns)).order_by(kinds.c.code)).all()
    assert [tuple(row) for row in rows] == [
        ("a", "second", 11, "kept"), ("b", None, 2, "x"), ("c", "new", 5, "new"),
    ]  # fmt: skip


@pytest.mark.parametrize(("label", "number"), [("there", 7), ("not there", None)])
def test_rows_name_what_a_first_statement_reads(
    engine: Engine, dialect: Dialect, kinds: Table, label: str, number: int | None
) -> None:
    first = dialect.first_statement(kinds.c.number, {kinds.c.label: label, kinds.c.body: b"\x00'"})
    assert dialect.takes_first == (first is not None)
    if first is None:
        return
    before = clock(engine)
    with engine.begin() as connection:
        write(connection, Write(kinds, ("code", "label", "body", "number"), [("a", "there", b"\x00'", 7)]))
        named = Write(kinds, ("code", "number", "seen_at"), [("b", THE_CELL, THE_MOMENT)])
        write(connection, named, first=first)
        row = row_of(connection, "b")
        assert row.number == number
        assert before <= row.seen_at <= moment_of(connection)


def test_a_limit_of_messages_is_one_of_rows(engine: Engine, dialect: Dialect, kinds: Table) -> None:
    of = Write(kinds, ("code", "label"), ())
    with engine.connect() as connection:
        message, row = dialect.max_message_bytes(connection), dialect.max_row_bytes(connection, of)
        assert dialect.row_bytes(connection, of, ("a", "አ" * 1000)) >= 3000
    assert (message is None) == (row is None) == dialect.is_file
    assert message is None or row is None or 0 < row < message


@pytest.mark.parametrize(
    ("statement", "judged"),
    [
        (f"SELECT 1 FROM no_such_table WHERE x = '{SECRET}'", "lacks"),
        (f"SELECT no_such_column FROM of_each_kind WHERE code = '{SECRET}'", "lacks"),
        (f"INSERT INTO of_each_kind (no_such_column) VALUES ('{SECRET}')", "lacks"),
        (f"SELECT '{SECRET}' FROM", "neither"),
        (f"INSERT INTO of_each_kind (code, label) VALUES ('a', '{SECRET}')", "collides"),
    ],
)
def test_an_error_is_judged_without_its_text(
    engine: Engine, dialect: Dialect, kinds: Table, statement: str, judged: str
) -> None:
    with engine.begin() as connection:
        connection.execute(insert(kinds), {"code": "a"})
    with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
        connection.execute(text(statement))
    raised = caught.value.orig
    assert raised is not None
    assert dialect_of_error(raised) is dialect
    assert dialect.lacks_table_or_column(raised) == (judged == "lacks")
    assert dialect.is_collision(caught.value) == (judged == "collides")
    assert not dialect.took_nothing(raised)
    assert dialect.explain(raised)
    assert SECRET not in dialect.explain(raised)


def test_only_one_process_at_a_time_changes_tables(engine: Engine, dialect: Dialect) -> None:
    order: list[str] = []

    def change_too() -> None:
        with engine.begin() as connection, dialect.migration_lock(connection):
            order.append("second")

    with engine.begin() as connection, dialect.migration_lock(connection):
        thread = threading.Thread(target=change_too)
        thread.start()
        thread.join(0.5)
        order.append("first")
    thread.join(20)
    assert order == ["first", "second"]


def test_a_table_is_found_as_it_is_declared(engine: Engine, dialect: Dialect, kinds: Table) -> None:
    with engine.connect() as connection:
        found = {c["name"]: c["type"] for c in inspect(connection).get_columns(kinds.name)}
        for column in kinds.columns:
            stored = dialect.comparable_type(connection, found[column.name])
            assert stored == dialect.comparable_type(connection, column.type)
        assert dialect.column_names(connection, [kinds.name]) == {kinds.name: set(found)}
