"""The form itself: description, list, versions, permissions, and its end."""

from __future__ import annotations

import pytest

from simulator.users import OWNER_PERMISSIONS
from tests.simulator.api import Api, changed
from tests.simulator.recordings import ASSET, EMPTY, NOT_FOUND


def test_description_has_the_recorded_keys(api: Api) -> None:
    asset = api.get(".json")
    assert set(ASSET) <= asset.keys()
    assert asset["deployment__submission_count"] == 7
    assert asset["uid"] == api.server.asset and asset["data"] == f"{api.form}/data.json"
    assert {entry["codename"] for entry in asset["effective_permissions"]} == set(OWNER_PERMISSIONS)


def test_questions_have_the_paths_of_the_rows(api: Api) -> None:
    api.control.reset(rows=100)
    survey = api.get(".json")["content"]["survey"]
    paths = {row["$xpath"] for row in survey if "$xpath" in row and not row["type"].startswith("begin_group")}
    keys = {key for row in api.rows() for key in row if not key.startswith(("_", "meta/", "formhub/"))}
    assert keys == {path for path in paths if not path.startswith("members/")}


@pytest.mark.parametrize("media", [False, True])
def test_media_questions_show(api: Api, media: bool) -> None:
    api.control.form(media=media)
    types = {row["type"] for row in api.get(".json")["content"]["survey"]}
    assert ("image" in types) is media


def test_list_and_search(api: Api) -> None:
    listed = api.get("=/api/v2/assets.json", q="asset_type:survey", limit="2")
    assert listed["count"] == 1
    description = api.get(".json")
    assert {key: description[key] for key in listed["results"][0]} == listed["results"][0]
    assert "content" not in listed["results"][0]
    assert api.get("=/api/v2/assets.json", q=f"uid:{api.server.asset}")["count"] == 1
    assert api.get("=/api/v2/assets.json", q="uid:aOther")["count"] == 0
    assert api.get("=/api/v2/assets.json", "other")["count"] == 0


def test_edits_leave_the_description_alone_and_deletes_lower_its_count(api: Api) -> None:
    before = api.get(".json")
    api.control.edit(api.control.ids()[0], cd_age=1)
    assert api.get(".json") == before
    api.control.delete(api.control.ids()[0])
    assert changed(before, api.get(".json")) == {"deployment__submission_count"}


def test_new_version_adds_a_question_and_marks_later_rows(api: Api) -> None:
    old = api.get(".json")
    new_version = api.control.redeploy()
    new = api.get(".json")
    assert new["deployed_version_id"] == new["version_id"] == new_version != old["version_id"]
    assert [version["uid"] for version in new["deployed_versions"]["results"]] == [
        new_version,
        old["version_id"],
    ]
    assert len(new["content"]["survey"]) == len(old["content"]["survey"]) + 1
    assert new["version__content_hash"] != old["version__content_hash"]
    kobo_id = api.control.create(1)[0]
    assert api.row(kobo_id)["__version__"] == new_version
    assert api.row(api.control.ids()[0])["__version__"] == old["version_id"]


def test_versions_keep_their_own_content(api: Api) -> None:
    old = api.get(".json")["content"]
    api.control.redeploy()
    listed = api.get("/versions/", deployed="True")
    assert [version["version_number"] for version in listed["results"]] == ["2", "1"]
    assert api.get(f"/versions/{listed['results'][1]['uid']}/")["content"] == old
    assert api.call("GET", "/versions/vNone/").status_code == 404


def test_archived_form_still_shows_its_data(api: Api) -> None:
    assert api.get("/deployment/")["active"] is True
    archived = api.call("PATCH", "/deployment/", json={"active": False}).json()
    assert archived["active"] is False and archived["asset"]["deployment_status"] == "archived"
    assert api.get("/data.json")["count"] == 7
    assert api.get("/history/")["results"][0]["action"] in ("archive", "view-data")


def test_empty_form(api: Api) -> None:
    api.control.reset(rows=0)
    assert api.get("/data.json") == EMPTY
    assert api.get(".json")["deployment__submission_count"] == 0
    assert api.control.create(1) == api.control.ids()


def test_form_that_was_never_deployed(api: Api) -> None:
    api.control.form(deployed=False)
    answer = api.call("GET", "/data.json")
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "The specified asset has not been deployed"},
    )


def test_deleted_form(api: Api) -> None:
    api.control.form(trashed=True)
    data, description = api.call("GET", "/data.json"), api.call("GET", ".json")
    assert (data.status_code, data.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert (description.status_code, description.json()) == (404, NOT_FOUND)


def test_old_api_is_gone(api: Api) -> None:
    assert api.call("GET", "=/environment/").status_code == 410


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", ".json", 200),
        ("GET", "/data.json", 200),
        ("GET", "/hooks/", 404),
        ("POST", "/hooks/", 404),
        ("PATCH", "/data/bulk/", 403),
        ("DELETE", "/data/bulk/", 403),
    ],
)
def test_what_a_viewer_may_do(api: Api, method: str, path: str, status: int) -> None:
    assert (
        api.call(method, path, "viewer", json={"name": "x", "endpoint": "http://127.0.0.1/"}).status_code
        == status
    )
    assert api.get(".json", "viewer")["effective_permissions"] == [
        {"codename": "view_asset"},
        {"codename": "view_submissions"},
    ]


def test_partial_permissions_narrow_the_result_silently(api: Api) -> None:
    mine, theirs = api.control.create(2)
    api.control.raw(mine, {"_submitted_by": "me"})
    api.control.raw(theirs, {"_submitted_by": "you"})
    api.control.user("5eedpartial", "part", ["view_asset", "partial_submissions"], only_submitted_by=["me"])
    page = api.get("/data.json", "5eedpartial")
    assert (page["count"], [row["_id"] for row in page["results"]]) == (1, [mine])
    assert api.get("/data.json", "5eedpartial", query={"_id": {"$in": [mine, theirs]}})["count"] == 1
    assert api.get(f"/data/{mine}.json", "5eedpartial")["_id"] == mine
    assert api.call("GET", f"/data/{theirs}.json", "5eedpartial").status_code == 404
    codenames = [entry["codename"] for entry in api.get(".json", "5eedpartial")["effective_permissions"]]
    assert codenames == ["view_asset", "partial_submissions"]
