"""What each kind of change does to a submission, key by key."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.simulator.api import Api, changed

EDIT = {"_uuid", "meta/instanceID", "meta/deprecatedID"}


def bulk(api: Api, method: str, **payload: Any) -> Any:
    answer = api.call(method, "/data/bulk/", params={"format": "json"}, json={"payload": payload})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_edit_changes_the_uuid_and_the_answers_only(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    before = api.row(kobo_id)
    api.control.edit(kobo_id, cd_age=77, cd_client_status="edited")
    after = api.row(kobo_id)
    assert changed(before, after) == EDIT | {"sec_c/cd_age", "sec_c/cd_client_status"}
    assert after["meta/deprecatedID"] == f"uuid:{before['_uuid']}"
    assert after["meta/instanceID"] == f"uuid:{after['_uuid']}"


def test_second_edit_deprecates_the_first(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    root = api.row(kobo_id)["_uuid"]
    (first,) = api.control.edit(kobo_id, cd_age=77)
    (second,) = api.control.edit(kobo_id, cd_age=78)
    row = api.row(kobo_id)
    assert (row["_uuid"], row["meta/deprecatedID"]) == (second, f"uuid:{first}")
    assert row["meta/rootUuid"] == f"uuid:{root}"


def test_edited_submission_is_named_by_its_root_and_its_newest_uuid(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    root = api.row(kobo_id)["_uuid"]
    (uuid,) = api.control.edit(kobo_id, cd_age=77)
    assert api.get(f"/data/{root}.json")["_id"] == api.get(f"/data/{uuid}.json")["_id"] == kobo_id
    assert api.rows(query={"_uuid": root}) == []


def test_cleared_answer_leaves_no_key(api: Api) -> None:
    kobo_id = api.control.create(1, cd_gps="1.5 30.25 0 0")[0]
    assert api.row(kobo_id)["_geolocation"] == [1.5, 30.25]
    api.control.edit(kobo_id, cd_gps=None, cd_age=None)
    after = api.row(kobo_id)
    assert "cd_gps" not in after and "sec_c/cd_age" not in after
    assert after["_geolocation"] == [1.5, 30.25]  # the real server keeps it, too


def test_bulk_edit(api: Api) -> None:
    ids = api.control.ids()[:2]
    before = [api.row(kobo_id) for kobo_id in ids]
    answer = bulk(api, "PATCH", submission_ids=ids, data={"sec_c/cd_age": "99", "no_such/field": "x"})
    after = [api.row(kobo_id) for kobo_id in ids]
    assert [changed(*pair) for pair in zip(before, after, strict=True)] == [
        EDIT | {"sec_c/cd_age", "no_such/field"}
    ] * 2
    assert {key: answer[key] for key in ("count", "successes", "failures")} == {
        "count": 2,
        "successes": 2,
        "failures": 0,
    }
    assert answer["results"][0] == {
        "uuid": after[0]["_uuid"],
        "root_uuid": before[0]["_uuid"],
        "status_code": 201,
        "message": "Successful submission",
    }


def test_bulk_edit_by_query(api: Api) -> None:
    api.control.edit(api.control.ids()[3], cd_age=55)
    answer = bulk(api, "PATCH", confirm=True, query={"sec_c/cd_age": "55"}, data={"sec_b/cd_cohort": "9"})
    assert answer["count"] == 1
    assert api.row(api.control.ids()[3])["sec_b/cd_cohort"] == "9"


def test_validation_moves_nothing_else(api: Api) -> None:
    kobo_id = api.control.ids()[2]
    before = api.row(kobo_id)
    address = f"/data/{kobo_id}/validation_status/"
    status = api.call("PATCH", address, json={"validation_status.uid": "validation_status_approved"}).json()
    assert status.keys() == {"timestamp", "uid", "by_whom", "label"}
    assert (status["uid"], status["label"]) == ("validation_status_approved", "Approved")
    assert changed(before, api.row(kobo_id)) == {"_validation_status"}
    found = api.get(
        "/data.json",
        query={"_validation_status.uid": "validation_status_approved"},
        fields=["_validation_status"],
    )
    assert [row["_validation_status"] for row in found["results"]] == [status]
    assert api.call("DELETE", address).status_code == 204
    assert api.row(kobo_id) == before


def test_validation_of_many(api: Api) -> None:
    ids = api.control.ids()[:2]
    payload = {"submission_ids": ids, "validation_status.uid": "validation_status_not_approved"}
    answer = api.call("PATCH", "/data/validation_statuses/", json={"payload": payload})
    assert answer.json() == {"detail": "2 submissions have been updated"}
    assert {api.row(kobo_id)["_validation_status"]["label"] for kobo_id in ids} == {"Not Approved"}


def test_validation_status_is_empty_in_rows_that_were_not_asked_for_it(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    api.control.validate(kobo_id, "on_hold")
    assert api.rows(fields=["_id"])[0]["_validation_status"] == {}
    assert api.rows(fields=["_validation_status"])[0]["_validation_status"]["label"] == "On Hold"


def test_edit_keeps_the_validation_status(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    api.control.validate(kobo_id, "approved")
    status = api.row(kobo_id)["_validation_status"]
    api.control.edit(kobo_id, cd_age=20)
    assert api.row(kobo_id)["_validation_status"] == status


def test_delete_leaves_no_trace_in_the_data(api: Api) -> None:
    ids = api.control.ids()
    assert api.call("DELETE", f"/data/{ids[0]}/").status_code == 204
    assert bulk(api, "DELETE", submission_ids=[ids[1]]) == {"detail": "1 submissions have been deleted"}
    assert [row["_id"] for row in api.rows()] == ids[2:]
    assert api.call("GET", f"/data/{ids[0]}.json").status_code == 404
    assert api.control.create(1)[0] > ids[-1]


def test_duplicate_is_a_new_submission(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    api.control.edit(kobo_id, cd_age=61)
    before = api.row(kobo_id)
    answer = api.call("POST", f"/data/{kobo_id}/duplicate/", params={"format": "json"})
    assert answer.status_code == 201
    copy = answer.json()
    assert copy == api.row(copy["_id"])
    assert copy["_id"] > max(api.control.ids()[:-1])
    assert "meta/deprecatedID" not in copy
    assert copy["meta/rootUuid"] == copy["meta/instanceID"] == f"uuid:{copy['_uuid']}"
    answers = {key for key in before if not key.startswith(("_", "meta/", "start", "end"))}
    assert {key: copy[key] for key in answers} == {key: before[key] for key in answers}
    assert api.row(kobo_id) == before


def test_late_attachment_keeps_the_uuid(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    before = api.row(kobo_id)
    api.control.attach(kobo_id, "p1.png")
    after = api.row(kobo_id)
    assert changed(before, after) == {"_attachments", "cd_photo"}
    assert after["_attachments"][0].keys() == {
        "download_url",
        "mimetype",
        "filename",
        "media_file_basename",
        "uid",
        "is_deleted",
        "download_large_url",
        "download_medium_url",
        "download_small_url",
        "question_xpath",
    }


@pytest.mark.parametrize(
    "value",
    [
        "abc",
        "n" * 300,
        "😀 emoji",
        "nul \u0000 byte",
        "lone \ud800 surrogate",
        12,
        1.5,
        True,
        None,
        ["x"],
        {"a": 1},
    ],
    ids=repr,
)
def test_any_value_can_be_planted(api: Api, value: object) -> None:
    kobo_id = api.control.ids()[0]
    before = api.row(kobo_id)
    api.control.raw(kobo_id, {"sec_c/cd_client_name": value}, remove=["sec_a/unique_id"])
    after = api.row(kobo_id)
    assert changed(before, after) == {"sec_c/cd_client_name", "sec_a/unique_id"}
    assert after["sec_c/cd_client_name"] == value and type(after["sec_c/cd_client_name"]) is type(value)
    assert api.control.rows(kobo_id) == [after]


def test_hidden_submissions_appear_out_of_order(api: Api) -> None:
    early, late = api.control.create(2, hidden=True)
    visible = api.control.create(1)[0]
    assert early < late < visible
    assert api.control.ids()[-1] == visible and api.call("GET", f"/data/{early}.json").status_code == 404
    api.control.reveal(late)
    assert api.control.ids()[-2:] == [late, visible]
    api.control.reveal(early)
    assert api.control.ids()[-3:] == [early, late, visible]
    assert [row["_id"] for row in api.rows(query={"_id": {"$gte": early}}, fields=["_id"])] == [
        early,
        late,
        visible,
    ]


def test_phantoms_appear_and_vanish_silently(api: Api) -> None:
    before = api.rows()
    phantoms = api.control.phantom(2)
    assert [row["_id"] for row in api.rows(query={"_id": {"$in": phantoms}})] == phantoms
    api.control.vanish(phantoms)
    assert api.rows() == before
    actions = {entry["action"] for entry in api.get("/history/")["results"]}
    assert actions <= {"view-data"}


def test_ids_ascend_with_gaps_and_times_almost_do(api: Api) -> None:
    api.control.reset(rows=500)
    rows = api.control.rows()
    ids, times = [row["_id"] for row in rows], [row["_submission_time"] for row in rows]
    assert ids == sorted(set(ids)) and len({b - a for a, b in pairwise(ids)}) > 1
    backwards = sum(b < a for a, b in pairwise(times))
    assert 0 < backwards < len(times) / 2


def test_control_shows_what_the_api_shows(api: Api) -> None:
    ids = api.control.ids()
    api.control.edit(ids[0], cd_age=1)
    api.control.validate(ids[1], "approved")
    assert api.control.rows() == api.rows(limit="1000")


def test_same_seed_same_submissions(api: Api) -> None:
    first = api.control.rows()
    api.control.reset(rows=7, seed=8)
    assert api.control.rows() != first
    api.control.reset(rows=7, seed=7)
    assert api.control.rows() == first
