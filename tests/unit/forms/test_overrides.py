"""Types that ``kobo.yml`` gives questions: what they make of tables, and where they can do nothing."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.config.forms_file import FormEntry
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.definition import Version, read_version
from kobo_mirror.forms.derive import derive, grow
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.overrides import differing_types, unused_types, with_types
from kobo_mirror.forms.question_types import FACETS, Kind, is_file, is_point, kind_of, type_of
from kobo_mirror.forms.wanted import KINDS, WantedForm
from kobo_mirror.submissions.shaper import Shaper

Row = dict[str, Any]


def version(*rows: tuple[str, str], uid: str = "v1", choices: list[Row] | None = None) -> Version:
    survey: list[Row] = [{"type": kind, "name": name} for kind, name in rows]
    return read_version(uid, {"survey": survey, "choices": choices or []})


def wanted(**types: Kind) -> WantedForm:
    lines = {("types", path): number for number, path in enumerate(types, 4)}
    return WantedForm(types=types, entry=FormEntry(lines=lines))


def schema(*versions: Version, **types: Kind) -> FormSchema:
    return derive("aUid", "Survey", [with_types(one, wanted(**types)) for one in versions])


def columns(found: FormSchema) -> dict[str, str]:
    return {c.name: c.kind.value for c in found.root.columns if c.path}


def test_a_type_goes_before_the_definition_s_and_all_else_stays() -> None:
    asked = version(("calculate", "age"), ("integer", "id_number"), ("text", "name"))
    changed = with_types(asked, wanted(age=Kind.INTEGER, id_number=Kind.TEXT))
    assert [(q.path, q.kind, q.question_type) for q in changed.questions] == [
        ("age", Kind.INTEGER, "calculate"), ("id_number", Kind.TEXT, "integer"), ("name", Kind.TEXT, "text"),
    ]  # fmt: skip
    assert (changed.uid, changed.choices, changed.repeats) == (asked.uid, asked.choices, asked.repeats)


def test_a_version_without_those_questions_is_left_alone() -> None:
    asked = version(("text", "name"))
    assert with_types(asked, wanted(age=Kind.INTEGER)) is asked
    assert with_types(asked, WantedForm()) is asked


def test_a_question_in_a_repeat_and_one_beside_its_namesake_are_told_apart_by_path() -> None:
    asked = version(("begin_repeat", "hh"), ("text", "age"), ("end_repeat", ""), ("text", "age"))
    found = derive("aUid", "S", [with_types(asked, WantedForm(types={"hh/age": Kind.INTEGER}))])
    assert {c.path: c.kind for t in found.tables for c in t.columns if c.facet == "value" and c.path} == {
        "hh/age": Kind.INTEGER, "age": Kind.TEXT,
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_the_further_columns_that_it_needs(kind: Kind) -> None:
    found = schema(version(("text", "q"), ("datetime", "other")), q=kind, other=Kind.TEXT)
    facets = {f"q__{facet}": "integer" for facet in FACETS.get(kind, ())}
    assert columns(found) == {"q": kind.value, **facets, "other": "text"}


def test_a_type_holds_whatever_later_versions_ask() -> None:
    versions = (
        version(("integer", "age")),
        version(("text", "age"), uid="v2"),
        version(("date", "age"), uid="v3"),
    )
    assert columns(schema(*versions, age=Kind.DECIMAL)) == {"age": "decimal"}
    assert columns(schema(*versions)) == {"age": "integer", "age__text": "text"}


def test_choices_stay_in_the_catalog() -> None:
    choices = [{"list_name": "n", "name": "1"}, {"list_name": "n", "name": "2"}]
    found = schema(version(("select_one n", "rooms"), choices=choices), rooms=Kind.INTEGER)
    (column,) = (c for c in found.root.columns if c.path)
    assert (column.kind, column.list_name, column.question_type) == (Kind.INTEGER, "n", "select_one")
    assert [(row.list_name, row.name) for row in found.choices] == [("n", "1"), ("n", "2")]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not Kind.TEXT])
@pytest.mark.parametrize("question_type", ["geopoint", "start-geopoint", "image", "file", "audio", "osm"])
def test_a_point_and_a_file_can_only_be_text(question_type: str, kind: Kind) -> None:
    with pytest.raises(ConfigurationError) as caught:
        with_types(version(("text", "a"), (question_type, "q")), wanted(a=Kind.TEXT, q=kind))
    start = f"kobo.yml, line 5: q is of the type {question_type} and can only be text: its "
    assert str(caught.value).startswith(start)
    asked = version((question_type, "q"))
    assert with_types(asked, wanted(q=Kind.TEXT)) == asked


@pytest.mark.parametrize("name", ["geopoint", "image", "audit", "background-audio", "gps", "photo"])
def test_what_is_refused_would_be_read_as_text(name: str) -> None:
    found = type_of({"type": name})
    assert is_point(found.base) or is_file(found.base)
    assert kind_of(found, {}, []) is Kind.TEXT


def test_answers_are_read_by_the_type_that_is_asked_for() -> None:
    found = schema(version(("calculate", "age"), ("integer", "phone")), age=Kind.INTEGER, phone=Kind.TEXT)
    cells = Shaper(found).shape({"_id": 1, "_uuid": "u", "age": "41", "phone": "0041"}).rows[0].cells
    assert (cells["age"], cells["phone"]) == (41, "0041")


def test_types_of_paths_that_no_version_asks_are_told() -> None:
    found = schema(version(("text", "a")), version(("text", "b"), uid="v2"))
    types = {"b": Kind.TEXT, "hh": Kind.TEXT, "a": Kind.DATE, "A": Kind.TEXT}
    assert unused_types(found, types) == ["hh", "A"]


def test_a_column_that_is_there_keeps_its_kind_and_is_told() -> None:
    found = schema(version(("integer", "age"), ("text", "name"), ("datetime", "at")))
    types = {"name": Kind.INTEGER, "age": Kind.INTEGER, "new": Kind.DATE, "at": Kind.TEXT}
    assert differing_types(found, types) == [
        ("name", Kind.INTEGER, Kind.TEXT), ("at", Kind.TEXT, Kind.DATETIME),
    ]  # fmt: skip


def test_the_column_that_counts_is_the_one_that_holds_every_answer() -> None:
    widened = schema(version(("integer", "age")), version(("text", "age"), uid="v2"))
    assert differing_types(widened, {"age": Kind.INTEGER}) == [("age", Kind.INTEGER, Kind.TEXT)]
    assert differing_types(widened, {"age": Kind.TEXT}) == []
    in_repeat = read_version("v2", {"survey": [
        {"type": "begin_repeat", "name": "hh"}, {"type": "text", "name": "age"}, {"type": "end_repeat"},
    ]})  # fmt: skip
    in_group = read_version("v1", {"survey": [
        {"type": "begin_group", "name": "hh"}, {"type": "text", "name": "age"}, {"type": "end_group"},
    ]})  # fmt: skip
    asked = WantedForm(types={"hh/age": Kind.INTEGER})
    moved = grow(derive("aUid", "S", [with_types(in_group, asked)]), with_types(in_repeat, asked))
    assert differing_types(moved, asked.types) == []


def test_a_type_for_a_column_that_is_there_would_bring_another_beside_it() -> None:
    """So ``differing_types`` must be left out before a further version grows the schema."""
    before = schema(version(("integer", "age")))
    after = grow(before, with_types(version(("integer", "age"), uid="v2"), wanted(age=Kind.TEXT)))
    assert columns(after) == {"age": "integer", "age__text": "text"}


def test_a_declared_column_cannot_be_asked_for_otherwise() -> None:
    found = derive("aUid", "S", [], form=KOBO_RECORDS)
    assert differing_types(found, {"sec_c/cd_age": Kind.TEXT}) == [("sec_c/cd_age", Kind.TEXT, Kind.INTEGER)]
