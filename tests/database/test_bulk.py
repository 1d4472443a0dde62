from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Engine,
    LargeBinary,
    MetaData,
    Table,
    Text,
    event,
    select,
    text,
)
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.exc import DBAPIError, IntegrityError

from kobo_mirror.database.bulk import (
    _STATEMENT_BYTES,
    READ_CLOCK,
    THE_MOMENT,
    First,
    Write,
    _chunks,
    _size,
    day_of,
    write,
)
from kobo_mirror.database.engine import clock
from kobo_mirror.database.literals import Rows
from kobo_mirror.store import dead_letters
from kobo_mirror.store.decide import Origin
from kobo_mirror.store.tables import MOMENT, OPTIONS
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


@pytest.fixture
def odd_table(server_engine: Engine) -> Iterator[Table]:
    """A table with a column of each type that our rows have."""
    table = Table(
        "odd_cells", MetaData(),
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("text", Text().with_variant(LONGTEXT(), "mysql", "mariadb")),
        Column("bytes", LargeBinary),
        Column("day", Date),
        Column("moment", MOMENT),
        **OPTIONS,
    )  # fmt: skip
    table.create(server_engine)
    yield table
    table.drop(server_engine)


TEXT = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.text("'\"\\%\x00\x01\x1a\n\r\b_;s", max_size=6),
)
CELLS = st.tuples(
    TEXT,
    st.none() | st.binary(max_size=20),
    st.none() | st.dates(date(1000, 1, 1)),
    st.none() | st.datetimes(datetime(1000, 1, 1)),  # noqa: DTZ001  # UTC, as DATETIME holds it
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(CELLS, min_size=1, max_size=12), again=st.booleans())
def test_every_cell_arrives_as_it_was_sent(
    server_engine: Engine, odd_table: Table, cells: list[tuple[Any, ...]], again: bool
) -> None:
    columns = tuple(column.name for column in odd_table.columns)
    rows = [(2**40 + number, *row) for number, row in enumerate(cells * 3 if again else cells)]
    with server_engine.begin() as connection:
        connection.execute(odd_table.delete())
        write(connection, Write(odd_table, columns, rows))
        write(connection, Write(odd_table, columns, rows, key=("id",)))
        stored = connection.execute(select(odd_table).order_by(odd_table.c.id)).all()
    assert [tuple(row) for row in stored] == rows


def test_an_enumeration_is_written_as_its_text(server_engine: Engine, odd_table: Table) -> None:
    rows = [(1, Origin.PULLED), (2, Origin.PUSHED), (3, None)]
    with server_engine.begin() as connection:
        write(connection, Write(odd_table, ("id", "text"), rows))
        stored = connection.execute(select(odd_table.c.id, odd_table.c.text)).all()
    assert [tuple(row) for row in stored] == [(1, "pulled"), (2, "pushed"), (3, None)]


def test_a_message_of_several_statements_has_one_moment(server_engine: Engine, odd_table: Table) -> None:
    columns = ("id", "day", "moment")
    before = clock(server_engine)
    with server_engine.begin() as connection:
        writes = [Write(odd_table, columns, [(i, day_of(THE_MOMENT), THE_MOMENT)]) for i in (1, 2)]
        write(connection, *writes, first=First(READ_CLOCK))
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


def test_rows_show_nothing_of_themselves(server_engine: Engine) -> None:
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
