"""Answers that are drawn for any form: of every type, written as a real server does, in several scripts."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from simulator.form_file import FormSetup
from simulator.options import Options
from simulator.questions import Question, Section, read
from simulator.world import World
from tests.simulator.any_forms import EVERYTHING, LISTS, PLAIN, content, plain, row
from tests.simulator.api import AnyForms, Row
from tests.support.forms.asked import HIDDEN, asked_in
from tests.support.forms.content import content_of
from tests.support.forms.histories import trees
from tests.support.forms.tree import Tree

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
_NUMBER = r"-?\d+(\.\d+)?"
_POINT = rf"{_NUMBER} {_NUMBER} {_NUMBER} {_NUMBER}"
_OFFSET = r"[+-]\d\d:\d\d"
_MOMENT = rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}{_OFFSET}"
_DAY = r"\d{4}-\d\d-\d\d"


def _names(*names: str) -> str:
    return "|".join(names)


def _several(*names: str) -> str:
    return rf"({_names(*names)})( ({_names(*names)}))*"


def _file(suffix: str) -> str:
    return rf"[^/]*\d+[^/]*\.{suffix}"


WRITTEN = {
    "start": _MOMENT, "end": _MOMENT, "datetime": _MOMENT, "today": _DAY, "date": _DAY,
    "time": rf"\d\d:\d\d:00\.000{_OFFSET}", "integer": r"-?\d+", "decimal": _NUMBER,
    "geopoint": _POINT, "start-geopoint": _POINT, "geotrace": rf"{_POINT}(;{_POINT})+",
    "geoshape": rf"({_POINT})(;{_POINT}){{2,}};\1", "acknowledge": "OK", "barcode": r"KE-\d{4}|\d{13}",
    "deviceid": r"collect:[0-9a-f]{12}", "simserial": r"\d{19}", "subscriberid": r"\d{15}",
    "email": r"\w+@example\.org", "image": _file("jpg"), "audio": _file("m4a"), "video": _file("mp4"),
    "file": _file("pdf"), "background-audio": _file("m4a"), "osm": _file("osm"),
}  # fmt: skip
"""What answers look like, by the type of a question; what is not here is any text that is not blank."""
WRITTEN_BY_PATH = {plain(type_): WRITTEN.get(type_, r"(?s).*\S.*") for type_ in PLAIN} | {
    "meta/audit": "audit\\.csv",
    "told": _NUMBER,
    "months": _NUMBER,
    "campaign": "spring-2026",
    "satisfaction": _names(*map(str, range(11))),
    "temperature": r"3[5-9](\.0|\.5)?|4[01](\.0|\.5)?|42(\.0)?",
    "fuel": _names(*LISTS["fuel"], "other"),
    "fuel_other": r"(?s).*\S.*",
    "fuels": _several(*LISTS["fuel"], "other"),
    "fuels_other": r"(?s).*\S.*",
    "needs": _several(*LISTS["needs"]),
    "town": r"\S+",
    "priorities": rf"(?=.*cash)(?=.*tools)(?=.*training)(?=.*water){_several(*LISTS['needs'])}",
    "hh/village": r"(?s).*\S.*",
    "hh/loc/far": "yes|no",
    "members/m_name": r"(?s).*\S.*",
    "members/m_age": r"-?\d+",
    "members/school/goes": "yes|no",
    "members/visits/day": _DAY,
    "plots_count": r"\d+",
    "plots/area": _NUMBER,
    "assets_car/assets_car_has": "yes|no",
    "assets_car/assets_car_count": r"-?\d+",
    "assets_bike/assets_bike_has": "yes|no",
    "assets_bike/assets_bike_count": r"-?\d+",
    "service/speed": "1|2|3",
    "top/first": _names(*LISTS["needs"]),
}


def leaves(row: Row) -> Iterator[tuple[str, Any]]:
    """Each answer with its path, those inside repeats too."""
    for path, value in row.items():
        if isinstance(value, list) and path not in HIDDEN:
            for inside in value:
                yield from leaves(inside)
        elif path not in HIDDEN:
            yield path, value


def rows_of(given: dict[str, Any], *, rows: int = 20, seed: int = 7) -> list[Row]:
    setup = FormSetup(uid="aForm", name="x", formhub_uuid="f" * 32, contents=(given,), rows=rows)
    return list(World(Options(seed=seed), [setup]).first.store.rows())


def test_every_question_is_answered_and_written_as_a_real_server_does(forms: AnyForms) -> None:
    answers = [leaf for row in forms.everything.rows() for leaf in leaves(row)]
    assert {path for path, _ in answers} == set(WRITTEN_BY_PATH)
    wrong = [(path, text) for path, text in answers if not re.fullmatch(WRITTEN_BY_PATH[path], text)]
    assert wrong == []


def test_blank_answers_are_absent(forms: AnyForms) -> None:
    rows = forms.everything.rows()
    for path in ("q_text", "q_image", "needs", "hh/loc/far", "service/speed", "members", "plots"):
        assert 0 < sum(path in row for row in rows) < len(rows)
    assert all(one["q_start"] < one["q_end"] and one["campaign"] for one in rows)


def test_answers_come_in_several_scripts(forms: AnyForms) -> None:
    texts = "".join(row.get("q_text", "") for row in forms.everything.rows())
    scripts = {unicodedata.name(letter).split()[0] for letter in texts if letter.isalpha()}
    assert scripts >= {"LATIN", "ARABIC", "ETHIOPIC", "CYRILLIC", "DEVANAGARI", "CJK"}


def test_repeats_have_no_one_or_several_rows_and_stand_in_each_other(forms: AnyForms) -> None:
    rows = forms.everything.rows()
    assert {len(row.get("members", [])) for row in rows} >= {0, 1, 2, 3}
    members = [member for row in rows for member in row.get("members", [])]
    assert {len(member.get("members/visits", [])) for member in members} >= {0, 1, 2}
    assert all(member and all(key.startswith("members/") for key in member) for member in members)
    for one in rows:
        assert len(one.get("plots", [])) <= int(one["plots_count"])


def test_a_count_that_is_a_number_is_how_often_it_is_asked() -> None:
    given = content(
        row("begin_repeat", "r", repeat_count=3), row("text", "x", required=True), row("end_repeat")
    )
    for one in rows_of(given):
        assert (len(one["r"]), one["r_count"]) == (3, "3")


def test_what_the_server_says_of_a_drawn_submission(forms: AnyForms) -> None:
    rows = forms.everything.rows()
    version = forms.everything.get(".json")["deployed_version_id"]
    for one in rows:
        assert list(one)[:2] == ["_id", "formhub/uuid"] and one["__version__"] == version
        assert one["meta/instanceID"] == one["meta/rootUuid"] == f"uuid:{one['_uuid']}"
        point = one.get("q_geopoint")
        assert one["_geolocation"] == ([float(part) for part in point.split()[:2]] if point else [None, None])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", one["_submission_time"])
        assert (one["_status"], one["_validation_status"]) == ("submitted_via_web", {})
    assert {one["_submitted_by"] for one in rows} > {None}
    slim = forms.everything.rows(fields=["_id"])
    keys = ("_id", "_uuid", "meta/rootUuid", "_validation_status")
    assert slim == [{key: one[key] for key in keys} for one in rows]


def test_a_submission_is_found_by_its_root_uuid(forms: AnyForms) -> None:
    some = forms.everything.rows()[10:20]
    roots = [one["meta/rootUuid"] for one in some]
    assert forms.everything.rows(query={"meta/rootUuid": {"$in": roots}}) == some
    assert forms.everything.get(f"/data/{some[0]['_uuid']}.json") == some[0]


def test_the_seed_decides() -> None:
    first, other = rows_of(EVERYTHING), rows_of(EVERYTHING, seed=8)
    assert rows_of(EVERYTHING) == first
    assert [one.get("q_text") for one in first] != [one.get("q_text") for one in other]
    assert {one["_uuid"] for one in first}.isdisjoint(one["_uuid"] for one in other)


def test_given_answers_stand_in_place_of_drawn_ones(forms: AnyForms) -> None:
    [kobo_id] = forms.everything.control.create(
        1, village="Goma", **{"members/m_name": "Zoë", "q_text": None}
    )
    one = forms.everything.row(kobo_id)
    assert one["hh/village"] == "Goma" and one["members"][0]["members/m_name"] == "Zoë"
    assert "q_text" not in one and one["campaign"] == "spring-2026"
    [alone] = forms.everything.control.create(1, drawn=False, village="Goma")
    assert dict(leaves(forms.everything.row(alone))) == {"hh/village": "Goma"}


@pytest.mark.parametrize(
    ("given", "path", "pattern"),
    [
        (row("int", "n"), "n", r"-?\d+"),
        (row("photo", "p"), "p", _file("jpg")),
        (row("select1 yn", "s"), "s", "yes|no"),
        ({"type": {"select_one": "yn"}, "$autoname": "s"}, "s", "yes|no"),
        (row("add select one prompt using yn", "s"), "s", "yes|no"),
        (row("select all that apply from yn", "s"), "s", _several("yes", "no")),
        (
            row("select_multiple", "s", select_from_list_name="yn", appearance="literacy"),
            "s",
            r"\d+ 45 99( null){7}( \d)+",
        ),
        (row("select_one", "s", select_from_list_name="${names}"), "s", r"(?s).*\S.*"),
        (row("range", "r", parameters="start=0, end=1, step=0.1"), "r", r"0(\.\d)?|1\.0"),
        (row("q picture", "p"), "p", _file("jpg")),
        (row("add date prompt", "d"), "d", _DAY),
        (row("end time", "e"), "e", _MOMENT),
        (row("osm buildings", "o"), "o", _file("osm")),
        (row("range", "r"), "r", _names(*map(str, range(1, 11)))),
        ({"type": "text", "name": "ignored", "$autoname": "taken"}, "taken", r"(?s).*\S.*"),
        (row("text", "phone_number"), "phone_number", r"\+\d+"),
    ],
)
def test_other_spellings(given: Row, path: str, pattern: str) -> None:
    answers = [one[path] for one in rows_of(content(given, yn=("yes", "no"))) if path in one]
    assert answers and all(re.fullmatch(pattern, answer) for answer in answers)


def test_what_is_disabled_is_left_out_and_what_stands_in_it_is_not() -> None:
    asked = content(
        row("begin_group", "g", disabled="yes"), row("text", "q"), row("end_group", disabled="yes")
    )
    assert {path for one in rows_of(asked) for path, _ in leaves(one)} == {"q"}


def test_a_question_that_is_named_like_the_servers_own_is_hidden() -> None:
    named = content(row("text", "_uuid"), row("text", "_status"), row("text", "_tags"), row("text", "id"))
    for one in rows_of(named):
        assert one["_status"] == "submitted_via_web" and "_tags" not in one
        assert {path for path, _ in leaves(one)} <= {"id"}


def _asked(section: Section, repeats: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    for item in section.items:
        if isinstance(item, Question):
            yield item.path, () if item.path.startswith("meta/") else repeats
            yield from ([(f"{item.path}_other", repeats)] if item.other else [])
        else:
            yield from ([(f"{item.path}_count", repeats)] if item.repeat and item.count else [])
            yield from _asked(item, (*repeats, item.path) if item.repeat else repeats)


@given(trees(wide=False))
@FEW
def test_a_definition_is_read_as_the_judge_of_the_mirror_reads_it(tree: Tree) -> None:
    unknown = {path for path, one in asked_in(tree).items() if one.type == "made_up_type"}
    hidden = tuple(f"{path}/" for path in HIDDEN)
    found = {
        path: repeats
        for path, repeats in _asked(read(content_of(tree)))
        if path not in HIDDEN and not path.startswith(hidden)
    }
    expected = {path: one.repeats for path, one in asked_in(tree).items() if not path.startswith(hidden)}
    assert {path for path in found if path not in expected} <= unknown | _unknown_types(tree)
    assert {path: found[path] for path in expected} == expected


def _unknown_types(tree: Tree) -> set[str]:
    return {
        question.path for question in read(content_of(tree)).questions() if question.type == "made_up_type"
    }


@given(trees(wide=False))
@FEW
def test_what_is_drawn_for_any_form_is_what_it_asks(tree: Tree) -> None:
    asked = asked_in(tree)
    for one in rows_of(content_of(tree), rows=3):
        assert json.loads(json.dumps(one)) == one
        hidden = tuple(f"{path}/" for path in HIDDEN)
        for path, answer in leaves(one):
            assert isinstance(answer, str) and answer.strip()
            assert path in asked or path.startswith(hidden)
