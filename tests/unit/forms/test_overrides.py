"""Types that ``kobo.yml`` gives questions: what they make of tables, and where they can do nothing."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.config.forms_file import FormEntry
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.definition import Version, read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.overrides import check_paths, with_types
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


def test_a_type_of_a_path_that_no_version_asks_is_refused() -> None:
    found = schema(version(("text", "a")), version(("text", "b"), uid="v2"))
    check_paths(found, wanted(a=Kind.DATE, b=Kind.TEXT))
    for path in ("hh", "A"):
        with pytest.raises(ConfigurationError, match=f"kobo.yml, line 4: no version of the form asks {path}"):
            check_paths(found, wanted(**{path: Kind.TEXT}))
