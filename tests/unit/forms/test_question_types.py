"""Each type of question in each of its spellings: which kind its answers become."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from kobo_mirror.forms.question_types import (
    FACETS,
    Kind,
    TypeName,
    is_file,
    is_point,
    join,
    kind_of,
    type_of,
)

TEXTS = (
    "text", "string", "calculate", "hidden", "barcode", "username", "email", "phonenumber", "deviceid",
    "imei", "simserial", "subscriberid", "uri:deviceid", "geotrace", "geoshape", "geopoint", "gps",
    "location", "start-geopoint", "background-geopoint", "image", "photo", "audio", "video", "file",
    "background-audio", "osm", "osm buildings", "signature", "draw", "annotate", "audit",
    "select_multiple", "select_multiple_from_file", "rank", "note",
)  # fmt: skip
KINDS: dict[str, Kind] = {
    **dict.fromkeys(TEXTS, Kind.TEXT),
    "integer": Kind.INTEGER,
    "int": Kind.INTEGER,
    "percentage": Kind.INTEGER,
    "number of days in last month": Kind.INTEGER,
    "decimal": Kind.DECIMAL,
    "date": Kind.DATE,
    "today": Kind.DATE,
    "time": Kind.TIME,
    "dateTime": Kind.DATETIME,
    "datetime": Kind.DATETIME,
    "start": Kind.DATETIME,
    "end": Kind.DATETIME,
    "acknowledge": Kind.BOOLEAN,
    "trigger": Kind.BOOLEAN,
    **dict.fromkeys(
        ("q string", "add text prompt", "q picture", "add image prompt", "phone number"), Kind.TEXT
    ),
    **dict.fromkeys(("get device id", "get sim id", "get subscriber id", "q location", "q note"), Kind.TEXT),
    "q int": Kind.INTEGER,
    "add decimal prompt": Kind.DECIMAL,
    "get today": Kind.DATE,
    "q date": Kind.DATE,
    **dict.fromkeys(
        ("date time", "q dateTime", "add date time prompt", "get start time", "end time"), Kind.DATETIME
    ),
    "add acknowledge prompt": Kind.BOOLEAN,
    "select_one": Kind.KEY,
    "select_one_from_file": Kind.KEY,
    "select_one_external": Kind.KEY,
    "cascading_select": Kind.KEY,
    "rank__level": Kind.KEY,
    "score__row": Kind.KEY,
}


@pytest.mark.parametrize("spelt", KINDS)
def test_a_type_has_its_kind_with_blanks_around_it_too(spelt: str) -> None:
    for text in (spelt, f" {spelt}  "):
        assert kind_of(type_of({"type": text}), {}, []) is KINDS[spelt]


@pytest.mark.parametrize(
    "spelt", ["xml-external", "csv-external", "score_header", "made_up", "", None, 5, []]
)
def test_what_asks_nothing_or_is_not_known_has_no_kind(spelt: Any) -> None:
    assert kind_of(type_of({"type": spelt}), {}, []) is None
    assert kind_of(type_of({}), {}, []) is None


SELECTS: list[tuple[dict[str, Any], TypeName]] = [
    ({"type": "select_one", "select_from_list_name": "fuel"}, TypeName("select_one", "fuel")),
    ({"type": "select_one fuel"}, TypeName("select_one", "fuel")),
    ({"type": "select one fuel"}, TypeName("select_one", "fuel")),
    ({"type": "select one from fuel"}, TypeName("select_one", "fuel")),
    ({"type": "select one using fuel"}, TypeName("select_one", "fuel")),
    ({"type": "add select one prompt using fuel"}, TypeName("select_one", "fuel")),
    ({"type": "select1 fuel"}, TypeName("select_one", "fuel")),
    ({"type": {"select_one": "fuel"}}, TypeName("select_one", "fuel")),
    ({"type": "Select_One fuel"}, TypeName("select_one", "fuel")),
    ({"type": "select_one liste à choix"}, TypeName("select_one", "liste à choix")),
    ({"type": "select_one ${name}"}, TypeName("select_one", "${name}")),
    ({"type": "select_multiple fuel"}, TypeName("select_multiple", "fuel")),
    ({"type": "select all that apply from fuel"}, TypeName("select_multiple", "fuel")),
    ({"type": "rank needs"}, TypeName("rank", "needs")),
    ({"type": "select_one fuel or_other"}, TypeName("select_one", "fuel", or_other=True)),
    ({"type": "select_multiple fuel or other"}, TypeName("select_multiple", "fuel", or_other=True)),
    ({"type": "select_one", "select_from_list_name": "fuel", "_or_other": True},
     TypeName("select_one", "fuel", or_other=True)),
    ({"type": "select_one", "select_from_list_name": "fuel", "_or_other": "false"}, TypeName("select_one",
    "fuel")), ({"type": "select_one_from_file", "file": "cities.csv"}, TypeName("select_one_from_file",
    "cities.csv")), ({"type": "select_one_from_file cities.csv"}, TypeName("select_one_from_file",
    "cities.csv")), ({"type": "select_multiple_from_file", "select_from_list_name": "a.xml"},
     TypeName("select_multiple_from_file", "a.xml")),
]  # fmt: skip


@pytest.mark.parametrize(("row", "name"), SELECTS)
def test_a_select_is_read_in_every_spelling(row: dict[str, Any], name: TypeName) -> None:
    assert type_of(row) == name


@pytest.mark.parametrize(
    ("spelt", "base"),
    [
        ("begin_group", "begin_group"),
        ("begin group", "begin_group"),
        ("begin  looped  group", "begin_looped_group"),
        ("end_kobomatrix", "end_kobomatrix"),
        ("end", "end"),
        ("start", "start"),
    ],
)
def test_a_section_begins_and_ends_and_the_time_of_the_end_is_a_question(spelt: str, base: str) -> None:
    assert type_of({"type": spelt}).base == base


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        (None, Kind.INTEGER),
        ("", Kind.INTEGER),
        ("start=0;end=10;step=1", Kind.INTEGER),
        ("start=0 end=100 step=5", Kind.INTEGER),
        ("start = -5, end = 5", Kind.INTEGER),
        ("START=0;End=10;sTep=2", Kind.INTEGER),
        ({"start": 0, "end": 10, "step": 1}, Kind.INTEGER),
        ("start=1;end=5;step=1;tick_interval=0.5", Kind.INTEGER),
        ("start=35;end=42;step=0.5", Kind.DECIMAL),
        ("start=0.5;end=9.5;step=1", Kind.DECIMAL),
        ({"start": 0, "end": 1, "step": 0.1}, Kind.DECIMAL),
        ("start=a;end=b", Kind.DECIMAL),
    ],
)
def test_a_range_is_of_whole_numbers_if_its_parameters_are(parameters: Any, kind: Kind) -> None:
    assert kind_of(TypeName("range"), {"parameters": parameters}, []) is kind


@pytest.mark.parametrize(
    ("longest", "kind"), [(1, Kind.KEY), (48, Kind.KEY), (49, Kind.TEXT), (500, Kind.TEXT)]
)
def test_a_select_with_a_long_choice_is_a_text(longest: int, kind: Kind) -> None:
    for letter in "aል":
        assert kind_of(TypeName("select_one", "l"), {}, ["x", letter * longest]) is kind
    assert kind_of(TypeName("select_multiple", "l"), {}, ["x"]) is Kind.TEXT


def test_a_select_of_a_repeats_answers_is_a_text() -> None:
    assert kind_of(TypeName("select_one", "${name}"), {}, []) is Kind.TEXT


def test_kinds_join_to_one_that_holds_every_answer_of_both_in_any_order() -> None:
    for one, other in product(Kind, Kind):
        joined = join(one, other)
        assert joined is join(other, one)
        assert join(joined, one) is joined
        if one is other:
            assert joined is one
        elif {one, other} == {Kind.INTEGER, Kind.DECIMAL}:
            assert joined is Kind.DECIMAL
        else:
            assert joined is Kind.TEXT


def test_points_files_and_moments_are_told_from_others() -> None:
    bases = {type_of({"type": spelt}).base for spelt in KINDS}
    assert {base for base in bases if is_point(base)} == {"geopoint", "start-geopoint", "background-geopoint"}
    files = {"image", "audio", "video", "file", "background-audio", "osm", "audit"}
    assert {base for base in bases if is_file(base)} == files
    assert FACETS == {Kind.TIME: ("offset",), Kind.DATETIME: ("offset",)}
