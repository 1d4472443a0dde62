"""What further versions make of a form's tables: moves, wider kinds, facets, counts, labels, each by hand."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_table import serves
from kobo_mirror.forms.definition import Version, read_version
from kobo_mirror.forms.derive import derive, grow
from kobo_mirror.forms.form_schema import Column, FormSchema, Table

Row = dict[str, Any]


def survey(*versions: list[Row], name: str = "Survey", choices: list[Row] | None = None) -> FormSchema:
    return derive("aUid", name, [_read(f"v{n}", rows, choices) for n, rows in enumerate(versions, 1)])


def _read(uid: str, rows: list[Row], choices: list[Row] | None = None) -> Version:
    return read_version(uid, {"survey": rows, "choices": choices or []})


def ask(kind: str, name: str, **more: Any) -> list[Row]:
    return [{"type": kind, "name": name, **more}]


def group(name: str, *inside: list[Row]) -> list[Row]:
    return [{"type": "begin_group", "name": name}, *chain.from_iterable(inside), {"type": "end_group"}]


def repeat(name: str, *inside: list[Row], **more: Any) -> list[Row]:
    return [
        {"type": "begin_repeat", "name": name, **more},
        *chain.from_iterable(inside),
        {"type": "end_repeat"},
    ]


def table(schema: FormSchema, name: str) -> Table:
    return next(table for table in schema.tables if table.name == name)


def columns(found: Table) -> list[tuple[str, str, str]]:
    """Name, kind and status of the columns that are not the system's, in the order of their birth."""
    return [(c.name, c.kind.value, c.status.value) for c in found.columns if c.path]


def column(found: Table, name: str) -> Column:
    return next(column for column in found.columns if column.name == name)


def test_a_form_has_a_root_and_a_table_of_its_files_before_its_first_version() -> None:
    root, files = survey().tables
    assert (root.name, root.kind, root.keys) == ("survey", "main", ("kobo_id",))
    assert [c.name for c in root.columns] == [
        "submission_time", "submitted_by", "form_version", "validation_status", "validation_by",
        "validation_time", "root_uuid", "instance_name", "extra", "inserted_at", "updated_at",
    ]  # fmt: skip
    assert (files.name, files.kind, files.parent) == ("survey__files", "files", "survey")
    assert [c.name for c in files.columns] == [
        "uid", "table_name", "pos", "column_name", "file_name", "mime_type", "is_deleted", "matched",
        "question_xpath",
    ]  # fmt: skip


def test_each_repeat_has_a_table_below_the_one_where_its_list_stands() -> None:
    schema = survey(group("hh", repeat("members", ask("text", "name"), repeat("visits", ask("date", "day")))))
    members, visits = table(schema, "survey__members"), table(schema, "survey__visits")
    assert (members.keys, members.parent) == (("kobo_id", "pos"), "survey")
    assert (visits.keys, visits.parent) == (("kobo_id", "pos_1", "pos"), "survey__members")
    assert columns(schema.root) == [("members__rows", "integer", "active")]
    assert columns(members) == [("visits__rows", "integer", "active"), ("name", "text", "active")]
    assert [c.name for c in visits.columns] == ["extra", "day"]


def test_a_group_that_becomes_a_repeat_takes_its_answers_into_a_table() -> None:
    schema = survey(
        group("hh", ask("text", "name")), repeat("hh", ask("text", "name"), ask("integer", "age"))
    )
    assert columns(schema.root) == [("name", "text", "moved"), ("hh__rows", "integer", "active")]
    assert columns(table(schema, "survey__hh_" + table_hash(schema))) == [
        ("name", "text", "active"), ("age", "integer", "active"),
    ]  # fmt: skip
    moved = table(schema, "survey__hh_" + table_hash(schema)).columns[1]
    assert (moved.first_version, moved.last_version) == ("v1", "v2")


def table_hash(schema: FormSchema) -> str:
    """What the name of the repeat ends with: ``hh`` alone could be a language."""
    return schema.tables[2].name.rpartition("_")[2]


def test_a_path_is_a_repeat_if_it_is_one_in_any_version() -> None:
    schema = survey(
        repeat("members", ask("text", "name")),
        group("members", ask("text", "name")),
        ask("text", "other"),
    )
    assert columns(table(schema, "survey__members")) == [("name", "text", "removed")]
    assert table(schema, "survey__members").status == "removed"
    assert columns(schema.root) == [("members__rows", "integer", "removed"), ("other", "text", "active")]
    before = survey(repeat("members", ask("text", "name")), group("members", ask("text", "name")))
    assert columns(table(before, "survey__members")) == [("name", "text", "active")]
    assert table(before, "survey__members").status == "active"


def test_a_repeat_around_a_repeat_gives_it_a_new_table_and_empties_the_old_one() -> None:
    inside = repeat("members", ask("text", "name"))
    schema = survey(group("house", inside), repeat("house", inside))
    old, house, new = schema.tables[2:]
    assert (old.name, old.status, old.chain) == ("survey__members", "moved", ("house/members",))
    assert columns(old) == [("name", "text", "moved")]
    assert (new.chain, new.parent) == (("house", "house/members"), house.name)
    assert new.name == "survey__house__members"
    assert columns(schema.root) == [
        ("members__rows", "integer", "moved"),
        ("house__rows", "integer", "active"),
    ]
    assert columns(house) == [("members__rows", "integer", "active")]
    assert columns(new) == [("name", "text", "active")]


def test_a_question_may_be_a_repeat_in_another_version() -> None:
    schema = survey(ask("integer", "members"), repeat("members", ask("text", "name")), ask("text", "members"))
    assert columns(schema.root) == [
        ("members", "integer", "narrowed"),
        ("members__rows", "integer", "removed"),
        ("members__text", "text", "active"),
    ]


def test_a_wider_kind_is_a_column_beside_that_holds_every_answer() -> None:
    schema = survey(ask("integer", "age"), ask("decimal", "age"), ask("text", "age"), ask("integer", "age"))
    assert columns(schema.root) == [
        ("age", "integer", "narrowed"),
        ("age__decimal", "decimal", "narrowed"),
        ("age__text", "text", "active"),
    ]
    assert column(schema.root, "age__text").question_type == "integer"


def test_a_name_that_a_new_question_takes_in_the_same_version_is_not_taken_twice() -> None:
    for rows in (
        ask("text", "age") + ask("text", "age__text"),
        ask("text", "age__text") + ask("text", "age"),
    ):
        schema = survey(ask("integer", "age"), rows)
        beside = [c for c in schema.root.columns if c.path == "age"]
        assert column(schema.root, "age__text").path == "age__text"
        assert beside[1].name.startswith("age_")
        assert beside[1].name.endswith("__text")


def test_a_moment_has_its_offset_and_keeps_it_when_it_is_outgrown() -> None:
    schema = survey(ask("datetime", "at") + ask("time", "t"), ask("text", "at") + ask("time", "t"))
    assert columns(schema.root) == [
        ("at", "datetime", "narrowed"),
        ("at__offset", "integer", "narrowed"),
        ("t", "time", "active"),
        ("t__offset", "integer", "active"),
        ("at__text", "text", "active"),
    ]


NUMBERS = [(f"gps__{facet}", "decimal", "active") for facet in ("lat", "lon", "alt", "acc")]


@pytest.mark.parametrize("kind", ["geopoint", "start-geopoint", "background-geopoint"])
def test_a_point_is_a_text_with_its_numbers(kind: str) -> None:
    assert columns(survey(ask(kind, "gps")).root) == [("gps", "text", "active"), *NUMBERS]


def test_a_point_has_its_numbers_from_the_first_version_on_in_which_it_is_one() -> None:
    later = survey(ask("text", "gps"), ask("geopoint", "gps"), ask("text", "gps"))
    assert columns(later.root) == [("gps", "text", "active"), *NUMBERS]
    assert column(later.root, "gps__lat").first_version == "v2"
    was_a_number = survey(ask("integer", "gps"), ask("text", "gps"), ask("geopoint", "gps"))
    assert columns(was_a_number.root) == [
        ("gps", "integer", "narrowed"), ("gps__text", "text", "active"), *NUMBERS,
    ]  # fmt: skip
    at_once = survey(ask("integer", "gps"), ask("geopoint", "gps"))
    assert columns(at_once.root) == columns(was_a_number.root)


def test_a_point_that_moves_into_a_repeat_has_its_numbers_there() -> None:
    schema = survey(group("house", ask("geopoint", "gps")), repeat("house", ask("text", "gps")))
    assert columns(schema.tables[2]) == [("gps", "text", "active"), *NUMBERS]
    assert {status for _, _, status in columns(schema.root)[:5]} == {"moved"}


def test_a_choice_that_is_too_long_outgrows_a_key() -> None:
    asked = ask("select_one l", "q")
    versions = [_read("v1", asked), _read("v2", asked, [{"list_name": "l", "name": "x" * 49}])]
    assert columns(derive("aUid", "Survey", versions).root) == [
        ("q", "key", "narrowed"), ("q__text", "text", "active"),
    ]  # fmt: skip


def test_a_name_stays_when_a_later_version_brings_another_one() -> None:
    schema = survey(
        group("a", ask("text", "name")),
        group("a", ask("text", "name")) + group("b", ask("text", "name")),
        group("b", ask("text", "Name")) + ask("text", "name"),
    )
    names = {c.path: c.name for c in schema.root.columns if c.path}
    assert names["a/name"] == "name"
    assert names["b/name"] == "b__name"
    assert names["b/Name"].startswith("name_")
    assert names["name"].startswith("name_")
    assert column(schema.root, "name").status == "removed"


def test_labels_are_the_whole_set_of_the_newest_version_that_has_any() -> None:
    versions = [
        read_version(
            uid,
            {
                "survey": [{"type": "text", "name": "q", "label": label, "hint": hint}],
                "translations": ["en", "fr"],
            },
        )
        for uid, label, hint in (("v1", ["Q", "Qf"], ["h", None]), ("v2", [None, "R"], []), ("v3", [], None))
    ]
    found = column(derive("aUid", "Survey", versions).root, "q")
    assert (found.labels, found.hints) == ({"fr": "R"}, {"en": "h"})
    assert (found.first_version, found.last_version) == ("v1", "v3")


def test_removed_questions_are_read_after_what_they_came_after() -> None:
    schema = survey(
        ask("text", "a") + ask("text", "b") + ask("text", "c"),
        ask("text", "c") + ask("text", "new") + ask("text", "a"),
    )
    in_order = sorted(schema.root.columns, key=lambda c: c.position)
    assert [c.name for c in in_order if c.path] == ["c", "new", "a", "b"]
    assert [c.name for c in schema.root.columns if c.path] == ["a", "b", "c", "new"]
    assert [c.name for c in in_order][-3:] == ["extra", "inserted_at", "updated_at"]


def test_a_repeat_may_be_named_as_its_form() -> None:
    assert survey(repeat("survey", ask("text", "q"))).tables[2].name == "survey__survey"


def test_a_version_that_is_known_changes_nothing() -> None:
    schema = survey(ask("text", "a"), ask("text", "b"))
    assert grow(schema, _read("v1", ask("text", "c"))) is schema


def test_the_rest_of_a_declared_form_stands_beside_it() -> None:
    asked: list[Row] = []
    for declared in KOBO_RECORDS.columns:
        *groups, leaf = declared.question.split("/")
        if leaf != "_submission_time":
            rows = ask("text", leaf)
            for name in reversed(groups):
                rows = group(name, rows)
            asked += rows
    version = _read("v1", asked + ask("integer", "further"))
    paths = [question.path for question in version.questions]
    assert serves(KOBO_RECORDS, paths)
    assert not serves(KOBO_RECORDS, [path for path in paths if path != KOBO_RECORDS.columns[-1].question][:5])
    schema = derive("aUid", "ignored", [version], form=KOBO_RECORDS)
    rest, declared_table, files = schema.tables
    assert (rest.name, rest.kind) == ("kobo_records__rest", "rest")
    assert (declared_table.name, declared_table.kind) == ("kobo_records", "declared")
    assert files.name == "kobo_records__files"
    assert columns(rest) == [("further", "integer", "active")]
    assert len(declared_table.columns) + 1 == 29
    assert not {c.name for c in rest.columns} & (
        {c.name for c in declared_table.columns} - {"inserted_at", "updated_at"}
    )
    assert {"submitted_by", "extra", "updated_at", "root_uuid"} <= {c.name for c in rest.columns}
    assert [c.name for c in rest.columns if c.name.endswith("_at")] == ["inserted_at", "updated_at"]
