"""The webhook's contract: results of deliveries, secrets, errors and logs, on each kind of database."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import falcon
import pytest
from falcon import testing
from sqlalchemy import Engine

from kobo_mirror.forms.mirror import Mirror
from tests.webhook.application import MIRROR, NOTHING, Tables, client_of, outcome, post
from tests.webhook.bodies import ASSET, PATH, PREVIOUS_SECRET, SECRET, body
from webhook.app import Dependencies, create_app

CANARY = "canary-answer-7c1f"


def test_a_new_submission_is_inserted_and_a_repeated_one_changes_nothing(
    client: testing.TestClient, tables: Tables
) -> None:
    assert outcome(post(client, body(1))) == (200, "inserted", None)
    assert outcome(post(client, body(1))) == (200, "unchanged", None)
    assert tables.count() == NOTHING | {"records": 1, "ledger": 1}
    assert tables.cells("client_name") == ["Łukasz ወርቅ"]


def test_an_edit_is_an_update_and_the_state_before_it_is_stale(
    client: testing.TestClient, tables: Tables
) -> None:
    first = body(1)
    edit = body(
        1, uuid="edit-1", **{"meta/deprecatedID": f"uuid:{json.loads(first)['_uuid']}", "sec_c/cd_age": "39"}
    )
    post(client, first)
    assert outcome(post(client, edit)) == (200, "updated", None)
    assert outcome(post(client, first)) == (200, "stale", None)
    assert tables.cells("age") == [39]


def test_an_undecidable_delivery_is_enqueued(client: testing.TestClient, tables: Tables) -> None:
    post(client, body(1))
    assert outcome(post(client, body(1, **{"sec_c/cd_age": "40"}))) == (200, "deferred", None)
    assert outcome(post(client, b'{"_id": 2, "sec_c/cd_age": "40"}')) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"records": 1, "ledger": 1, "to_fetch": 2}
    assert tables.cells("age") == [38]


def test_a_rejection_is_a_success_of_the_delivery(client: testing.TestClient, tables: Tables) -> None:
    status, result, reason = outcome(post(client, body(1, **{"sec_c/cd_age": "abc"})))
    assert (status, result) == (200, "rejected")
    assert "age" in reason
    assert "abc" not in reason
    assert tables.count() == NOTHING | {"ledger": 1}


EDIT = {"uuid": "edit-1", "meta/deprecatedID": "uuid:00000000-0000-4000-8000-000000000001"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (body(1), 1),  # inserted
        (body(1, **EDIT), 2),  # updated
        (body(1, uuid="edit-2", **{"meta/deprecatedID": "uuid:unknown"}), 1),  # deferred
        (body(1, **{"sec_c/cd_age": "x"}), 0),  # rejected
        (body(1, _xform_id_string="household_survey_2016"), 0),  # deferred for its name
        (b"[]", 0),
    ],
)
def test_the_callback_runs_once_for_each_delivery_that_changed_the_table(
    engine: Engine, sent: bytes, told: int
) -> None:
    arrived: list[Mirror] = []
    deps = Dependencies(
        engine=engine, probe=engine, mirrors=[MIRROR], secrets=(SECRET,), arrived=arrived.append
    )
    client = testing.TestClient(create_app(deps))
    before = [body(1)] if told else []
    for one in (*before, sent, sent):
        post(client, one)
    assert arrived == [MIRROR] * told


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"kobo:{password}".encode()).decode()


@pytest.mark.parametrize("secret", [SECRET, PREVIOUS_SECRET])
def test_each_of_two_secrets_is_accepted_in_each_of_three_places(
    client: testing.TestClient, secret: str
) -> None:
    plain = {"Content-Type": "application/json"}
    ways: list[dict[str, Any]] = [
        {"headers": plain | {"X-Webhook-Secret": secret}},
        {"headers": plain | {"Authorization": basic(secret)}},
        {"headers": plain, "query_string": f"token={secret}"},
    ]
    statuses = [client.simulate_post(PATH, body=body(1), **way).status_code for way in ways]
    assert statuses == [200, 200, 200]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, ""),
        ({"X-Webhook-Secret": ""}, ""),
        ({"X-Webhook-Secret": SECRET[:-1]}, ""),
        ({"X-Webhook-Secret": SECRET + "é"}, ""),
        ({"Authorization": basic("")}, ""),
        ({"Authorization": basic("wrong")}, ""),
        ({"Authorization": "Basic ***"}, ""),
        ({"Authorization": f"Bearer {SECRET}"}, ""),
        ({}, "token="),
        ({}, "token=%ED%A0%80%FF"),
        ({}, f"Token={SECRET}"),
    ],
)
def test_without_the_right_secret_nothing_is_taken_or_kept(
    client: testing.TestClient, tables: Tables, headers: dict[str, str], query: str
) -> None:
    headers = {"Content-Type": "application/json"} | headers
    for sent in (body(1), b"[]"):
        result = client.simulate_post(PATH, body=sent, headers=headers, query_string=query)
        assert result.status_code == 401
        assert result.headers["WWW-Authenticate"].startswith("Basic ")
    assert tables.count() == NOTHING


def test_without_a_configured_secret_every_delivery_is_taken(engine: Engine) -> None:
    client = client_of(engine, secrets=())
    result = client.simulate_post(PATH, body=body(1), headers={"Content-Type": "application/json"})
    assert result.status_code == 200


def test_every_error_has_one_shape(client: testing.TestClient) -> None:
    secret = {"X-Webhook-Secret": SECRET}
    for result, status in (
        (client.simulate_get("/nowhere"), 404),
        (client.simulate_get("/api/real-time-updates/../x"), 404),
        (client.simulate_get(PATH), 401),
        (client.simulate_get(PATH, headers=secret), 405),
        (client.simulate_post("/health/live"), 405),
        (post(client, body(1), headers={"Content-Type": "text/xml"}), 415),
    ):
        assert result.status_code == status
        assert result.json.keys() == {"status", "message"}
        assert result.headers["X-Request-ID"]


class Faulty:
    public = True

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        raise ValueError(CANARY)


def test_a_fault_of_ours_is_told_to_the_log_without_its_text(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(engine)
    client.app.add_route("/faulty", Faulty())
    with caplog.at_level(logging.DEBUG):
        result = client.simulate_get("/faulty")
    assert result.status_code == 500
    (line,) = [record.__dict__["fields"] for record in caplog.records if record.name == "webhook"]
    assert line["error"] == "ValueError"
    assert line["request"] == result.headers["X-Request-ID"]
    assert CANARY not in result.text + caplog.text + str(line)


def test_a_log_line_has_ids_and_neither_answers_nor_secrets(
    client: testing.TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        post(client, body(7, **{"sec_c/cd_client_name": CANARY}))
        post(client, body(8, **{"sec_c/cd_age": CANARY}))
        post(client, f'{{"{CANARY}": 1}}'.encode())
        client.simulate_post(PATH, query_string=f"token={SECRET}", body=b"{}")
    lines = [record.__dict__["fields"] for record in caplog.records if record.name == "webhook"]
    assert [(line["status"], line.get("kobo_id"), line.get("result")) for line in lines] == [
        (200, 7, "inserted"),
        (200, 8, "rejected"),
        (400, None, None),
        (415, None, None),
    ]
    assert lines[0]["asset_uid"] == ASSET
    assert lines[2]["dead_letter"] == 1
    told = caplog.text + str([record.__dict__ for record in caplog.records])
    assert CANARY not in told
    assert SECRET not in told
