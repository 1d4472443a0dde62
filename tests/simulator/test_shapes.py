"""A group that becomes a repeat: which submissions change their shape, when, and what tells of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulator.control_client import SimulatorError
from simulator.shapes import parsed
from tests.simulator.api import Api, changed
from tests.simulator.recordings import RESHAPED, Reshaped

STATUS = {"validation_status.uid": "validation_status_approved"}
Act = Callable[[Api, int], Any]


def set_one(api: Api, kobo_id: int) -> None:
    api.call("PATCH", f"/data/{kobo_id}/validation_status/", json=STATUS).raise_for_status()


def clear_one(api: Api, kobo_id: int) -> None:
    api.call("DELETE", f"/data/{kobo_id}/validation_status/").raise_for_status()


def set_many(api: Api, kobo_id: int) -> None:
    payload = {"submission_ids": [kobo_id], **STATUS}
    api.call("PATCH", "/data/validation_statuses/", json={"payload": payload}).raise_for_status()


def edit_many(api: Api, kobo_id: int) -> None:
    payload = {"submission_ids": [kobo_id], "data": {"sec_c/cd_age": "77"}}
    api.call("PATCH", "/data/bulk/", json={"payload": payload}).raise_for_status()


def inside(row: dict[str, Any], group: str) -> dict[str, Any]:
    return {path: value for path, value in row.items() if path.startswith(f"{group}/")}


@pytest.mark.parametrize("case", RESHAPED, ids=lambda case: case.recording)
def test_recorded_submissions_are_parsed_as_the_real_server_did(case: Reshaped) -> None:
    assert parsed(case.before, {"g"}) == case.after
    assert list(parsed(case.before, {"g"})) == list(case.after)
    assert parsed(case.after, {"g"}) == case.after


def test_a_redeploy_alone_changes_no_submission_that_is_there(api: Api) -> None:
    before = api.rows()
    api.control.redeploy(repeat="sec_c")
    assert api.rows() == before


def test_new_submissions_have_a_list_of_rows(api: Api) -> None:
    api.control.redeploy(repeat="sec_c")
    rows = [api.row(kobo_id) for kobo_id in api.control.create(6, cd_age="31")]
    assert {len(row["sec_c"]) for row in rows} == {1, 2}
    assert all(not inside(row, "sec_c") for row in rows)
    assert all(row["sec_c"][0]["sec_c/cd_age"] == "31" for row in rows)
    assert all(len(inside(row, "sec_a")) == 3 for row in rows)


def test_the_definition_says_that_the_group_is_a_repeat(api: Api) -> None:
    def kind_of_group() -> str:
        survey = api.get(".json")["content"]["survey"]
        (row,) = [row for row in survey if row.get("name") == "sec_c"]
        return str(row["type"])

    old = api.get(".json")["content"]
    first = api.get(".json")["version_id"]
    assert kind_of_group() == "begin_group"
    api.control.redeploy(repeat="sec_c")
    assert kind_of_group() == "begin_repeat"
    assert api.get(f"/versions/{first}/")["content"] == old
    api.control.redeploy()
    assert kind_of_group() == "begin_repeat"
    api.control.redeploy(group="sec_c")
    assert kind_of_group() == "begin_group"


@pytest.mark.parametrize("act", [set_one, clear_one])
def test_a_changed_validation_of_one_parses_it_anew(api: Api, act: Act) -> None:
    kobo_id = api.control.ids()[0]
    before = api.row(kobo_id)
    api.control.redeploy(repeat="sec_c")
    act(api, kobo_id)
    after = api.row(kobo_id)
    assert after["sec_c"] == [inside(before, "sec_c")]
    assert changed(before, after) - {"_validation_status"} == {"sec_c", *inside(before, "sec_c")}


def test_set_and_cleared_the_answers_have_moved_and_nothing_else(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    before = api.row(kobo_id)
    api.control.redeploy(repeat="sec_c")
    api.control.validate(kobo_id, "on_hold")
    api.control.clear_validation(kobo_id)
    after = api.row(kobo_id)
    assert changed(before, after) == {"sec_c", *inside(before, "sec_c")}
    swept = api.rows(fields=["_id", "_uuid", "_validation_status"])[0]
    assert swept == {key: before[key] for key in ("_uuid", "meta/rootUuid", "_id", "_validation_status")}


def test_a_changed_validation_of_many_changes_the_status_alone(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    before = api.row(kobo_id)
    api.control.redeploy(repeat="sec_c")
    set_many(api, kobo_id)
    assert changed(before, api.row(kobo_id)) == {"_validation_status"}
    api.control.clear_validation(kobo_id, bulk=True)
    assert api.row(kobo_id) == before


def test_an_edit_parses_the_submission_anew(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    before = api.row(kobo_id)
    api.control.redeploy(repeat="sec_c")
    edit_many(api, kobo_id)
    after = api.row(kobo_id)
    assert after["_uuid"] != before["_uuid"]
    assert after["sec_c"] == [inside(before, "sec_c") | {"sec_c/cd_age": "77"}]


@pytest.mark.parametrize("happening", ["attach", "duplicate"])
def test_late_photos_and_duplicates_are_parsed_with_the_newest_version(api: Api, happening: str) -> None:
    kobo_id = api.control.ids()[0]
    before = api.row(kobo_id)
    api.control.redeploy(repeat="sec_c")
    found = getattr(api.control, happening)(kobo_id) or kobo_id
    assert api.row(found)["sec_c"] == [inside(before, "sec_c")]


def test_back_to_a_group_one_row_becomes_plain_keys_and_several_stay_a_list(api: Api) -> None:
    api.control.redeploy(repeat="sec_c")
    once, twice = sorted(api.control.create(2), key=lambda kobo_id: len(api.row(kobo_id)["sec_c"]))
    before = {kobo_id: api.row(kobo_id) for kobo_id in (once, twice)}
    api.control.redeploy(group="sec_c")
    assert {kobo_id: api.row(kobo_id) for kobo_id in (once, twice)} == before
    for kobo_id in (once, twice):
        set_one(api, kobo_id)
        clear_one(api, kobo_id)
    assert inside(api.row(once), "sec_c") == before[once]["sec_c"][0] and "sec_c" not in api.row(once)
    assert api.row(twice) == before[twice]
    new = api.row(api.control.create(1)[0])
    assert inside(new, "sec_c") and "sec_c" not in new


def test_a_row_whose_answers_are_all_cleared_is_gone(api: Api) -> None:
    api.control.redeploy(repeat="group_mx5fl16")
    twice = next(i for i in api.control.create(2) if len(api.row(i)["group_mx5fl16"]) == 2)
    second = api.row(twice)["group_mx5fl16"][1]
    api.control.edit(twice, cd_biz_status=None, bd_biz_operating=None)
    assert api.row(twice)["group_mx5fl16"] == [second]
    api.control.edit(twice, cd_biz_status=None, bd_biz_operating=None)
    assert "group_mx5fl16" not in api.row(twice)


def test_the_history_tells_of_the_redeploy_and_of_each_validation(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    version = api.control.redeploy(repeat="sec_c")
    set_one(api, kobo_id)
    clear_one(api, kobo_id)
    entries = api.get("/history/", q="NOT action:view-data")["results"]
    assert sorted(entry["action"] for entry in entries) == [
        "modify-submission",
        "modify-submission",
        "redeploy",
        "update-content",
    ]
    (redeploy,) = [entry["metadata"] for entry in entries if entry["action"] == "redeploy"]
    assert redeploy["latest_version_uid"] == redeploy["latest_deployed_version_uid"] == version
    told = [entry["metadata"]["submission"] for entry in entries if "submission" in entry["metadata"]]
    assert {entry["root_uuid"] for entry in told} == {api.row(kobo_id)["_uuid"]}
    assert {entry["status"] for entry in told} == {"Approved", "None"}


def test_a_group_that_the_form_does_not_have_is_refused(api: Api) -> None:
    with pytest.raises(SimulatorError, match="no such group: sec_z"):
        api.control.redeploy(repeat="sec_z")
