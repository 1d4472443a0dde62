"""Each refusal of a server is a sentence that says what to do, by its number alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from kobo_mirror.database.dialects.mysql.refusals import COLLISIONS, GONE, MEANING, READ_ONLY
from kobo_mirror.database.dialects.sqlite.refusals import MEANING as SQLITE_MEANING
from kobo_mirror.database.engine import open_engine, read, transact
from kobo_mirror.database.errors import database_errors
from kobo_mirror.errors import DatabaseError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from tests.support.database_server import own_server

SECRET = "Uwimana-0788"
TRANSIENT = {1020, 1205, 1213, 1412, 1615, 1637, 1684, 1689, 3058, 3101}
ASKED_FOR = {
    1020, 1030, 1036, 1041, 1044, 1047, 1048, 1062, 1071, 1115, 1118, 1135, 1142, 1158, 1159, 1160, 1161,
    1175, 1180, 1197, 1203, 1205, 1213, 1226, 1227, 1273, 1290, 1364, 1366, 1370, 1406, 1412, 1419, 1451,
    1452, 1615, 1644, 1665, 1684, 1689, 1792, 1812, 1836, 1932, 3058, 3100, 3101, 3159, 3819, 4025, 4031,
    4150,
}  # fmt: skip


def signal(connection: Connection, number: int) -> None:
    """Have the server raise an error of this number, with an answer in its text."""
    connection.execute(text(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = '{SECRET}'"))


@pytest.mark.parametrize("number", sorted(number for number in MEANING if number < 2000 or number >= 3000))
def test_each_error_number_has_its_sentence(server_engine: Engine, number: int) -> None:
    patient = server_engine.execution_options(patience=0.01)
    with pytest.raises(DatabaseError) as caught:
        transact(patient, lambda connection: signal(connection, number))
    assert str(caught.value) == f"The database could not take it: {MEANING[number]} ({number})."
    assert SECRET not in str(caught.value)


def test_the_error_numbers_that_people_report_are_known() -> None:
    assert set(MEANING) >= ASKED_FOR
    assert set(MEANING) >= GONE >= READ_ONLY >= {1290, 1792, 1836}


def test_an_unknown_error_number_is_named(server_engine: Engine) -> None:
    with pytest.raises(DatabaseError, match=r"look up this number of its errors \(1235\)\.$"):
        transact(server_engine, lambda connection: signal(connection, 1235))


@pytest.mark.parametrize("number", sorted(GONE))
def test_a_connection_to_a_read_only_server_is_thrown_away(server_engine: Engine, number: int) -> None:
    """With all that were made before, and the work is done over a new one."""
    ids: list[int] = []
    with server_engine.connect() as other:
        before = [id_of(other)]

    def work(connection: Connection) -> int:
        ids.append(id_of(connection))
        if len(ids) == 1:
            signal(connection, number)
        return ids[-1]

    with server_engine.connect() as beside:
        before.append(id_of(beside))
        assert transact(server_engine, work) == ids[-1]
    assert len(ids) == 2
    assert ids[1] not in [*before, ids[0]]
    with server_engine.connect() as first, server_engine.connect() as second:
        assert not {id_of(first), id_of(second)} & {*before, ids[0]}


@pytest.mark.parametrize("number", sorted(COLLISIONS))
@pytest.mark.parametrize("using", [transact, read])
def test_a_temporary_refusal_is_tried_again(
    server_engine: Engine, number: int, using: Callable[..., int]
) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> int:
        tries.append(id_of(connection))
        if len(tries) < 3:
            signal(connection, number)
        return tries[-1]

    assert using(server_engine, work) == tries[-1]
    assert tries == tries[:1] * 3  # over the same connection


def test_every_temporary_refusal_is_known_to_be_temporary() -> None:
    assert COLLISIONS - {1048, 1062} == TRANSIENT


@pytest.mark.parametrize("number", sorted({1142, 1665} | COLLISIONS))
def test_a_connection_survives_the_refusal_of_one_statement(server_engine: Engine, number: int) -> None:
    with server_engine.connect() as connection:
        before = id_of(connection)
    with pytest.raises(DatabaseError):
        transact(
            server_engine.execution_options(patience=0.01), lambda connection: signal(connection, number)
        )
    with server_engine.connect() as connection:
        assert id_of(connection) == before


def id_of(connection: Connection) -> int:
    return int(connection.execute(text("SELECT CONNECTION_ID()")).scalar_one())


def test_a_binary_log_that_cannot_take_it_is_named() -> None:
    with own_server() as server:
        server.restart("--log-bin", "--binlog-format=STATEMENT", "--server-id=7")
        engine = open_engine(server.fresh_database())
        with pytest.raises(DatabaseError, match=r"set binlog_format to ROW or MIXED \(1665\)"):
            migrate(engine, KOBO_RECORDS)
        engine.dispose()


@pytest.mark.parametrize("phrase", SQLITE_MEANING)
def test_each_sqlite_error_has_its_sentence(phrase: str) -> None:
    said = sqlite3.OperationalError(f"{phrase} {SECRET}")
    with pytest.raises(DatabaseError) as caught, database_errors():
        raise OperationalError("SELECT", {}, said)
    assert f"SQLite says '{phrase}': {SQLITE_MEANING[phrase]}" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_another_sqlite_error_is_named_so_that_it_can_be_looked_up(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'mirror.sqlite'}")
    with pytest.raises(DatabaseError, match=r"look up SQLITE_CONSTRAINT_CHECK\.$"):
        transact(engine, _break_a_check)
    engine.dispose()


def _break_a_check(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE checked (n INTEGER CHECK (n > 0))"))
    try:
        connection.exec_driver_sql("INSERT INTO checked VALUES (0)")
    except Exception as problem:  # as it would be raised by a statement that is not tried again
        raise OperationalError("INSERT", {}, problem.orig) from None  # type: ignore[attr-defined]
