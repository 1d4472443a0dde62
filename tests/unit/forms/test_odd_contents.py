"""Contents that no form builder makes are read as pyxform does, or as far as they can be."""

from __future__ import annotations

import pytest

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema


def test_a_repeat_without_a_name_is_left_out() -> None:
    survey = [
        {"type": "begin_repeat"}, {"type": "text", "name": "a"}, {"type": "end_repeat"},
        {"type": "begin_group", "name": "g"}, {"type": "begin_repeat", "name": ""},
        {"type": "text", "name": "b"}, {"type": "end_repeat"}, {"type": "end_group"},
    ]  # fmt: skip
    version = read_version("v1", {"survey": survey})
    assert [question.path for question in version.questions] == ["a", "g/b"]
    assert not version.repeats


def test_half_characters_are_left_out_of_what_is_stored() -> None:
    """UTF-8 has none, so neither the schema's JSON nor the catalog can."""
    half = "\ud83d"
    survey = [
        {"type": f"select_one l{half}", "name": f"a{half}", "label": [f"🌱{half}"], "hint::x": half},
        {"type": {"select_one": f"l{half}"}, "name": "b", "$kuid": half},
    ]
    choices = [{"list_name": f"l{half}", "name": half, f"label::{half}": half}]
    content = {"survey": survey, "choices": choices, "translations": [f"fr{half}"]}
    schema = derive("aAsset", "Form", [read_version("v1", content)])
    assert FormSchema.from_json(schema.to_json()) == schema
    version = read_version("v1", content)
    assert [(q.path, q.list_name, q.labels) for q in version.questions] == [
        ("a\ufffd", "l\ufffd", {"fr\ufffd": "🌱\ufffd"}),
        ("b", "l\ufffd", {}),
    ]
    assert [choice.name for choice in version.choices] == ["\ufffd"]


@pytest.mark.parametrize("spelt", ["yes", "TRUE", "true()", True])
def test_what_is_disabled_is_in_no_submission_and_groups_nothing(spelt: str | bool) -> None:
    survey = [
        {"type": "begin_repeat", "name": "r", "disabled": spelt},
        {"type": "text", "name": "a", "disabled": "no"},
        {"type": "end_repeat", "disabled": spelt},
        {"type": "text", "name": "b", "disabled": spelt},
        {"type": "text", "name": "c", "disabled": ""},
    ]
    version = read_version("v1", {"survey": survey})
    assert [question.path for question in version.questions] == ["a", "c"]
    assert not version.repeats
