"""The versions of a form as a real server was seen to list and show them (kobo-api.md §8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha1
from typing import Any

import pytest

from simulator.control_client import SimulatorControl
from tests.simulator.api import Api, changed

LISTED = {"uid", "url", "content_hash", "date_deployed", "date_modified", "version_number"}
NO_VERSION = {"detail": "No AssetVersion matches the given query."}
SMALL: dict[str, Any] = {
    "schema": "1",
    "survey": [
        {"name": "gender", "type": "select_one", "$kuid": "P4PikkWwZ", "label": ["Gender", None],
         "$xpath": "gender", "$autoname": "gender", "select_from_list_name": "gender"},
    ],
    "choices": [{"name": 1, "list_name": "gender", "label": ["Female", "Femme"], "$autovalue": "1"}],
    "settings": {"default_language": "English (en)"},
    "translated": ["label"],
    "translations": ["English (en)", "Français (fr)"],
}  # fmt: skip
HASH_OF_SMALL = sha1(json.dumps(SMALL, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def listed(api: Api, **params: str) -> list[dict[str, Any]]:
    """The versions of a page, newest first."""
    versions: list[dict[str, Any]] = api.get("/versions.json", **params)["results"]
    return versions


def numbers(api: Api, **params: str) -> list[str]:
    return [version["version_number"] for version in listed(api, **params)]


def test_a_version_of_the_list_and_the_same_by_itself(api: Api) -> None:
    [version] = listed(api)
    assert version.keys() == LISTED
    assert version["url"] == f"{api.form}/versions/{version['uid']}/"
    assert version["date_deployed"] == version["date_modified"] == "2024-06-01T08:00:00.000000Z"
    for path in (f"/versions/{version['uid']}.json", f"/versions/{version['uid']}/"):
        shown = api.get(path)
        content = shown.pop("content")
        assert shown == version
        assert content == api.get(".json")["content"]


def test_a_content_is_shown_as_it_was_saved_with_the_hash_of_its_json(api: Api) -> None:
    uid = api.control.save_draft(SMALL)
    shown = api.get(f"/versions/{uid}/")
    assert (shown["content"], shown["content_hash"]) == (SMALL, HASH_OF_SMALL)
    assert len(shown["content_hash"]) == 40


def test_a_form_that_was_never_deployed_has_a_draft(api: Api) -> None:
    api.control.form(deployed=False)
    [version] = listed(api)
    assert (version["date_deployed"], version["version_number"]) == (False, "0.1")
    asset = api.get(".json")
    assert asset["version_id"] == version["uid"]
    assert (asset["has_deployment"], asset["deployed_version_id"]) == (False, None)
    assert (asset["date_deployed"], asset["deployment__uuid"], asset["deployment__active"]) == (
        None,
        None,
        False,
    )
    assert asset["deployed_versions"] == {"count": 0, "next": None, "previous": None, "results": []}
    assert asset["deployment_status"] == "draft"
    assert api.control.deploy() == version["uid"]
    assert numbers(api) == ["1"]


def test_a_draft_is_what_the_form_shows_and_not_what_is_deployed(api: Api) -> None:
    before = api.get(".json")
    draft = api.control.save_draft(SMALL)
    after, [first, second] = api.get(".json"), listed(api)
    assert (first["uid"], first["date_deployed"], first["version_number"]) == (draft, False, "1.1")
    assert second == before["deployed_versions"]["results"][0]
    assert (after["version_id"], after["version__content_hash"]) == (draft, HASH_OF_SMALL)
    assert after["content"] == SMALL
    assert after["version_count"] == 2
    for key in ("deployed_version_id", "deployed_versions", "date_deployed"):
        assert after[key] == before[key]
    assert api.get(f"/versions/{draft}/")["content"] == SMALL
    assert api.get("/deployment/")["version_id"] == before["version_id"]
    assert api.row(api.control.create(1)[0])["__version__"] == before["version_id"]


def test_deploying_a_draft_keeps_its_uid_and_moves_its_date(api: Api) -> None:
    draft = api.control.save_draft()
    saved = listed(api)[0]["date_modified"]
    assert api.control.deploy() == draft
    version, asset = listed(api)[0], api.get(".json")
    assert (version["uid"], version["version_number"]) == (draft, "2")
    assert version["date_deployed"] == version["date_modified"] > saved
    assert asset["date_deployed"] > version["date_deployed"]
    assert asset["version_id"] == asset["deployed_version_id"] == draft
    assert api.row(api.control.create(1)[0])["__version__"] == draft


def test_a_save_that_changes_no_question_makes_a_version_with_the_same_hash(api: Api) -> None:
    """As a new name of the project does."""
    before = api.get(".json")
    uid = api.control.save_draft(before["content"])
    assert api.control.deploy() == uid != before["version_id"]
    second, first = listed(api)
    assert second["content_hash"] == first["content_hash"] == before["version__content_hash"]
    assert (second["version_number"], api.get(".json")["version_count"]) == ("2", 2)


def test_deploying_the_same_again_makes_no_version(api: Api) -> None:
    before, version = api.get(".json"), listed(api)
    assert api.control.deploy() == before["version_id"]
    assert listed(api) == version
    assert changed(before, api.get(".json")) == {"date_deployed", "date_modified"}


SAVED: dict[str, tuple[list[Callable[[SimulatorControl], object]], list[str]]] = {
    "two drafts": ([SimulatorControl.save_draft] * 2, ["1.2", "1.1", "1"]),
    "a draft that was passed over": (
        [SimulatorControl.save_draft, SimulatorControl.redeploy],
        ["2", "1.1", "1"],
    ),
    "a draft of the second": (
        [SimulatorControl.redeploy, SimulatorControl.save_draft],
        ["2.1", "2", "1"],
    ),
}


@pytest.mark.parametrize(("saved", "expected"), SAVED.values(), ids=SAVED)
def test_numbers_count_deployments_and_the_drafts_after_each(
    api: Api, saved: list[Callable[[SimulatorControl], object]], expected: list[str]
) -> None:
    for save in saved:
        save(api.control)
    assert numbers(api) == expected
    dates = [version["date_modified"] for version in listed(api)]
    assert dates == sorted(set(dates), reverse=True)


@pytest.mark.parametrize(
    ("deployed", "expected"),
    [("True", ["2", "1"]), ("1", ["2", "1"]), ("t", ["2", "1"]), ("False", ["2.1", "1.1"])],
)
def test_the_filter_is_spelt_as_python_spells_it(api: Api, deployed: str, expected: list[str]) -> None:
    api.control.save_draft()
    api.control.redeploy()
    api.control.save_draft()
    assert numbers(api, deployed=deployed) == expected
    assert api.get("/versions.json", deployed=deployed)["count"] == 2


@pytest.mark.parametrize("deployed", ["true", "false", "yes", ""])
def test_another_spelling_is_the_servers_error(api: Api, deployed: str) -> None:
    answer = api.call("GET", "/versions.json", params={"deployed": deployed})
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "text/html; charset=utf-8")


def test_the_list_comes_in_pages(api: Api) -> None:
    for _ in range(4):
        api.control.redeploy()
    page = api.get("/versions.json", limit="2")
    assert (page["count"], page["previous"]) == (5, None)
    assert page["next"] == f"{api.form}/versions.json?limit=2&start=2"
    assert [version["version_number"] for version in page["results"]] == ["5", "4"]
    assert numbers(api, limit="2", start="2") == ["3", "2"]
    last = api.get("/versions.json", limit="2", start="4")
    assert (last["next"], len(last["results"])) == (None, 1)
    assert numbers(api, start="5") == []


def test_the_form_shows_its_newest_hundred_versions(api: Api) -> None:
    for _ in range(100):
        api.control.redeploy()
    shown = api.get(".json")["deployed_versions"]
    assert (shown["count"], len(shown["results"])) == (101, 100)
    assert shown["results"] == listed(api)
    assert len(listed(api, limit="1000")) == 101


def test_a_version_that_is_not_there(api: Api) -> None:
    answer = api.call("GET", "/versions/vNoSuchVersion.json")
    assert (answer.status_code, answer.json()) == (404, NO_VERSION)
    draft = api.control.save_draft()
    filtered = api.call("GET", f"/versions/{draft}/", params={"deployed": "True"})
    assert (filtered.status_code, filtered.json()) == (404, NO_VERSION)


def test_who_may_view_the_form_may_read_its_versions(api: Api) -> None:
    api.control.save_draft()
    assert api.get("/versions.json", "viewer") == api.get("/versions.json")
    path = f"/versions/{listed(api)[0]['uid']}.json"
    assert api.get(path, "viewer") == api.get(path)
    for token, status in (("other", 404), ("none", 404), ("nobody", 401)):
        assert [api.call("GET", p, token).status_code for p in ("/versions.json", path)] == [status] * 2


def test_the_history_tells_a_draft_from_its_deployment(api: Api) -> None:
    draft = api.control.save_draft()
    assert [entry["action"] for entry in api.get("/history/")["results"]] == ["update-content"]
    api.control.deploy()
    told = {e["action"]: e["metadata"] for e in api.get("/history/")["results"]}
    assert told.keys() == {"update-content", "redeploy"}
    assert told["redeploy"]["latest_deployed_version_uid"] == draft
