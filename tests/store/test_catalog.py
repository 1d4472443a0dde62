"""The catalog says what every table, column and choice means, and keeps the versions of a form."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, delete, event, insert, inspect, update
from sqlalchemy.exc import IntegrityError

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import grow
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.catalog import catalog_differences, claim, describe, is_described
from kobo_mirror.store.catalog_tables import choices, columns, form_versions, tables
from kobo_mirror.store.kept_versions import FormVersion, keep_versions, kept_versions
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.surveys import V1, V2, V3, ask, group, repeat, survey
from tests.support.tables import rows_of


def told(engine: Engine, table: Table, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows_of(engine, table)]


def test_every_table_is_told_with_the_one_that_its_rows_belong_to(applying: Applying) -> None:
    wide = ask("text", *(f"q{number}" for number in range(200)))
    applying.apply(survey([*wide, *V2]))
    names = ("table_name", "kind", "path", "parent_table", "rows_table", "rows_column", "status")
    assert told(applying.engine, tables, *names) == [
        ("survey", "main", "", None, None, None, "active"),
        ("survey__2", "part", "", "survey", None, None, "active"),
        ("survey__files", "files", "", "survey", None, None, "active"),
        ("survey__members", "repeat", "members", "survey", "survey", "members__rows", "active"),
        ("survey__pets", "repeat", "members/pets", *["survey__members"] * 2, "pets__rows", "active"),
    ]


def test_until_the_flip_the_catalog_tells_only_that_names_are_claimed(applying: Applying) -> None:
    group_of = [*ask("text", "name"), *group("people", ask("text", "head"))]
    applying.apply(survey(group_of))
    before = told(applying.engine, columns, *columns.columns.keys())
    with applying.engine.begin() as connection:
        claim(connection, survey(group_of, repeat("people", ask("text", "head"))))
    assert told(applying.engine, tables, "table_name", "status") == [
        ("survey", "active"), ("survey__files", "active"), ("survey__people", "claimed"),
    ]  # fmt: skip
    assert told(applying.engine, columns, *columns.columns.keys()) == before
    applying.apply(survey(group_of, repeat("people", ask("text", "head"))))
    assert ("survey__people", "active") in told(applying.engine, tables, "table_name", "status")
    assert ("survey", "head", "moved") in told(
        applying.engine, columns, "table_name", "column_name", "status"
    )


def test_no_two_forms_can_claim_one_name(applying: Applying) -> None:
    applying.apply(survey(V1))
    with pytest.raises(IntegrityError), applying.engine.begin() as connection:
        claim(connection, survey(V1, uid="aOtherForm000000000001"))
    assert {*told(applying.engine, tables, "asset_uid")} == {(UID,)}


def test_every_column_is_told_once_and_in_reading_order(applying: Applying) -> None:
    wide = ask("text", *(f"q{number}" for number in range(200)))
    applying.apply(survey([*wide, *V1], [*wide, *V3]))
    found = inspect(applying.engine)
    catalog = told(applying.engine, columns, "table_name", "column_name")
    there = [(name, c["name"]) for name in applying.names() for c in found.get_columns(name)]
    assert sorted(catalog) == sorted(there)
    places = told(applying.engine, columns, "table_name", "position", "facet")
    for name in ("survey__members", "survey__pets"):
        of_it = [(place, facet) for table, place, facet in places if table == name]
        assert sorted(place for place, _ in of_it) == list(range(1, len(of_it) + 1))
        assert [facet for _, facet in sorted(of_it)][:2] == ["kobo_id", "pos_1" if "pets" in name else "pos"]
    both = [place for table, place, _ in places if table in ("survey", "survey__2")]
    assert sorted(both) == list(range(1, len(both) + 1))


def test_a_question_is_told_with_its_labels_and_its_versions(applying: Applying) -> None:
    applying.apply(survey(V1, V2, V3))
    told_of_it = (
        "path",
        "kind",
        "question_type",
        "label",
        "labels",
        "first_version",
        "last_version",
        "status",
    )
    rows = {row[0]: row[1:] for row in told(applying.engine, columns, "column_name", *told_of_it)}
    label = "How old are you? 🎂"
    assert rows["age"][:2] == ("age", "integer")
    assert rows["age"][-1] == "narrowed"
    assert rows["age__text"][:4] == ("age", "text", "text", label)
    assert json.loads(rows["age__text"][4]) == {"default": label}
    assert rows["age__text"][5:] == ("v3", "v3", "active")
    assert rows["kobo_id"] == ("", "integer", None, None, None, None, None, "active")


def test_the_columns_of_a_question_are_told_over_all_of_its_paths(applying: Applying) -> None:
    first, second = ([{"type": "time", "name": name, "$kuid": "k1"}] for name in ("at", "when"))
    applying.apply(survey([*first, *V1], [*second, *V1]))
    rows = dict(told(applying.engine, columns, "column_name", "question"))
    assert {name: rows[name] for name in ("at", "at__offset", "when", "when__offset")} == dict.fromkeys(
        ("at", "at__offset", "when", "when__offset"), "when"
    )
    assert (rows["who"], rows["members__rows"], rows["kobo_id"], rows["extra"]) == (
        "members/who", None, None, None,
    )  # fmt: skip


def test_a_catalog_that_was_written_before_it_told_of_questions_is_described_by_the_next_sync(
    applying: Applying,
) -> None:
    schema = survey(V3)
    applying.apply(schema)
    kept = [FormVersion(uid, None, None, b"{}") for uid in schema.versions]
    transact(applying.engine, lambda connection: keep_versions(connection, UID, kept))
    before = applying.catalog()
    with applying.engine.begin() as connection:
        connection.execute(update(columns).values(question=None))
    with reading(applying.engine) as connection:
        assert catalog_differences(connection, schema) == []
        assert not is_described(connection, schema)
    applying.apply(schema)
    assert applying.catalog() == before
    with reading(applying.engine) as connection:
        assert is_described(connection, schema)


def choice_of(name: str, label: str) -> dict[str, Any]:
    return {"list_name": "yn", "name": name, "label": [label]}


def with_choices(*names: str) -> FormSchema:
    listed = [choice_of(name, f"{name[:9]}!") for name in names]
    content = {"survey": [{"type": "select_one yn", "name": "ok"}], "choices": listed}
    return grow(survey(), read_version("v1", content))


def test_choices_are_told_apart_byte_by_byte_however_long_they_are(applying: Applying) -> None:
    names = ("yes", "Yes", "yés", "yes ", "n" * 500, "n" * 499 + "m", "🎂")
    applying.apply(with_choices(*names))
    found = dict(told(applying.engine, choices, "name", "position"))
    assert found == {name: place for place, name in enumerate(names, 1)}
    assert {*told(applying.engine, choices, "label")} == {(f"{name[:9]}!",) for name in names}


def test_the_catalog_is_mended_where_it_says_something_else(applying: Applying) -> None:
    schema = survey(V3)
    applying.apply(schema)
    before = applying.catalog()
    with applying.engine.begin() as connection:
        connection.execute(delete(columns).where(columns.c.column_name == "age"))
        connection.execute(tables.update().values(label="something else", status="removed"))
    assert applying.catalog() != before
    assert applying.apply(schema).born == ()
    assert applying.catalog() == before


def test_a_catalog_that_was_emptied_is_written_again(applying: Applying) -> None:
    schema = survey(V3)
    applying.apply(schema)
    before = applying.catalog()
    with applying.engine.begin() as connection:
        for table in (tables, columns):
            connection.execute(delete(table))
    done = applying.apply(schema)
    assert (done.born, done.lost, done.epoch_rose) == ((), (), False)
    assert applying.catalog() == before


def test_a_second_writing_of_the_same_writes_nothing(applying: Applying) -> None:
    applying.apply(survey(V3))
    written: list[str] = []

    def note(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        written.append(statement.split(maxsplit=1)[0])

    event.listen(applying.engine, "before_cursor_execute", note)
    with applying.engine.begin() as connection:
        describe(connection, survey(V3))
    assert {*written} <= {"SELECT", "BEGIN"}


def test_versions_are_kept_in_the_order_of_their_first_sight(applying: Applying) -> None:
    engine = applying.engine
    first = FormVersion("v1", datetime(2026, 1, 2, 3, 4, 5, 678901), "a" * 40, b'{"survey": []}')  # noqa: DTZ001
    second = FormVersion("v2", None, None, '{"survey": ["🎂"]}'.encode() * 1000)
    third = FormVersion("v0", first.deployed_at, None, b"{}")
    assert transact(engine, lambda connection: keep_versions(connection, UID, [first])) == 1
    assert transact(engine, lambda connection: keep_versions(connection, UID, [third, first, second])) == 2
    assert transact(engine, lambda connection: keep_versions(connection, UID, [third, first, second])) == 0
    with reading(engine) as connection:
        assert kept_versions(connection, UID) == [first, third, second]
        assert kept_versions(connection, "aOtherForm") == []
    assert told(engine, form_versions, "uid", "number") == [("v0", 2), ("v1", 1), ("v2", 3)]
    assert len(rows_of(engine, form_versions)[2]["content"]) < 500


def differences(engine: Engine, schema: FormSchema) -> list[str]:
    with reading(engine) as connection:
        return catalog_differences(connection, schema)


def test_what_the_catalog_does_not_say_is_named_and_written_again(applying: Applying) -> None:
    schema = survey(V1, V2)
    applying.apply(schema)
    engine, catalog = applying.engine, applying.catalog()
    lacking = [f"kobo_form_versions lacks {uid}" for uid in schema.versions]
    assert differences(engine, schema) == lacking
    ghost = dict(rows_of(engine, columns)[0]) | {"column_name": "ghost"}
    with engine.begin() as connection:
        connection.execute(delete(tables).where(tables.c.table_name == "survey__pets"))
        connection.execute(update(tables).where(tables.c.table_name == "survey").values(path="x"))
        connection.execute(update(columns).where(columns.c.column_name == "age").values(hint="?"))
        connection.execute(update(columns).where(columns.c.column_name == "born").values(asset_uid="aOther"))
        connection.execute(insert(columns).values(ghost))
    assert differences(engine, schema) == [
        "kobo_tables lacks survey__pets",
        "kobo_tables says something else of survey",
        "kobo_columns says something else of survey.age",
        "kobo_columns says something else of survey__pets.born",
        "kobo_columns has a row too many",
        *lacking,
    ]
    applying.apply(schema)
    assert applying.catalog() == catalog


def test_a_name_that_is_claimed_for_a_table_to_come_is_no_difference(applying: Applying) -> None:
    applying.apply(survey(V1))
    with applying.engine.begin() as connection:
        claim(connection, survey(V1, V2))
    assert differences(applying.engine, survey(V1)) == ["kobo_form_versions lacks v1"]
