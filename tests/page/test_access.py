from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from kobo_mirror.airflow.page.app import create_app
from tests.support.submissions import ASSET, submission
from tests.support.writing import Writing

Client = Callable[[str | None], TestClient]

READS = [
    "",
    "api/forms",
    f"api/forms/{ASSET}",
    f"api/forms/{ASSET}/days",
    f"api/forms/{ASSET}/runs",
    f"api/forms/{ASSET}/rejections",
    f"api/forms/{ASSET}/tables",
    f"api/forms/{ASSET}/rejected-cells",
    f"api/forms/{ASSET}/plan",
    f"api/forms/{ASSET}/history",
    "api/account-forms",
    "api/dead-letters",
    "static/page.js",
    "openapi.json",
]
ACTIONS: dict[str, dict[str, Any]] = {
    "api/actions/sync": {},
    "api/actions/verify": {},
    "api/actions/confirm-deletes": {"code": "0123456789ab"},
    "api/actions/apply-plan": {"code": "0123456789ab"},
    "api/actions/decline-plan": {"code": "0123456789ab"},
    "api/actions/replay": {"rejections": [1]},
    "api/actions/list-forms": {},
    "api/actions/add-form": {"uid": "aFormOfTheAccount0001"},
}


def test_every_route_is_one_of_these() -> None:
    routes = {path.format(asset_uid=ASSET, name="page.js")[1:] for path in paths_of(create_app())}
    assert routes == {*READS, *ACTIONS}


def paths_of(app: Any) -> set[str]:
    shown = set(app.openapi()["paths"])
    return shown | {"/", "/static/{name}", "/openapi.json"}


@pytest.mark.parametrize("path", READS)
def test_a_read_needs_a_login_and_no_more(as_user: Client, engine: Engine, path: str) -> None:
    assert as_user(None).get(path).status_code == 401
    assert as_user("vic").get(path).status_code == 200


@pytest.mark.parametrize("path", ACTIONS)
def test_an_action_needs_a_login_and_the_right_to_start_runs(
    as_user: Client, engine: Engine, path: str
) -> None:
    assert as_user(None).post(path, json=ACTIONS[path]).status_code == 401
    refused = as_user("vic").post(path, json=ACTIONS[path])
    assert refused.status_code == 403
    assert "may not start runs" in refused.json()["detail"]
    assert as_user("una").post(path, json=ACTIONS[path]).status_code in {200, 409}


@pytest.mark.parametrize("path", ACTIONS)
def test_another_site_cannot_press_a_button_with_the_cookie(
    as_user: Client, engine: Engine, path: str
) -> None:
    """A form on another site can post text, but not JSON."""
    client = as_user("ada")
    answer = client.post(path, content="{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422


def test_a_wrong_token_is_refused(as_user: Client, engine: Engine) -> None:
    client = as_user(None)
    client.headers["Authorization"] = "Bearer no.token.at-all"
    assert client.get("api/forms").status_code in {401, 403}
    assert client.post("api/actions/sync", json={}).status_code in {401, 403}


def test_the_cookie_of_the_ui_is_enough(as_user: Client, engine: Engine) -> None:
    token = as_user("vic").headers["Authorization"].removeprefix("Bearer ")
    client = as_user(None)
    client.cookies.set("_token", token)
    assert client.get("").status_code == 200


def test_a_browser_without_a_login_is_told_so_in_words(as_user: Client) -> None:
    answer = as_user(None).get("", headers={"Accept": "text/html", "Accept-Language": "fr-RW, en"})
    assert answer.status_code == 401
    assert "Connectez-vous" in answer.text
    assert 'lang="fr"' in answer.text


def test_answers_are_for_those_who_may_see_the_database(as_user: Client, engine: Engine) -> None:
    writing = Writing(engine)
    writing.pull(submission(1, age="a secret answer"))
    for name, may in (("vic", False), ("una", False), ("oli", True), ("ada", True)):
        client = as_user(name)
        (rejection,) = client.get(f"api/forms/{ASSET}/rejections").json()
        assert (rejection["kobo_id"], rejection["columns"]) == (1, ["age"])
        assert ("a secret answer" in (rejection["payload"] or "")) == may
        assert ("a secret answer" in client.get("").text) == may


def test_no_other_site_may_frame_the_page_or_run_scripts_in_it(as_user: Client, engine: Engine) -> None:
    headers = as_user("vic").get("").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'self'" in policy
    assert headers["Cache-Control"] == "no-store"


def test_airflow_lists_the_page_and_no_import_error(as_user: Client, airflow_app: Any) -> None:
    client = TestClient(airflow_app, headers=dict(as_user("ada").headers))
    plugins = client.get("/api/v2/plugins").json()["plugins"]
    (ours,) = [plugin for plugin in plugins if plugin["name"] == "kobo_mirror_page"]
    (view,) = ours["external_views"]
    assert (view["url_route"], view["href"]) == ("kobo-mirror", "kobo-mirror/")
    errors = client.get("/api/v2/plugins/importErrors").json()["import_errors"]
    assert not [e for e in errors if "already registered" not in e["error"]]  # pytest has plugins/ twice
