"""Old submissions that a server parses anew, and points that are no numbers (kobo-api.md §3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.control_client import SimulatorError
from simulator.shapes import NotParsed, parsed
from tests.simulator.any_forms import FIRST, SECOND, content, row
from tests.simulator.api import AnyForms, Api, Row, changed
from tests.support.forms.asked import HIDDEN
from tests.support.forms.histories import histories
from tests.support.forms.reparsing import reparsed
from tests.support.forms.submissions import submissions

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
APPROVED = {"validation_status.uid": "validation_status_approved"}
QUESTION_TO_REPEAT = content(row("begin_repeat", "a"), row("text", "a"), row("end_repeat"))


def answers(row: Row) -> Row:
    return {path: value for path, value in row.items() if path not in HIDDEN}


def validate(api: Api, kobo_id: int) -> int:
    return api.call("PATCH", f"/data/{kobo_id}/validation_status/", json=APPROVED).status_code


def test_recorded_drift_of_old_submissions(forms: AnyForms) -> None:
    twice, once = forms.drift.control.ids()
    before = forms.drift.rows()
    forms.drift.control.deploy(SECOND)
    assert forms.drift.rows() == before
    assert [validate(forms.drift, kobo_id) for kobo_id in (twice, once)] == [200, 200]
    after = forms.drift.rows()
    assert list(map(answers, after)) == [
        {"a": "1", "g": [{"g/q": "old"}], "s": "x", "r": [{"r/x": "1"}, {"r/x": "2"}]},
        {"a": "2", "g": [{"g/q": "old2"}], "s": "y"},
    ]
    for old, new in zip(before, after, strict=True):
        assert (new["_uuid"], new["__version__"]) == (old["_uuid"], old["__version__"])
        assert new["_validation_status"]["label"] == "Approved"
        assert new["_validation_status"].keys() == {"timestamp", "uid", "by_whom", "label"}


def test_submissions_of_both_versions_are_shaped_by_the_newest(forms: AnyForms) -> None:
    forms.drift.control.deploy(SECOND)
    rows = (
        {"g": [{"g/q": "n1"}, {"g/q": "n2"}], "r/x": "9"},
        {"g/q": "late v1", "r": [{"r/x": "1"}, {"r/x": "2"}]},
    )
    shown = [answers(forms.drift.row(forms.drift.control.create(1, drawn=False, **one)[0])) for one in rows]
    assert shown == [rows[0], {"g": [{"g/q": "late v1"}], "r": [{"r/x": "1"}, {"r/x": "2"}]}]


@pytest.mark.parametrize(
    ("before", "repeats", "after"),
    [
        ({"x": "scalar"}, {"x"}, {"x": [{"x": "scalar"}]}),
        ({"x": [{"x": "scalar"}]}, set(), {"x": "scalar"}),
        ({"a": [{"a": "one"}, {"a": "two"}]}, set(), {"a": [{"a": "one"}, {"a": "two"}]}),
        ({"r": [{"r/x": "1"}]}, set(), {"r/x": "1"}),
        ({"o/r": [{"o/r/x": "1"}], "o/y": "2"}, {"o"}, {"o": [{"o/r/x": "1", "o/y": "2"}]}),
        (
            {"o": [{"o/g/x": "1"}, {"o/g/x": "2"}]},
            {"o", "o/g"},
            {"o": [{"o/g": [{"o/g/x": "1"}]}, {"o/g": [{"o/g/x": "2"}]}]},
        ),
        (
            {"o": [{"o/i": [{"o/i/x": "1"}, {"o/i/x": "2"}]}]},
            {"o/i"},
            {"o/i": [{"o/i/x": "1"}, {"o/i/x": "2"}]},
        ),
        (
            {"meta/instanceID": "uuid:1", "_attachments": []},
            {"meta"},
            {"meta/instanceID": "uuid:1", "_attachments": []},
        ),
        ({"r": 5, "g/x": None}, {"r", "g"}, {"r": 5, "g": [{"g/x": None}]}),
    ],
)
def test_parsing_moves_answers(before: Row, repeats: set[str], after: Row) -> None:
    assert parsed(before, repeats) == after
    assert parsed(after, repeats) == after


def _paths(document: Row) -> Iterator[str]:
    for path, value in document.items():
        if isinstance(value, list) and path not in HIDDEN:
            for inside in value:
                yield from _paths(inside)
        else:
            yield path


def _lists(document: Row) -> Iterator[tuple[str, bool]]:
    """Each list of rows with its path, and whether it has several."""
    for path, value in document.items():
        if isinstance(value, list) and path not in HIDDEN:
            yield path, len(value) > 1
            for inside in value:
                yield from _lists(inside)


@given(st.data())
@FEW
def test_any_submission_is_parsed_as_the_judge_of_the_mirror_says(data: st.DataObject) -> None:
    """But for what the judge leaves open.

    Those are a question that became a repeat, and lists of one path of which only some have several rows.
    """
    versions = data.draw(histories(versions=3, wide=False))
    document = data.draw(submissions(versions[0], kobo_id=7))
    lists = set(_lists(document))
    uneven = {path for path, several in lists if several and (path, False) in lists}
    repeats = (set(versions[-1].repeats) - set(_paths(document))) | uneven
    assert parsed(document, repeats) == reparsed(document, repeats)


def test_lists_of_one_path_are_told_apart() -> None:
    """A server decides for each row around them, whether it has one or several."""
    before = {"o": [{"o/g": [{"o/g/x": "1"}, {"o/g/x": "2"}]}, {"o/g": [{"o/g/x": "3"}]}]}
    assert parsed(before, {"o"}) == {"o": [{"o/g": [{"o/g/x": "1"}, {"o/g/x": "2"}]}, {"o/g/x": "3"}]}


def test_an_answer_beside_rows_that_stay_a_list_cannot_be_parsed() -> None:
    before = {"g/x": "1", "g": [{"g/x": [{"g/x/y": "2"}, {"g/x/y": "3"}]}]}
    with pytest.raises(NotParsed, match="g/x"):
        parsed(before, set())


def test_a_question_that_became_a_repeat(forms: AnyForms) -> None:
    kobo_id = forms.drift.control.ids()[1]
    forms.drift.control.deploy(QUESTION_TO_REPEAT)
    forms.drift.control.validate(kobo_id, "on_hold")
    assert forms.drift.row(kobo_id)["a"] == [{"a": "2"}]


def test_in_bulk_the_status_alone_changes(forms: AnyForms) -> None:
    before = forms.drift.rows()
    forms.drift.control.deploy(SECOND)
    forms.drift.control.validate(forms.drift.control.ids(), "approved", bulk=True)
    assert all(
        changed(*pair) == {"_validation_status"} for pair in zip(before, forms.drift.rows(), strict=True)
    )


def test_an_old_answer_that_is_no_point_is_the_servers_error(forms: AnyForms) -> None:
    kobo_id = forms.drift.control.ids()[0]
    before = forms.drift.row(kobo_id)
    forms.drift.control.deploy(content(row("geopoint", "a")))
    payload = {"submission_ids": [kobo_id], "data": {"s": "z"}}
    assert validate(forms.drift, kobo_id) == 500
    assert forms.drift.call("PATCH", "/data/bulk/", json={"payload": payload}).status_code == 500
    with pytest.raises(SimulatorError, match="the answer to a is no point"):
        forms.drift.control.create(1, a="here")
    assert forms.drift.row(kobo_id) == before
    assert len(forms.drift.control.ids()) == 2
    forms.drift.control.edit(kobo_id, a="-1.25 36.5 0 0")
    assert forms.drift.row(kobo_id)["_geolocation"] == [-1.25, 36.5]


def test_the_first_point_gives_the_geolocation_and_clearing_it_does_not(forms: AnyForms) -> None:
    points = content(
        row("begin_repeat", "r"),
        row("geopoint", "p"),
        row("end_repeat"),
        row("geopoint", "one"),
        row("geopoint", "two"),
    )
    forms.drift.control.deploy(points)
    given: dict[str, Any] = {"one": "1.5 2.5 0 0", "two": "3 4 0 0", "r": [{"r/p": "5 6 0 0"}]}
    [kobo_id] = forms.drift.control.create(1, drawn=False, **given)
    assert forms.drift.row(kobo_id)["_geolocation"] == [1.5, 2.5]
    forms.drift.control.edit(kobo_id, one=None, two=None)
    assert forms.drift.row(kobo_id)["_geolocation"] == [1.5, 2.5]
    assert forms.drift.row(forms.drift.control.create(1, drawn=False)[0])["_geolocation"] == [None, None]


def poison(api: Api, kobo_id: int) -> None:
    api.control.poison(kobo_id)


def send_nan(api: Api, kobo_id: int) -> None:
    api.control.edit(kobo_id, q_geopoint="NaN 1 0 0")


def send_infinity(api: Api, kobo_id: int) -> None:
    api.control.edit(kobo_id, q_geopoint="1e400 1 0 0")


@pytest.mark.parametrize("make", [poison, send_nan, send_infinity])
def test_a_point_that_is_no_number_makes_its_pages_errors(forms: AnyForms, make: Any) -> None:
    api = forms.everything
    first, second, third, *_ = api.control.ids()
    make(api, second)

    def status(**params: str) -> int:
        return api.call("GET", "/data.json", params=params).status_code

    assert (status(), status(limit="1"), status(limit="2"), status(start="2")) == (500, 200, 500, 200)
    assert status(query=f'{{"_id": {second}}}') == 500
    assert status(query=f'{{"_id": {{"$in": [{first}, {third}]}}}}') == 200
    assert [api.call("GET", f"/data/{one}.json").status_code for one in (first, second)] == [200, 500]
    assert api.call("GET", f"/data/{second}.xml").status_code == 200
    assert status(fields='["_id", "_geolocation"]') == 500
    shown = api.rows(fields=["_id", "q_geopoint"], limit="2")
    assert [row["_id"] for row in shown] == [first, second]
    assert shown[1]["q_geopoint"].split()[0] in ("NaN", "1e400")
    api.control.edit(second, q_geopoint="1 2 0 0")
    assert status() == 200


def test_a_deleted_submission_is_no_error_any_more(forms: AnyForms) -> None:
    kobo_id = forms.drift.control.ids()[0]
    forms.drift.control.poison(kobo_id)
    assert forms.drift.call("GET", "/data.json").status_code == 500
    forms.drift.control.delete(kobo_id)
    assert len(forms.drift.rows()) == 1


def test_definitions_are_shown_while_nothing_is_deployed_anew(forms: AnyForms) -> None:
    forms.drift.control.save_draft(SECOND)
    kobo_id = forms.drift.control.ids()[0]
    before = forms.drift.row(kobo_id)
    assert forms.drift.get(".json")["content"] == SECOND
    assert validate(forms.drift, kobo_id) == 200
    assert changed(before, forms.drift.row(kobo_id)) == {"_validation_status"}
    assert forms.drift.get(f"/versions/{before['__version__']}/")["content"] == FIRST
