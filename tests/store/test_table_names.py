"""A table is ours only if the catalog has it: whatever else has its name is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.errors import SchemaError
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.applied import Applying
from tests.support.forms.surveys import V1, V2, survey
from tests.support.tables import run_sql

OTHER = "aOtherForm000000000001"


@pytest.fixture
def applying(engine: Engine) -> Iterator[Applying]:
    made = Applying(engine)
    yield made
    made.forget()


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
    there = engine.dialect.get_table_names
    try:
        with pytest.raises(SchemaError) as raised:
            applying.apply(survey(V1))
        assert f"{name} is in the database and is none of ours; rename or drop that one" in str(raised.value)
        assert applying.stored is None
        assert applying.names() == []
        with engine.connect() as connection:
            assert not {*there(connection)} & ({"survey", "survey__files", "survey__members"} - {name})
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


def test_a_name_that_another_form_has_claimed_is_taken_though_no_table_is_there(applying: Applying) -> None:
    other = Applying(applying.engine, OTHER)
    if applying.engine.dialect.name == "sqlite":  # claim and tables come together
        return
    for statements in range(100):
        try:
            with CrashPoint(applying.engine).crash_after(statements):
                other.apply(survey(V1, uid=OTHER))
        except Crash:
            if other.names():
                break
    assert not {*applying.engine.dialect.get_table_names(applying.engine.connect())} & {"survey"}
    with pytest.raises(SchemaError, match=f"is of form {OTHER}"):
        applying.apply(survey(V1))
    other.forget()


@pytest.mark.parametrize("create", ["TABLE survey (id INTEGER)", "VIEW survey AS SELECT 1 AS kobo_id"])
def test_what_another_program_makes_after_a_name_was_claimed_is_not_ours(applying: Applying, create: str) -> None:
    if applying.engine.dialect.name == "sqlite":
        return
    for statements in range(100):
        try:
            with CrashPoint(applying.engine).crash_after(statements):
                applying.apply(survey(V1))
        except Crash:
            if applying.names():
                break
    run_sql(applying.engine, f"CREATE {create}")
    with pytest.raises(SchemaError, match="cannot have the table survey"):
        applying.apply(survey(V1))
    run_sql(applying.engine, f"DROP {create.split(maxsplit=1)[0]} survey")
    applying.apply(survey(V1))
    assert applying.schema == survey(V1)


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
