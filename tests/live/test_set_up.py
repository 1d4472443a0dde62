"""The connection's form and its Test button, as the UI asks the API server for them."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def form(airflow: Any) -> Any:
    (found,) = [
        meta for meta in airflow.get("/ui/connections/hook_meta") if meta["connection_type"] == "kobo"
    ]
    return found


def test_the_form_shows_only_the_fields_that_matter(form: Any) -> None:
    shown = [name for name, field in form["standard_fields"].items() if not (field or {}).get("hidden")]
    assert shown == ["description", "password"]
    assert form["standard_fields"]["password"]["title"] == "API token"
    assert list(form["extra_fields"])[:2] == ["server", "asset_uid"]
    assert form["extra_fields"]["asset_uid"]["schema"]["pattern"] == "^[A-Za-z0-9]{8,40}$"
    assert form["extra_fields"]["server"]["schema"]["examples"][0] == "https://kf.kobotoolbox.org"
    assert form["extra_fields"]["webhook_secret"]["schema"]["format"] == "password"
    assert all(field["description"] for field in form["extra_fields"].values())


def test_the_test_button_answers_in_a_sentence(airflow: Any) -> None:
    simulator = airflow.simulator
    tried = {
        "connection_id": "kobo_tried",
        "conn_type": "kobo",
        "password": simulator.token,
        "extra": f'{{"server": "{simulator.url}", "asset_uid": "{simulator.asset}"}}',
    }
    right = airflow.post("/api/v2/connections/test", tried)
    assert right["status"] is True
    assert right["message"].startswith("Signed in as sync_user. Form 'Client data (simulated)' has ")
    wrong = airflow.post("/api/v2/connections/test", tried | {"password": "1111222233334444"})
    assert (wrong["status"], "'API token' was refused" in wrong["message"]) == (False, True)


def test_the_test_button_of_the_list_tests_what_is_stored(airflow: Any) -> None:
    stored = airflow.get("/api/v2/connections/kobo_default")
    sent = {name: stored[name] or "" for name in ("host", "login", "password", "schema", "extra")}
    sent |= {"connection_id": "kobo_default", "conn_type": "kobo", "port": 0}
    found = airflow.post("/api/v2/connections/test", sent)
    assert found["message"].startswith("Signed in as sync_user.")


def test_no_plugin_of_ours_fails_and_the_pool_is_there(airflow: Any) -> None:
    assert airflow.get("/api/v2/plugins/importErrors")["import_errors"] == []
    assert airflow.get("/api/v2/pools/kobo_api")["slots"] == 9


def test_the_forms_of_the_account_are_one_click_away(airflow: Any) -> None:
    run = airflow.ended("kobo_forms", airflow.trigger("kobo_forms"))
    assert run["state"] == "success"
    assert f"- {airflow.simulator.asset}: Client data (simulated)" in run["note"]
