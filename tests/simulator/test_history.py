"""The project history: what it tells, to whom, and how it is searched."""

from __future__ import annotations

import time

import pytest

from tests.simulator.api import Api
from tests.simulator.recordings import EMPTY

CHANGES = "(action:add-submission OR action:modify-submission OR action:delete-submission)"


def test_history_tells_of_every_change_by_root_uuid(api: Api) -> None:
    ids = api.control.ids()
    roots = [row["_uuid"] for row in api.control.rows()]
    new = api.control.create(1)[0]
    new_root = api.row(new)["_uuid"]
    api.control.edit(ids[1], cd_age=5)
    api.control.validate(ids[2], "not_approved")
    api.control.clear_validation(ids[2])
    api.control.delete(ids[3])
    entries = api.get("/history/", q=CHANGES, limit="1000")["results"]
    told = [
        (e["action"], e["metadata"]["submission"]["root_uuid"], e["metadata"]["submission"].get("status"))
        for e in entries
    ]
    assert sorted(told, key=str) == sorted(
        [
            ("add-submission", new_root, None),
            ("modify-submission", roots[1], None),
            ("modify-submission", roots[2], "Not Approved"),
            ("modify-submission", roots[2], "None"),
            ("delete-submission", roots[3], None),
        ],
        key=str,
    )
    assert set(entries[0]) == {"user", "user_uid", "username", "action", "metadata", "date_created"}
    assert set(entries[0]["metadata"]) == {
        "source",
        "asset_uid",
        "ip_address",
        "submission",
        "log_subtype",
        "project_owner",
    }


def test_pages_of_data_are_in_the_history_and_single_submissions_are_not(api: Api) -> None:
    api.rows()
    api.row(api.control.ids()[0])
    api.rows()
    assert [entry["action"] for entry in api.get("/history/")["results"]] == ["view-data"] * 2


def test_attachments_phantoms_and_planted_keys_are_not_in_the_history(api: Api) -> None:
    kobo_id = api.control.ids()[0]
    api.control.attach(kobo_id)
    api.control.raw(kobo_id, {"x": "y"})
    api.control.vanish(api.control.phantom())
    assert api.get("/history/", q=CHANGES)["count"] == 0


@pytest.mark.parametrize(
    ("q", "count"),
    [
        ("", 3),
        ("action:delete-submission", 1),
        ("action:modify-submission", 2),
        (f'{CHANGES} AND date_created__gte:"2020-01-01 10:00"', 3),
        (f'{CHANGES} AND date_created__gte:"2100-01-01T10:00:00Z"', 0),
        ('date_created__lt:"2100-01-01"', 3),
        ("NOT action:delete-submission", 2),
        ("username:sync_user action:delete-submission", 1),
        ("action:no-such-action", 0),
        ("(action:delete-submission", 0),
        ("no_such_field:x", 0),
        ('date_created__gte:"yesterday"', 0),
        ("((", 0),
    ],
)
def test_search(api: Api, q: str, count: int) -> None:
    ids = api.control.ids()
    api.control.edit(ids[:2], cd_age=5)
    api.control.delete(ids[2])
    assert api.get("/history/", q=q)["count"] == count


def test_history_is_newest_first_and_paged(api: Api) -> None:
    api.control.edit(api.control.ids()[0], cd_age=5)
    api.control.delete(api.control.ids()[0])
    page = api.get("/history/", q=CHANGES, limit="1")
    assert page["count"] == 2 and page["results"][0]["action"] == "delete-submission"
    assert "start=1" in page["next"]
    assert (
        api.get("/history/", q=CHANGES, limit="1", start="1")["results"][0]["action"] == "modify-submission"
    )


@pytest.mark.parametrize(
    ("token", "status"), [("viewer", 403), ("other", 404), ("none", 404), ("nobody", 401)]
)
def test_history_is_for_managers(api: Api, token: str, status: int) -> None:
    assert api.call("GET", "/history/", token).status_code == status


def test_refusal_of_history_can_be_hidden(api: Api) -> None:
    api.control.form(history_refusal=404)
    assert api.call("GET", "/history/", "viewer").status_code == 404


def test_look_back_cuts_the_history(api: Api) -> None:
    api.control.edit(api.control.ids()[0], cd_age=5)
    api.control.form(lookback_days=0)
    time.sleep(1.1)  # the history counts in whole seconds
    assert api.get("/history/") == EMPTY
    api.control.form(lookback_days=1)
    assert api.get("/history/", q=CHANGES)["count"] == 1
