"""What a cell becomes in its column is decided by the column's type."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, REAL, Column, Engine, Float, Integer, MetaData, Numeric, Table, select
from sqlalchemy.types import NullType, TypeEngine

from kobo_mirror.database.bulk import THE_MOMENT, Write, write
from kobo_mirror.database.cells import CellTypeError
from kobo_mirror.database.dialects.mysql.literals import escape_of
from kobo_mirror.database.engine import open_engine
from kobo_mirror.database.sql import Sql
from kobo_mirror.store.decide import Origin
from tests.support.odd_cells import COLUMNS, ODD_CELLS

TEXT = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.text("'\"\\%\x00\x01\x1a\n\r\b_;s", max_size=6),
)


def _time_of_day(milliseconds: int) -> time:
    return (datetime(2024, 1, 1) + timedelta(milliseconds=milliseconds)).time()  # noqa: DTZ001


def _to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


CELLS = st.tuples(
    TEXT,
    st.none() | st.binary(max_size=20),
    st.none() | st.dates(date(1000, 1, 1)),
    st.none() | st.datetimes(datetime(1000, 1, 1)),  # noqa: DTZ001  # UTC, as DATETIME holds it
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.booleans(),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.integers(0, 86_399_999).map(_time_of_day),
    st.none() | st.datetimes(datetime(1000, 1, 1)).map(_to_milliseconds),  # noqa: DTZ001  # UTC
    st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(CELLS, min_size=1, max_size=12), again=st.booleans(), order=st.permutations(COLUMNS))
def test_every_cell_arrives_as_it_was_sent(
    engine: Engine, odd_table: Table, cells: list[tuple[Any, ...]], again: bool, order: list[str]
) -> None:
    """Twice, the second time with the columns in another order."""
    rows = [(2**40 + number, *row) for number, row in enumerate(cells * 3 if again else cells)]
    reordered = [tuple(row[COLUMNS.index(name)] for name in order) for row in rows]
    with engine.begin() as connection:
        connection.execute(odd_table.delete())
        write(connection, Write(odd_table, COLUMNS, rows))
        write(connection, Write(odd_table, tuple(order), reordered, key=("id",)))
        stored = connection.execute(select(odd_table).order_by(odd_table.c.id)).all()
    assert [tuple(row) for row in stored] == rows


DOUBLES = (
    0.1, 1.0, -1.0, 1e22, 1e23, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.79e308,
    123456789012345680.0, 9007199254740993.0, 1 / 3, 0.1 + 0.2, 1e-5, 123456.789, 4.35, -0.0, 0.0, 2.0**63,
)  # fmt: skip


def test_numbers_of_double_precision_are_kept_to_the_last_bit(engine: Engine, odd_table: Table) -> None:
    """One by one and together; -0 becomes 0, as SQLite keeps it."""
    rows = list(enumerate(DOUBLES))
    with engine.begin() as connection:
        write(connection, Write(odd_table, ("id", "double"), rows))
        write(connection, *(Write(odd_table, ("id", "double"), [(100 + n, cell)]) for n, cell in rows))
        query = select(odd_table.c.double).order_by(odd_table.c.id)
        stored = [*map(repr, connection.scalars(query))]
    assert stored == [repr(cell + 0.0) for cell in DOUBLES] * 2


@pytest.mark.parametrize("mode", ["STRICT_ALL_TABLES", "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES"])
def test_texts_are_escaped_as_the_driver_escapes_them(server_engine: Engine, mode: str) -> None:
    """Each letter alone, all together, and those that are escaped in every order of three."""
    letters = [chr(number) for number in range(0x3000)]
    odd = [*map("".join, permutations("\\'\"\0\n\r\x1a%a", 3))]
    with server_engine.connect() as connection:
        connection.exec_driver_sql(f"SET sql_mode = '{mode}'")
        driver: Any = connection.connection.dbapi_connection
        escape = escape_of(driver)
        for text in (*letters, "".join(letters), *odd, "".join(odd)):
            escaped = driver.escape_string(text)
            assert escape(text) == (escaped if isinstance(escaped, str) else escaped.decode())


def test_zeros_of_both_signs_are_one_number(engine: Engine, odd_table: Table) -> None:
    with engine.begin() as connection:
        write(connection, Write(odd_table, ("id", "double"), [(1, -0.0), (2, 0.0)]))
        assert [*map(repr, connection.scalars(select(odd_table.c.double)))] == ["0.0", "0.0"]


def test_an_enumeration_is_written_as_its_text(engine: Engine, odd_table: Table) -> None:
    rows = [(1, Origin.PULLED), (2, Origin.PUSHED), (3, None), (4, "pulled")]
    for order in permutations(rows):
        with engine.begin() as connection:
            connection.execute(odd_table.delete())
            write(connection, Write(odd_table, ("id", "text"), order))
            stored = connection.execute(select(odd_table.c.id, odd_table.c.text)).all()
        assert dict(map(tuple, stored)) == {1: "pulled", 2: "pushed", 3: None, 4: "pulled"}


class Word(str, Enum):  # noqa: UP042  # as a library may have it: its format is not its text
    """A text that a format writes as ``Word.PLAIN``."""

    PLAIN = "plain"


@pytest.mark.parametrize("beside", ["a", "a\x01", "a'"])
def test_a_text_is_written_by_its_letters_whatever_its_format_is(
    engine: Engine, odd_table: Table, beside: str
) -> None:
    with engine.begin() as connection:
        write(connection, Write(odd_table, ("id", "text"), [(1, beside), (2, Word.PLAIN), (3, None)]))
        stored = connection.execute(select(odd_table.c.text).order_by(odd_table.c.id)).scalars().all()
    assert stored == [beside, "plain", None]


SQL_CELLS: dict[str, tuple[Any, Sql, Any]] = {
    "text": ("%s", Sql("CONCAT('%', 'd')"), "%d"),
    "bytes": (b"%", Sql("UNHEX('2525')"), b"%%"),
    "day": (date(2024, 2, 29), Sql("DATE('2024-03-01')"), date(2024, 3, 1)),
    "moment": (datetime(2024, 1, 1), Sql("TIMESTAMP('2024-03-01')"), datetime(2024, 3, 1)),  # noqa: DTZ001
    "number": (5, Sql("LENGTH('%s')"), 2),
    "flag": (False, Sql("1 = 1"), True),
    "double": (0.1, Sql("2 / 8"), 0.25),
    "clock": (time(13, 45), Sql("TIME('13:46:00.5')"), time(13, 46, 0, 500_000)),
}
"""For each column a cell, SQL that may stand there, and what that is."""


@pytest.mark.parametrize("name", SQL_CELLS)
@pytest.mark.parametrize("which", ["s", "ss", "sp", "ps", "sn", "psn", "nsp", "spsn"])
def test_sql_may_stand_in_any_column_beside_cells_and_null(
    server_engine: Engine, odd_table: Table, name: str, which: str
) -> None:
    """A letter for each row: SQL, plain, none."""
    plain, sql, value = SQL_CELLS[name]
    given = {"s": sql, "p": plain, "n": None}
    rows = [(number, given[letter]) for number, letter in enumerate(which)]
    with server_engine.begin() as connection:
        write(connection, Write(odd_table, ("id", name), rows))
        stored = connection.execute(select(odd_table.c[name]).order_by(odd_table.c.id)).scalars().all()
    assert stored == [(given | {"s": value})[letter] for letter in which]


WRONG: dict[str, list[Any]] = {
    "text": [7, 7.5, True, b"text", date(2024, 1, 1), ["text"], {}],
    "bytes": ["text", 7, bytearray(b"x"), [1]],
    "day": ["2024-01-01", 20240101, datetime(2024, 1, 1)],  # noqa: DTZ001
    "moment": ["2024-01-01 00:00:00", 7, date(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)],
    "number": [
        "5",
        "secret",
        "5); DROP TABLE odd_cells; --",
        5.0,
        7.5,
        True,
        b"5",
        date(2024, 1, 1),
        Decimal(5),
    ],
    "flag": ["1", 1, 7, 1.0],
    "double": ["1.5", "secret", 1, True, Decimal("1.5"), float("nan"), float("inf"), -float("inf")],
    "clock": ["13:45", 7, timedelta(hours=1), datetime(2024, 1, 1), time(1, tzinfo=UTC)],  # noqa: DTZ001
}
"""For each column cells of other types than it is declared with."""


@pytest.mark.parametrize("place", ["alone", "first", "last", "beside none", "everywhere"])
@pytest.mark.parametrize(("name", "cell"), [(name, cell) for name, cells in WRONG.items() for cell in cells])
def test_a_cell_of_another_type_than_its_column_is_refused(
    engine: Engine, odd_table: Table, name: str, cell: Any, place: str
) -> None:
    right, _, _ = SQL_CELLS[name]
    cells = {
        "alone": [cell],
        "first": [cell, right],
        "last": [right, cell],
        "beside none": [None, cell],
        "everywhere": [cell, cell],
    }[place]
    before = Write(odd_table, ("id", "text"), [(1, "another row"), (2, None)])
    with pytest.raises(CellTypeError) as caught, engine.begin() as connection:
        write(connection, before, Write(odd_table, ("id", name), list(enumerate(cells, 3))))
    sentence = str(caught.value)
    assert f"odd_cells.{name}," in sentence
    assert type(cell).__name__ in sentence
    assert "secret" not in sentence
    assert "DROP" not in sentence
    with engine.begin() as connection:
        assert connection.execute(select(odd_table)).all() == []


def test_sqlite_takes_no_sql_in_place_of_a_cell(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'odd.sqlite'}")
    ODD_CELLS.create(engine)
    with pytest.raises(CellTypeError, match=r"odd_cells\.moment"), engine.begin() as connection:
        write(connection, Write(ODD_CELLS, ("id", "moment"), [(1, THE_MOMENT)]))
    engine.dispose()


@pytest.mark.parametrize("kind", [Float(), REAL(), Numeric(), JSON(), NullType()])
def test_a_column_whose_type_has_no_literal_is_refused(engine: Engine, kind: TypeEngine[Any]) -> None:
    table = Table("unknown_types", MetaData(), Column("id", Integer), Column("odd", kind))
    with pytest.raises(CellTypeError, match=r"unknown_types\.odd"), engine.begin() as connection:
        write(connection, Write(table, ("id", "odd"), [(1, None)]))
