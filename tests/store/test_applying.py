"""A schema becomes tables: in any number of steps, by any number of processes, whenever one is killed."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import Engine, inspect, select, text

from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.applying import NamedForm, apply_schema
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.bindings import NotBoundError
from kobo_mirror.store.catalog_tables import columns, tables
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import forms
from tests.support.forms.applied import SURVEY, Applying
from tests.support.forms.judging import UID
from tests.support.forms.surveys import V1, V2, V3, ask, group, repeat, survey
from tests.support.tables import created, run_sql

NAMES_OF_V2 = ["survey", "survey__files", "survey__members", "survey__pets"]


def test_tables_are_made_with_keys_references_and_defaults(applying: Applying) -> None:
    schema = survey(V2)
    done = applying.apply(schema)
    assert sorted(born.table for born in done.born) == NAMES_OF_V2
    assert all(born.is_new for born in done.born)
    assert (done.lost, done.epoch, done.epoch_rose) == ((), 1, False)
    found = inspect(applying.engine)
    keys = {name: found.get_pk_constraint(name)["constrained_columns"] for name in NAMES_OF_V2}
    assert keys == {
        "survey": ["kobo_id"],
        "survey__files": ["kobo_id", "uid"],
        "survey__members": ["kobo_id", "pos"],
        "survey__pets": ["kobo_id", "pos_1", "pos"],
    }
    (reference,) = found.get_foreign_keys("survey__pets")
    assert reference["referred_table"] == "survey__members"
    assert reference["constrained_columns"] == ["kobo_id", "pos_1"]
    assert reference["options"] == {"ondelete": "CASCADE"}
    assert [index["column_names"] for index in found.get_indexes("survey")] == [["updated_at"]]
    quoted = {column["name"]: column["nullable"] for column in found.get_columns("survey")}
    assert [name for name, nullable in quoted.items() if not nullable] == [
        "kobo_id", "inserted_at", "updated_at", "members__rows",
    ]  # fmt: skip
    run_sql(applying.engine, "INSERT INTO survey (kobo_id, name) VALUES (7, 'Ann')")
    with applying.engine.connect() as connection:
        first = connection.execute(text("SELECT members__rows, inserted_at, updated_at FROM survey")).one()
        assert first[0] == 0
        assert first[1] == first[2]
    time.sleep(0.01)
    run_sql(applying.engine, "UPDATE survey SET name = 'Anna'")
    with applying.engine.connect() as connection:
        then = connection.execute(text("SELECT inserted_at, updated_at FROM survey")).one()
    assert then[0] == first[1]
    assert then[1] > first[2]


def test_a_column_that_was_born_later_moves_the_time_of_the_change_too(applying: Applying) -> None:
    applying.apply(survey(V1))
    applying.apply(survey(V1, [*V1, *ask("integer", "height")]))
    run_sql(applying.engine, "INSERT INTO survey (kobo_id) VALUES (7)")
    time.sleep(0.01)
    run_sql(applying.engine, "UPDATE survey SET height = 180")
    with applying.engine.connect() as connection:
        then = connection.execute(text("SELECT inserted_at, updated_at FROM survey")).one()
    assert then[1] > then[0]


def test_what_is_there_is_not_made_again(applying: Applying) -> None:
    schema = survey(V1, V2)
    applying.apply(schema)
    found, catalog = applying.found(), applying.catalog()
    again = applying.apply(schema)
    assert (again.born, again.lost, again.epoch, again.epoch_rose) == ((), (), 1, False)
    assert (applying.found(), applying.catalog()) == (found, catalog)
    assert applying.schema == schema


def test_versions_grow_tables_and_only_what_shapes_rows_anew_raises_the_epoch(applying: Applying) -> None:
    applying.apply(survey(V1))
    done = applying.apply(survey(V1, V2))
    assert {born.table: (born.columns, born.is_new) for born in done.born} == {
        "survey__members": (
            ("pets__rows", "where", "where__lat", "where__lon", "where__alt", "where__acc"), False,
        ),
        "survey__pets": (("kobo_id", "pos_1", "pos", "extra", "born"), True),
    }  # fmt: skip
    assert (done.epoch, done.epoch_rose) == (1, False)
    assert applying.stored
    assert applying.stored.waiting == {"members/where", "members/pets", "members/pets/born"}
    done = applying.apply(survey(V1, V2, V3))
    assert [(born.table, born.columns) for born in done.born] == [("survey", ("age__text",))]
    assert (done.epoch, done.epoch_rose) == (2, True)
    assert applying.stored.waiting == {"members/where", "members/pets", "members/pets/born"}


def test_a_new_label_is_told_and_shapes_nothing(applying: Applying) -> None:
    before, after = (survey(V1[1:], ask("integer", "age", label=label)) for label in ("Age", "Your age"))
    applying.apply(before)
    done = applying.apply(after)
    assert (done.born, done.epoch, applying.schema) == ((), 1, after)
    with applying.engine.connect() as connection:
        assert connection.scalar(select(columns.c.label).where(columns.c.column_name == "age")) == "Your age"
    comment = _comment(applying.engine, "survey", "age")
    assert comment in ("Your age (age)", None)


def _comment(engine: Engine, table: str, column: str) -> str | None:
    found = {one["name"]: one.get("comment") for one in inspect(engine).get_columns(table)}
    return found[column]


@pytest.mark.parametrize(
    ("label", "kept"),
    [
        ("Ça va? 🎂 100 % 'q' `b` \\n \"d\"", "Ça va?  100 % 'q' `b` \\n \"d\" (name)"),
        ("ስም", "ስም (name)"),
        ("🎂", "name"),
        ("x" * 3000, "x" * 1024),
        ("a\x00\ud83d\nb", "a\ufffd b (name)"),
    ],
)
def test_labels_are_comments_where_the_database_has_them(applying: Applying, label: str, kept: str) -> None:
    schema = survey([*ask("text", "name", label=label), *repeat("members", ask("text", "who"))])
    applying.apply(schema)
    comment = _comment(applying.engine, "survey", "name")
    if applying.engine.dialect.name == "sqlite":
        assert comment is None
        return
    assert comment == kept
    assert applying.apply(schema).born == ()
    assert inspect(applying.engine).get_table_comment("survey__members") == {"text": "members"}


def test_comments_are_cut_where_the_definition_of_a_table_has_no_room_for_them(applying: Applying) -> None:
    rows = [row for number in range(900) for row in ask("date", f"day_{number}", label="Which day? " * 9)]
    applying.apply(survey(rows[:400]))
    done = applying.apply(survey(rows[:400], rows))
    assert {born.table for born in done.born} == {"survey", "survey__2"}
    found = {one["name"]: one.get("comment") for one in inspect(applying.engine).get_columns("survey")}
    (comment,) = {found[f"day_{number}"] for number in range(800)}
    if applying.engine.dialect.name != "sqlite":
        assert comment is not None
        assert ("Which day? " * 9).startswith(comment)
        assert 20 < len(comment) < 60


def test_a_schema_that_was_not_grown_from_what_is_there_is_refused(applying: Applying) -> None:
    applying.apply(survey(V1))
    with pytest.raises(SchemaError, match=r"lacks the column survey\.members__rows, or has it otherwise"):
        applying.apply(survey(ask("text", "name", "age")))
    with pytest.raises(SchemaError, match=r"filled from https://kobo\.test, not from https://other\.test"):
        apply_schema(applying.engine, survey(V1), NamedForm("https://other.test", "x"), applying.lease)
    assert applying.schema == survey(V1)


def test_a_stored_schema_that_cannot_be_read_is_told(applying: Applying) -> None:
    applying.apply(survey(V1))
    with applying.engine.begin() as connection:
        connection.execute(forms.update().where(forms.c.asset_uid == UID).values(schema="{}"))
    with pytest.raises(SchemaError, match=r"schema of form .* in kobo_forms cannot be read"):
        applying.apply(survey(V1))


def test_the_rest_of_a_declared_survey_leaves_its_table_as_it_is(applying: Applying) -> None:
    engine = applying.engine
    schema = survey([*ask("text", "name"), *V1], form=KOBO_RECORDS)
    with pytest.raises(NotBoundError):
        applying.apply(schema)
    bind(engine, Mirror(KOBO_RECORDS, SURVEY.server, UID))
    before = created(engine, "kobo_records")
    done = applying.apply(schema)
    assert created(engine, "kobo_records") == before
    assert (done.epoch, done.epoch_rose) == (2, True)
    assert sorted(born.table for born in done.born) == [
        "kobo_records__files", "kobo_records__members", "kobo_records__rest",
    ]  # fmt: skip
    with engine.connect() as connection:
        kinds = connection.execute(select(tables.c.table_name, tables.c.kind, tables.c.parent_table)).all()
    assert sorted(tuple(row) for row in kinds) == [
        ("kobo_records", "declared", None),
        ("kobo_records__files", "files", "kobo_records__rest"),
        ("kobo_records__members", "repeat", "kobo_records__rest"),
        ("kobo_records__rest", "rest", None),
    ]
    with engine.begin() as connection:  # or the next test would find it
        for name in ("files", "members", "rest"):
            connection.execute(text(f"DROP TABLE kobo_records__{name}"))
        connection.execute(tables.delete())


def test_a_form_of_five_thousand_questions(applying: Applying) -> None:
    names = [f"question_{number}" for number in range(1, 5001)]
    rows = ask("text", *names[:2500], label="A label in the first language, as long as they are") + ask(
        "integer", *names[2500:], label="A label"
    )
    schema = survey(rows)
    applying.apply(schema)
    assert applying.schema == schema
    assert len(applying.names()) > 10
    found = inspect(applying.engine)
    assert sum(len(found.get_columns(name)) - 1 for name in applying.names()) > 5000
    assert applying.apply(schema).born == ()


def test_questions_move_into_a_repeat(applying: Applying) -> None:
    applying.apply(survey(group("people", ask("text", "head"))))
    done = applying.apply(survey(group("people", ask("text", "head")), repeat("people", ask("text", "head"))))
    assert (done.epoch, done.epoch_rose) == (2, True)
    with applying.engine.connect() as connection:
        query = select(columns.c.table_name, columns.c.status).where(columns.c.column_name == "head")
        assert {tuple(row) for row in connection.execute(query)} == {
            ("survey", "moved"), ("survey__people", "active"),
        }  # fmt: skip


def test_migrating_again_leaves_the_tables_of_forms_alone(applying: Applying) -> None:
    applying.apply(survey(V1))
    found, catalog = applying.found(), applying.catalog()
    migrate(applying.engine, KOBO_RECORDS)
    assert (applying.found(), applying.catalog()) == (found, catalog)
