from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect, Engine, Table, event, select, text
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError

from kobo_mirror.database.bulk import THE_MOMENT, Delete, First, Write, day_of, write
from kobo_mirror.database.dialects.mysql import messages
from kobo_mirror.database.dialects.mysql.literals import Rows
from kobo_mirror.database.dialects.mysql.messages import _STATEMENT_BYTES, _chunks, _size
from kobo_mirror.database.dialects.sqlite import dialect as files
from kobo_mirror.database.engine import clock
from kobo_mirror.database.engine import moment_of as clock_in
from kobo_mirror.database.sql import Sql
from kobo_mirror.store import dead_letters
from kobo_mirror.store.tables import rejections, tallies
from tests.support.submissions import edited, submission
from tests.support.tables import ledger, letters, records
from tests.support.writing import Writing

WRITTEN = st.one_of(
    st.integers(1, 2_000_000).map(lambda n: "x" * n), st.integers(1, 600_000).map(lambda n: "አ" * n)
)


@given(rows=st.lists(WRITTEN, max_size=20))
def test_rows_are_cut_into_statements_in_their_order(rows: list[str]) -> None:
    chunks = list(_chunks(rows, _STATEMENT_BYTES, _size))
    assert [row for chunk in chunks for row in chunk] == rows
    for chunk in chunks:
        assert chunk
        assert len(", ".join(chunk).encode()) <= _STATEMENT_BYTES or len(chunk) == 1


def mysql_of(*version: int, is_mariadb: bool = False) -> Dialect:
    dialect = mysql.dialect(is_mariadb=is_mariadb)
    dialect.server_version_info = version
    return dialect


INTO = "INSERT INTO `kobo_tallies` (`slot`, `day`, `arrived`) VALUES %s"
MOVED = "`day` = {0}, `arrived` = `kobo_tallies`.`arrived` + {1}"
VALUES = f" ON DUPLICATE KEY UPDATE {MOVED.format('VALUES(`day`)', 'VALUES(`arrived`)')}"
ALIAS = f" AS incoming ON DUPLICATE KEY UPDATE {MOVED.format('incoming.`day`', 'incoming.`arrived`')}"


@pytest.mark.parametrize(
    ("dialect", "plain", "tail"),
    [
        (mysql_of(8, 0, 18), INTO, VALUES),
        (mysql_of(8, 0, 19), INTO, ALIAS),
        (mysql_of(9, 7, 0), INTO, ALIAS),
        (mysql_of(10, 11, 19, is_mariadb=True), INTO, VALUES),
        (
            sqlite.dialect(),
            'INSERT INTO "kobo_tallies" AS stored ("slot", "day", "arrived") VALUES (?, ?, ?)',
            ' ON CONFLICT ("slot") DO UPDATE SET "day" = excluded."day", '
            '"arrived" = stored."arrived" + excluded."arrived"',
        ),
    ],
)
def test_each_server_gets_the_statement_that_it_knows(dialect: Dialect, plain: str, tail: str) -> None:
    columns = ("slot", "day", "arrived")
    template_of = (files if dialect.name == "sqlite" else messages)._template
    assert template_of(Write(tallies, columns, ()), dialect).text == plain
    upsert = Write(tallies, columns, (), key=("slot",), add=("arrived",))
    assert template_of(upsert, dialect).text == plain + tail


def test_a_message_of_several_statements_has_one_moment(server_engine: Engine, odd_table: Table) -> None:
    columns = ("id", "day", "moment")
    before = clock(server_engine)
    with server_engine.begin() as connection:
        writes = [Write(odd_table, columns, [(i, day_of(THE_MOMENT), THE_MOMENT)]) for i in (1, 2)]
        write(connection, *writes, first=First(Sql("SET @moment = UTC_TIMESTAMP(6)")))
        stored = connection.execute(select(odd_table.c.day, odd_table.c.moment)).all()
    assert len(set(stored)) == 1
    day, moment = stored[0]
    assert day == moment.date()
    assert before <= moment <= clock(server_engine)


def test_an_error_of_a_later_statement_is_raised(server_engine: Engine, odd_table: Table) -> None:
    columns = ("id", "text")
    with pytest.raises(IntegrityError), server_engine.begin() as connection:
        write(connection, *(Write(odd_table, columns, [(i, "x")]) for i in (1, 2, 2, 3)))
    with server_engine.begin() as connection:
        assert connection.execute(select(odd_table)).all() == []
        write(connection, *(Write(odd_table, columns, [(i, "x")]) for i in (1, 2, 3)))
        assert len(connection.execute(select(odd_table)).all()) == 3


ADDED = ("id", "text", "number")


def test_rows_are_deleted_by_the_first_columns_of_their_key(engine: Engine, odd_table: Table) -> None:
    ids = [*range(-5, 0), 1, 2, 3, 2**53 + 1, 2**63 - 1]
    with engine.begin() as connection:
        write(
            connection,
            Write(odd_table, ADDED, [(i, "%s'", 1) for i in ids]),
            Delete(odd_table, "id", [-4, 2, 2**53 + 1, 2**53 + 2, 2**63 - 1]),
            Write(odd_table, ADDED, [(2, "again", 2)]),
            Delete(odd_table, "id", []),
        )
        query = select(odd_table.c.id, odd_table.c.text).order_by(odd_table.c.id)
        stored = dict(map(tuple, connection.execute(query)))
    assert stored == dict.fromkeys((-5, -3, -2, -1, 1), "%s'") | {2: "again", 3: "%s'"}


def test_only_rows_with_the_given_value_are_deleted(engine: Engine) -> None:
    with engine.begin() as connection:
        rows = [(key, kobo_id, "[]") for key in ("a", "b'%s") for kobo_id in range(2000)]
        names = ("asset_uid", "kobo_id", "column_names")
        write(connection, Write(rejections, names, rows))
        write(connection, Delete(rejections, "kobo_id", range(1, 2000), of=(("asset_uid", "b'%s"),)))
        left = connection.execute(select(rejections.c.asset_uid, rejections.c.kobo_id)).all()
    assert len(left) == 2001
    assert [kobo_id for key, kobo_id in left if key != "a"] == [0]


def test_an_update_touches_the_time_of_a_row_and_an_insert_leaves_its_default(
    engine: Engine, odd_table: Table
) -> None:
    before = clock(engine)
    touching = Write(odd_table, ADDED, [(1, "x", 1)], key=("id",), touch=("moment",))
    query = select(odd_table.c.moment)
    with engine.begin() as connection:
        write(connection, touching)
        assert connection.execute(query).scalar_one() is None
    with engine.begin() as connection:
        write(connection, touching)
        assert before <= connection.execute(query).scalar_one() <= clock_in(connection)


def test_the_repr_of_rows_shows_no_answer(server_engine: Engine) -> None:
    rows = Rows(["('secret')"])
    assert "secret" not in f"{rows!r} {rows!s}"
    with server_engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.exec_driver_sql("INSERT INTO no_such_table VALUES %s", (rows,))
    assert "secret" not in str(caught.value).replace(str(caught.value.orig), "")


@pytest.fixture
def sent(server_engine: Engine) -> list[int]:
    """The bytes of each statement as the driver sent it."""
    sizes: list[int] = []

    def measure(connection: Any, cursor: Any, *rest: Any) -> None:
        query = cursor._executed  # both drivers keep what they sent under this name
        sizes.append(len(query if isinstance(query, bytes) else query.encode("utf-8", "surrogateescape")))

    event.listen(server_engine, "after_cursor_execute", measure)
    return sizes


def test_a_page_of_large_submissions_stays_under_a_quarter_of_the_packet(
    server_engine: Engine, sent: list[int]
) -> None:
    with server_engine.connect() as connection:
        packet = connection.execute(text("SELECT @@max_allowed_packet")).scalar_one()
    page = [submission(key, age="abc", other='"አ\\😀\x00' * 2000) for key in range(1, 401)]
    assert Writing(server_engine).pull(*page) == {"rows_read": 400, "rejected": 400}
    assert max(sent) < packet / 4
    assert sum(sent) > 16 * 2**20
    assert len(ledger(server_engine)) == 400


def test_a_page_of_the_survey_is_one_message(server_engine: Engine, sent: list[int]) -> None:
    writing = Writing(server_engine)
    page = [submission(key) for key in range(1, 1001)]
    writing.pull(*page)
    del sent[:]
    writing.pull(*(edited(data, age="40") for data in page))
    assert len(sent) < 15
    assert len([size for size in sent if size > 100_000]) == 1
    assert {row["age"] for row in records(server_engine).values()} == {40}


def test_a_dead_letter_is_kept_byte_for_byte(engine: Engine) -> None:
    bodies = [b"", b"{", b"\x00\xff'\"\\%s" * 10, bytes(range(256)) * 4096 * 5]
    for body in bodies:
        dead_letters.keep(engine, body=body, source="webhook", reason="x" * 600)
    kept = letters(engine)
    assert [row["body"] for row in kept] == bodies
    assert {(row["source"], row["reason"], row["attempts"], row["replayed_at"]) for row in kept} == {
        ("webhook", "x" * 500, 0, None)
    }
    assert len({row["id"] for row in kept}) == len(bodies)
