"""Names and literals with whatever characters they have, on each database."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Connection, Engine, MetaData, Table, Text, select

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.database.dialects import dialect_named
from kobo_mirror.database.dialects.base import Dialect
from kobo_mirror.database.sql import Composed, Identifier, Literal, Parameter, Part, Sql, names, run
from kobo_mirror.forms.declared_form import Column as FormColumn
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import form_table

NAMED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ODD = [
    "`", '"', "'", "``", '""', "a`b", "%", "%s", "%(a)s", "%%", "?", ":a", "{}", "{a}", "a b", " a", "\\",
    "\n", ";", "--", "/*", "#", "a.b", ")", "new", "NEW", "excluded", "incoming", "stored", "select",
    "values", "1", "Ж", "ወርቅ", "é", "x" * 40,
]  # fmt: skip
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=20),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.text("'\\%\x1a\n\"_;s?:", max_size=6),
)
LETTERS = st.characters(min_codepoint=1, max_codepoint=0xFFFD, exclude_categories=["Cs"])


def _ends_well(name: str) -> bool:
    return name == name.rstrip()  # MySQL refuses a blank at the end


_OF_INNODB = {"db_row_id", "db_trx_id", "db_roll_ptr", "fts_doc_id"}  # it refuses them as columns


def _names(longest: int) -> st.SearchStrategy[str]:
    any_name = st.text(LETTERS, min_size=1, max_size=longest)
    return st.one_of(
        st.sampled_from(ODD), st.text("`\"'%s?:{}\\ ;.a", min_size=1, max_size=8), any_name
    ).filter(lambda name: _ends_well(name) and name.lower() not in _OF_INNODB)


def _folded(name: str) -> str:
    """What databases may take for the same name: without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", name.upper()) if not unicodedata.combining(c))


def _made(connection: Connection, name: str, columns: tuple[str, str, str]) -> Table:
    """A table of a key, a text and a number."""
    key, text, number = columns
    run(
        connection,
        Sql("CREATE TABLE {} ({} BIGINT PRIMARY KEY, {} TEXT, {} BIGINT)").format(
            Identifier(name), *map(Identifier, columns)
        ),
    )
    return Table(
        name, MetaData(),
        Column(key, BigInteger, primary_key=True), Column(text, Text), Column(number, BigInteger),
    )  # fmt: skip


@NAMED
@given(table=_names(40), columns=st.tuples(_names(64), _names(64), _names(64)))
@example(table="new", columns=("id", "new", "incoming"))
@example(table="excluded", columns=("excluded", "stored", "new"))
@example(table="incoming", columns=("`" * 64, "%" * 64, '"' * 64))
@example(table="Incoming", columns=("ወ" * 64, "a%sb", "a b"))
def test_rows_go_to_tables_and_columns_of_any_name(
    engine: Engine, table: str, columns: tuple[str, str, str]
) -> None:
    assume(len({*map(_folded, columns)} - {""}) == 3)
    key, text, number = columns
    with engine.connect() as connection:
        made = _made(connection, table, columns)
        try:
            write(connection, Write(made, columns, [(1, "a%", 1), (2, None, 2)]))
            write(connection, Write(made, (number, key, text), [(5, 2, "b"), (7, 3, "c")], key=(key,)))
            write(connection, Write(made, columns, [(1, "new", 10)], key=(key,), keep=(text,), add=(number,)))
            query = Sql("SELECT {} FROM {} ORDER BY {}").format(
                names(columns), *map(Identifier, (table, key))
            )
            rows = run(connection, query).all()
            limited = Sql("{} LIMIT {}").format(query, Parameter())
            first = run(connection, limited, (1,)).all()  # the same, formatted by the driver
        finally:
            connection.rollback()
            run(connection, Sql("DROP TABLE IF EXISTS {}").format(Identifier(table)))
            connection.commit()
    assert [tuple(row) for row in rows] == [(1, "a%", 11), (2, "b", 5), (3, "c", 7)]
    assert first == rows[:1]


@NAMED
@given(value=VALUES)
def test_a_literal_arrives_as_the_value_that_it_was(engine: Engine, value: Any) -> None:
    if engine.dialect.name == "sqlite" and isinstance(value, str):
        assume("\0" not in value)  # no statement of SQLite's may hold one
    with engine.connect() as connection:
        statement = Sql("SELECT {}, {}, '100 %'").format(Literal(value), Parameter())
        (row,) = run(connection, statement, ("%s",)).all()
    assert tuple(row) == (value, "%s", "100 %")


@pytest.mark.parametrize("value", [1.5, True, object(), ["x"], ("x",)])
def test_a_value_that_has_no_literal_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=f"no literal for {type(value).__name__}"):
        Literal(value).text(dialect_named("sqlite"))


def test_the_repr_of_a_literal_shows_no_value() -> None:
    assert "secret" not in repr(Literal("secret"))


@pytest.mark.parametrize("name", ["", "\0", "a\0b", "😀", "a\U00010000", "\ud800", "a\udfff"])
def test_a_name_that_no_database_holds_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="can be called"):
        Identifier(name)


@pytest.mark.parametrize(
    "compose",
    [
        lambda: Sql("SELECT {}").format("x"),
        lambda: Sql("SELECT {name}").format(name="x"),
        lambda: Sql(", ").join(["x"]),
        lambda: Sql(", ").join([Sql("x"), "y"]),
        lambda: Sql(", ").join("xy"),
        lambda: Composed(["x"]),
        lambda: Composed([None]),
        lambda: names(["a"]) + "x",
        lambda: "x" + Sql("y"),
        lambda: Sql("SELECT {}").format(Sql("1"), Sql("2")),
        lambda: Sql("SELECT {}, {}").format(Sql("1")),
        lambda: Sql("SELECT {!r}").format(Sql("1")),
        lambda: Sql("SELECT {:>5}").format(Sql("1")),
    ],
)
def test_a_statement_is_composed_of_sql_parts_only(compose: Any) -> None:
    with pytest.raises(TypeError):
        compose()


FORMATTING, MARKING = dialect_named("mysql"), dialect_named("sqlite")


@pytest.mark.parametrize(
    ("part", "formatting", "marking"),
    [
        (Sql("a LIKE '%x' {}"), "a LIKE '%%x' {}", "a LIKE '%x' {}"),
        (Sql("{{}} {}").format(Sql("%")), "{} %%", "{} %"),
        (Identifier('a`"%'), '`a``"%%`', '"a`""%"'),
        (Literal("a'\\%"), "'a''\\\\%%'", "'a''\\%'"),
        (Literal(b"\x00'"), "x'0027'", "x'0027'"),
        (Literal(-5), "-5", "-5"),
        (Literal(None), "NULL", "NULL"),
        (Parameter(), "%s", "?"),
        (names(["a", "b"]), "`a`, `b`", '"a", "b"'),
        (Sql("{b}{}{a}{}").format(Sql("1"), Sql("2"), a=Sql("a"), b=Sql("b")), "b1a2", "b1a2"),
        (Sql(", ").join([]), "", ""),
    ],
)
def test_parts_are_written_for_a_dialect(part: Part, formatting: str, marking: str) -> None:
    def text(dialect: Dialect) -> str:
        return part.text(dialect)

    assert (text(FORMATTING), text(MARKING)) == (formatting, marking)


@pytest.mark.parametrize("odd", ["`", '"', "'", "%s", "a b", "select", ";--"])
def test_updated_at_moves_by_itself_in_a_form_table_of_any_name(engine: Engine, odd: str) -> None:
    form = Form(
        f"odd {odd} form", (FormColumn(f"{odd}1ወርቅ", "a"), FormColumn(f"{odd}2ወርቅ", "b", required=False))
    )
    long_ago = datetime(2001, 2, 3)  # noqa: DTZ001
    try:
        migrate(engine, form)
        table = form_table(form)
        columns = ("id", "kobo_id", f"{odd}1ወርቅ", f"{odd}2ወርቅ", "inserted_at", "updated_at")
        rows = [(bytes([number] * 16), number, "x", None, long_ago, long_ago) for number in (1, 2)]
        again = Write(table, columns[:4], [(rows[0][0], 1, "x", "y"), rows[1][:4]], key=("kobo_id",))
        with engine.begin() as connection:
            write(connection, Write(table, columns, rows))
            write(connection, again)
            moments = connection.execute(select(table.c.updated_at).order_by(table.c.kobo_id)).scalars().all()
        assert [moment == long_ago for moment in moments] == [False, True]
    finally:
        with engine.begin() as connection:
            run(connection, Sql("DROP TABLE IF EXISTS {}").format(Identifier(form.table)))
