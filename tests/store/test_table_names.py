"""A table is ours only if the catalog has it, a column only if a schema has: all else is left alone."""

from __future__ import annotations

from contextlib import suppress

import pytest
from sqlalchemy import inspect, text

from kobo_mirror.errors import NameTakenError, SchemaError
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.applied import Applying
from tests.support.forms.surveys import V1, V2, ask, survey
from tests.support.tables import run_sql

OTHER = "aOtherForm000000000001"


@pytest.mark.parametrize(
    ("name", "create"),
    [
        ("survey", "CREATE TABLE survey (kobo_id BIGINT PRIMARY KEY)"),
        ("survey__files", "CREATE TABLE survey__files (kobo_id BIGINT, uid VARCHAR(64))"),
        ("survey__members", "CREATE VIEW survey__members AS SELECT 1 AS kobo_id, 1 AS pos"),
        ("SURVEY", "CREATE TABLE SURVEY (id INTEGER)"),
        ("survéy", "CREATE TABLE `survéy` (id INTEGER)"),
    ],
)
def test_a_table_or_view_of_another_program_is_named_and_nothing_is_made(
    applying: Applying, name: str, create: str
) -> None:
    engine = applying.engine
    run_sql(engine, create)
    try:
        with pytest.raises(SchemaError) as raised:
            applying.apply(survey(V1))
        assert f"{name} is in the database and is none of ours; rename or drop that one" in str(raised.value)
        assert applying.stored is None
        assert applying.names() == []
        made = {"survey", "survey__files", "survey__members"} - {name}
        assert made.isdisjoint(inspect(engine).get_table_names())
    finally:
        run_sql(engine, f"DROP {create.split()[1]} `{name}`")
    applying.apply(survey(V1))


def test_a_table_of_another_form_is_named(applying: Applying) -> None:
    other = Applying(applying.engine, OTHER)
    other.apply(survey(V1, uid=OTHER))
    try:
        with pytest.raises(SchemaError, match=f"have the table survey: survey .* is of form {OTHER}; "):
            applying.apply(survey(V1))
        assert other.names() == ["survey", "survey__files", "survey__members"]
    finally:
        other.forget()


def test_a_name_that_another_form_has_claimed_is_taken_though_no_table_is_there(on_server: Applying) -> None:
    other = Applying(on_server.engine, OTHER)
    for statements in range(100):
        try:
            with CrashPoint(on_server.engine).crash_after(statements):
                other.apply(survey(V1, uid=OTHER))
        except Crash:
            if other.names():
                break
    assert "survey" not in inspect(on_server.engine).get_table_names()
    with pytest.raises(SchemaError, match=f"is of form {OTHER}"):
        on_server.apply(survey(V1))
    other.forget()


@pytest.mark.parametrize("create", ["TABLE survey (id INTEGER)", "VIEW survey AS SELECT 1 AS kobo_id"])
def test_what_another_program_makes_after_a_name_was_claimed_is_not_ours(
    on_server: Applying, create: str
) -> None:
    for statements in range(100):
        try:
            with CrashPoint(on_server.engine).crash_after(statements):
                on_server.apply(survey(V1))
        except Crash:
            if on_server.names():
                break
    run_sql(on_server.engine, f"CREATE {create}")
    with pytest.raises(SchemaError, match="cannot have the table survey"):
        on_server.apply(survey(V1))
    run_sql(on_server.engine, f"DROP {create.split(maxsplit=1)[0]} survey")
    on_server.apply(survey(V1))
    assert on_server.schema == survey(V1)


def test_a_name_that_is_taken_later_stops_the_growth_of_a_form_only(applying: Applying) -> None:
    applying.apply(survey(V1))
    run_sql(applying.engine, "CREATE TABLE survey__pets (id INTEGER)")
    with pytest.raises(SchemaError, match="cannot have the table survey__pets"):
        applying.apply(survey(V1, V2))
    assert applying.stored
    assert (applying.schema, applying.stored.intended) == (survey(V1), None)
    run_sql(applying.engine, "DROP TABLE survey__pets")
    with applying.engine.connect() as connection:
        columns = connection.execute(text("SELECT * FROM survey__members")).keys()
    assert [*columns] == ["kobo_id", "pos", "extra", "who"]


@pytest.mark.parametrize("column", ["born", "BORN"])
@pytest.mark.parametrize("type_", ["DATE", "INTEGER"])
def test_a_column_of_another_program_stops_the_growth_of_a_form_only(
    applying: Applying, column: str, type_: str
) -> None:
    applying.apply(survey(V1))
    run_sql(applying.engine, f"ALTER TABLE survey__members ADD COLUMN {column} {type_}")
    grown = survey(V1, [*V1[:-1], *ask("date", "born"), {"type": "end_repeat"}])
    with pytest.raises(NameTakenError, match=f"members.born: survey__members.{column} is in the"):
        applying.apply(grown)
    assert applying.stored
    assert (applying.schema, applying.stored.intended) == (survey(V1), None)
    run_sql(applying.engine, f"ALTER TABLE survey__members RENAME COLUMN {column} TO mine")
    applying.apply(grown)
    assert applying.schema == grown


@pytest.mark.parametrize("statements", range(0, 40, 3))
def test_a_column_that_an_earlier_attempt_made_is_ours(on_server: Applying, statements: int) -> None:
    on_server.apply(survey(V1))
    with suppress(Crash), CrashPoint(on_server.engine).crash_after(statements):
        on_server.apply(survey(V1, V2))
    on_server.apply(survey(V1, V2))
    assert on_server.schema == survey(V1, V2)
