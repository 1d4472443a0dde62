"""What a version asks, read from its content: each construct by hand, and any form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.definition import SYSTEM_KEYS, Version, read_version
from kobo_mirror.forms.question_types import Kind
from tests.support.forms.asked import HIDDEN, labels_of
from tests.support.forms.histories import Deployed, histories

FUEL = [{"list_name": "fuel", "name": "wood"}, {"list_name": "fuel", "name": "gas"}]


def read(*survey: dict[str, Any], choices: list[dict[str, Any]] | None = None, **content: Any) -> Version:
    return read_version("v1", {"survey": list(survey), "choices": choices or [], **content})


def paths(version: Version) -> list[str]:
    return [question.path for question in version.questions]


def row(kind: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"type": kind, **({"name": name} if name else {}), **more}


def test_groups_are_parts_of_paths() -> None:
    version = read(
        row("begin_group", "hh"), row("begin_group", "loc"), row("text", "village"), row("end_group"),
        row("integer", "size"), row("end_group"), row("text", "notes"),
    )  # fmt: skip
    assert paths(version) == ["hh/loc/village", "hh/size", "notes"]
    assert version.repeats == ()


def test_repeats_are_noted_with_their_labels_in_each_other_and_in_groups() -> None:
    version = read(
        row("begin_group", "farm"), row("begin_repeat", "plots", label=["Plots"]), row("decimal", "area"),
        row("begin_repeat", "crops"), row("text", "crop"), row("end_repeat"), row("end_repeat"),
        row("end_group"),
    )  # fmt: skip
    assert [(r.path, dict(r.labels)) for r in version.repeats] == [
        ("farm/plots", {"default": "Plots"}),
        ("farm/plots/crops", {}),
    ]
    assert paths(version) == ["farm/plots/area", "farm/plots/crops/crop"]


@pytest.mark.parametrize(
    ("begin", "end"), [("begin lgroup", "end lgroup"), ("begin looped group", "end looped group")]
)
def test_old_names_of_repeats_are_known(begin: str, end: str) -> None:
    version = read(row(begin, "r"), row("text", "q"), row(end))
    assert [repeat.path for repeat in version.repeats] == ["r"]


def test_a_group_without_a_name_has_the_one_the_server_made() -> None:
    version = read(row("begin_group", **{"$autoname": "group_ab1cd23"}), row("text", "q"), row("end_group"))
    assert paths(version) == ["group_ab1cd23/q"]


def test_the_name_the_server_made_goes_before_the_one_that_was_typed() -> None:
    version = read(
        {"type": "text", "name": "typed", "$autoname": "made"},
        {"type": "text", "name": "", "$autoname": "Full_name"},
        {"type": "text", "name": "old"},
        choices=[{"list_name": "l", "name": "typed", "$autovalue": "made"}, {"list_name": "l", "name": ""}],
    )
    assert paths(version) == ["made", "Full_name", "old"]
    assert [choice.name for choice in version.choices] == ["made"]


@pytest.mark.parametrize(
    ("name", "text"), [(1, "1"), (1.0, "1"), (2.5, "2.5"), (0, "0"), ("01", "01"), (-3, "-3")]
)
def test_names_of_choices_may_be_numbers(name: Any, text: str) -> None:
    assert [c.name for c in read(choices=[{"list_name": "l", "name": name}]).choices] == [text]


def test_or_other_brings_a_text_beside_its_question() -> None:
    version = read(
        row("select_one fuel or_other", "a"), row("select_multiple", "b", select_from_list_name="fuel",
        _or_other=True), choices=FUEL,
    )  # fmt: skip
    assert [(q.path, q.kind) for q in version.questions] == [
        ("a", Kind.KEY), ("a_other", Kind.TEXT), ("b", Kind.TEXT), ("b_other", Kind.TEXT),
    ]  # fmt: skip


@pytest.mark.parametrize("count", ["3", "${n}", 2, 0])
def test_a_repeat_with_a_count_has_it_beside_its_list(count: Any) -> None:
    version = read(
        row("begin_group", "g"), row("begin_repeat", "r", repeat_count=count), row("text", "q"),
        row("end_repeat"), row("end_group"),
    )  # fmt: skip
    assert [(q.path, q.kind) for q in version.questions] == [
        ("g/r_count", Kind.INTEGER),
        ("g/r/q", Kind.TEXT),
    ]


@pytest.mark.parametrize("count", ["", None])
def test_an_empty_count_is_none(count: Any) -> None:
    version = read(row("begin_repeat", "r", repeat_count=count), row("text", "q"), row("end_repeat"))
    assert paths(version) == ["r/q"]


@pytest.mark.parametrize("first", [True, False])
def test_a_question_of_the_survey_goes_before_a_count(first: bool) -> None:
    repeat = (row("begin_repeat", "r", repeat_count="2"), row("end_repeat"))
    asked = (row("text", "r_count"),)
    version = read(*(asked + repeat if first else repeat + asked))
    assert [(q.path, q.kind) for q in version.questions] == [("r_count", Kind.TEXT)]


def test_a_matrix_asks_each_column_for_each_item() -> None:
    version = read(
        row("begin_group", "g"),
        {"type": "begin_kobomatrix", "name": "assets", "$autoname": "ignored", "kobo--matrix_list": "items",
         "label": ["Assets"]},
        {"type": "select_one", "name": "has", "$autoname": "x", "select_from_list_name": "fuel",
        "label": ["Has?"]}, {"type": "integer", "name": "count", "label": ["How many"]},
        row("end_kobomatrix"), row("text", "after"), row("end_group"),
        choices=[
            {"list_name": "items", "name": "car", "$autovalue": "y", "label": ["Car"]},
            {"list_name": "items", "name": 2, "label": [None]}, *FUEL,
        ],
    )  # fmt: skip
    assert [(q.path, q.kind, dict(q.labels)) for q in version.questions] == [
        ("g/assets_car/assets_car_has", Kind.KEY, {"default": "Car: Has?"}),
        ("g/assets_car/assets_car_count", Kind.INTEGER, {"default": "Car: How many"}),
        ("g/assets_2/assets_2_has", Kind.KEY, {"default": "Has?"}),
        ("g/assets_2/assets_2_count", Kind.INTEGER, {"default": "How many"}),
        ("g/after", Kind.TEXT, {}),
    ]


def test_a_rank_and_a_score_ask_in_their_group_from_the_list_of_the_group() -> None:
    version = read(
        {"type": "begin_rank", "$autoname": "top", "kobo--rank-items": "fuel"},
        {"type": "rank__level", "$autoname": "_1st"}, row("end_rank"),
        {"type": "begin_score", "$autoname": "service", "kobo--score-choices": "scale"},
        {"type": "score_header", "name": "service_header"}, {"type": "score__row", "name": "speed"},
        row("end_score"), choices=[*FUEL, {"list_name": "scale", "name": "g" * 49}],
    )  # fmt: skip
    assert [(q.path, q.kind, q.list_name) for q in version.questions] == [
        ("top/_1st", Kind.KEY, "fuel"),
        ("service/speed", Kind.TEXT, "scale"),
    ]


def test_an_audit_stands_under_meta_wherever_it_is_asked() -> None:
    version = read(row("begin_group", "g"), row("audit", "audit"), row("end_group"))
    assert [(q.path, q.question_type) for q in version.questions] == [("meta/audit", "audit")]


def test_a_note_is_a_question_if_it_has_a_value() -> None:
    version = read(
        row("note", "plain"),
        row("note", "calculated", calculation="1 + 1"),
        row("note", "given", default="x"),
    )
    assert [(q.path, q.kind) for q in version.questions] == [("calculated", Kind.TEXT), ("given", Kind.TEXT)]


@pytest.mark.parametrize("path", sorted(SYSTEM_KEYS))
def test_what_is_named_like_a_key_of_the_servers_is_never_seen(path: str) -> None:
    *groups, name = path.split("/")
    begin, end = [row("begin_group", group) for group in groups], [row("end_group") for _ in groups]
    inside = (row("text", "q"), row("begin_repeat", "r"), row("text", "q"), row("end_repeat"))
    asked = read(*begin, row("text", name), *end)
    assert asked.questions == ()
    repeated = read(*begin, row("begin_repeat", name), *inside, row("end_repeat"), *end, row("text", "after"))
    assert paths(repeated) == ["after"]
    assert repeated.repeats == ()
    grouped = read(*begin, row("begin_group", name), *inside, row("end_group"), *end)
    assert paths(grouped) == [f"{path}/q", f"{path}/r/q"]


def test_the_judge_knows_the_same_keys_of_the_server() -> None:
    assert HIDDEN == SYSTEM_KEYS


def test_labels_are_by_language_without_holes() -> None:
    version = read(
        row("text", "a", label=["A", None], hint=[None, "Aide"]),
        row("text", "b", label=["", "B", "one too many"]),
        row("text", "c", label="only one"),
        row(
            "text", "d", **{"label::English (en)": "D", "label::Français (fr)": "", "hint::English (en)": "h"}
        ),
        translations=["English (en)", "Français (fr)"],
    )
    assert [(dict(q.labels), dict(q.hints)) for q in version.questions] == [
        ({"English (en)": "A"}, {"Français (fr)": "Aide"}),
        ({"Français (fr)": "B"}, {}),
        ({"English (en)": "only one"}, {}),
        ({"English (en)": "D"}, {"English (en)": "h"}),
    ]
    assert version.languages == ("English (en)", "Français (fr)")


@pytest.mark.parametrize("translations", [None, [], [None], "English"])
def test_a_form_without_languages_has_the_default_one(translations: Any) -> None:
    version = read(row("text", "a", label=["A"]), translations=translations)
    assert version.languages == ("default",)
    assert dict(version.questions[0].labels) == {"default": "A"}


def test_labels_are_what_databases_hold() -> None:
    version = read(
        row("text", "a", label=["A \ud83d\0!"]), row("text", "b", label="\0"), translations=["\ud83d"]
    )
    assert [dict(question.labels) for question in version.questions] == [{"\ufffd": "A \ufffd!"}, {}]


def test_a_language_that_is_named_twice_moves_no_label_of_another() -> None:
    version = read(row("text", "a", label=["A", "A", "Â"]), translations=["en", "en", "fr"])
    assert version.languages == ("en", "fr")
    assert dict(version.questions[0].labels) == {"en": "A", "fr": "Â"}


def test_a_choice_is_there_once_a_list() -> None:
    version = read(
        choices=[*FUEL, *FUEL, {"list_name": "other", "name": "wood"}, {"name": "x"}, "no row", None]
    )
    assert [(c.list_name, c.name) for c in version.choices] == [
        ("fuel", "wood"),
        ("fuel", "gas"),
        ("other", "wood"),
    ]


def test_rows_that_cannot_be_understood_are_left_out() -> None:
    version = read_version(
        "v1",
        {
            "survey": [
                None, 5, [], {}, {"type": "text"}, {"type": "text", "name": None}, {"type": "text",
                "name": True}, {"type": None, "name": "x"}, {"type": "made_up", "name": "y"},
                {"type": "end_group"}, {"type": "text", "name": "q", "label": {"a": 1}, "hint": 5,
                "$kuid": 7},
            ],
            "choices": {"not": "a list"}, "translations": {"not": "a list"},
        },
    )  # fmt: skip
    assert paths(version) == ["q"]
    assert dict(version.questions[0].labels) == {}


@pytest.mark.parametrize("content", [None, {}, [], "x", {"survey": None}, {"survey": {}}, {"choices": []}])
def test_what_has_no_survey_is_no_content_of_a_form(content: Any) -> None:
    with pytest.raises(ConfigurationError, match="version v1 has no survey"):
        read_version("v1", content)


@given(histories(versions=2))
@settings(max_examples=40, deadline=None)
def test_any_form_is_read_as_it_was_drawn(versions: Sequence[Deployed]) -> None:
    for deployed in versions:
        version = read_version(deployed.uid, json.loads(json.dumps(deployed.content)))
        asked = deployed.asked
        found = {q.path: (q.kind.value, q.list_name, dict(q.labels)) for q in version.questions}
        assert found == {path: (a.kind, a.list_name, a.labels) for path, a in asked.items()}
        surveyed = [path for path in asked if asked[path].type != "count of a repeat"]
        in_order = [(q.path, q.question_type) for q in version.questions if q.path in surveyed]
        assert in_order == [(path, asked[path].type) for path in surveyed]
        assert tuple(repeat.path for repeat in version.repeats) == deployed.repeats
        choices = [(c.list_name, c.name, dict(c.labels)) for c in version.choices]
        tree = deployed.tree
        assert choices == [
            (name, item.value, labels_of(item.label, tree))
            for name, items in tree.lists.items()
            for item in items
        ]
