"""Each row of the webhook's contract, on each kind of database."""

from __future__ import annotations

import base64
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import falcon
import pytest
from falcon import testing
from sqlalchemy import Engine, select

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.schema import Mirror
from kobo_mirror.store.bindings import learn_id_strings
from kobo_mirror.store.schema import bind, migrate
from kobo_mirror.store.tables import dead_letters
from tests.webhook.application import MIRROR, Tables, client_of, post
from tests.webhook.bodies import ASSET, PATH, PREVIOUS_SECRET, SECRET, body
from webhook.app import Dependencies, create_app
from webhook.resources import MAX_BODY

NOTHING = {"records": 0, "ledger": 0, "to_fetch": 0, "dead": 0}
OTHER = "aAnotherForm00000000001"
CANARY = "canary-answer-7c1f"


def answer(result: testing.Result) -> tuple[int, Any, Any]:
    return result.status_code, result.json.get("result"), result.json.get("reason")


def test_a_new_submission_is_inserted_and_a_repeated_one_changes_nothing(
    client: testing.TestClient, tables: Tables
) -> None:
    assert answer(post(client, body(1))) == (200, "inserted", None)
    assert answer(post(client, body(1))) == (200, "unchanged", None)
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
    assert answer(post(client, edit)) == (200, "updated", None)
    assert answer(post(client, first)) == (200, "stale", None)
    assert tables.cells("age") == [39]


def test_what_cannot_be_decided_is_put_on_the_fetch_list(client: testing.TestClient, tables: Tables) -> None:
    post(client, body(1))
    assert answer(post(client, body(1, **{"sec_c/cd_age": "40"}))) == (200, "deferred", None)
    assert answer(post(client, b'{"_id": 2, "sec_c/cd_age": "40"}')) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"records": 1, "ledger": 1, "to_fetch": 2}
    assert tables.cells("age") == [38]


def test_a_rejection_is_a_success_of_the_delivery(client: testing.TestClient, tables: Tables) -> None:
    status, result, reason = answer(post(client, body(1, **{"sec_c/cd_age": "abc"})))
    assert (status, result) == (200, "rejected")
    assert "age" in reason
    assert "abc" not in reason
    assert tables.count() == NOTHING | {"ledger": 1}


def test_a_submission_that_does_not_name_its_form_is_of_the_only_one(
    client: testing.TestClient, tables: Tables
) -> None:
    assert answer(post(client, body(1, _xform_id_string=None))) == (200, "inserted", None)
    assert tables.count()["records"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"{}",
        b'{"_id": "5"}',
        b'{"_id": 5.0}',
        b'{"_id": true}',
        b'{"_id": -1}',
        b'{"_id": 99999999999999999999}',
        b'{"_id": NaN}',
        b'{"_id": 5, "x": nan}',
        b"\xff\xfe{\x00}\x00",
        b"[" * 100_000,
        b'{"_id": 5, "x": ' + b"[" * 1_500 + b"]" * 1_500 + b"}",
        b'{"_id": 5, "x": ' + b'{"x":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"_id": 5} {"_id": 6}',
    ],
)
def test_a_body_that_is_no_submission_is_kept_as_it_came(
    client: testing.TestClient, tables: Tables, bad: bytes
) -> None:
    result = post(client, bad)
    assert result.status_code == 400
    assert result.json["status"] == "error"
    source, reason, kept = tables.dead_letter()
    assert (source, reason, kept) == ("webhook", result.json["message"], bad)
    assert result.json["dead_letter"] == 1
    assert tables.count() == NOTHING | {"dead": 1}


def spelt(key: str, value: bytes) -> bytes:
    """A whole submission with a value as it is spelt."""
    return body(1, **{key: "@"}).replace(b'"@"', value)


@pytest.mark.parametrize("value", [b"NaN", b"[-Infinity, 1e999]", b"9" * 5000, b'"\\ud800"', b'"a\nb"'])
def test_a_value_that_is_no_json_matters_only_where_a_column_reads_it(
    client: testing.TestClient, tables: Tables, value: bytes
) -> None:
    assert answer(post(client, spelt("_geolocation", value))) == (200, "inserted", None)
    assert answer(post(client, spelt("_geolocation", b"null"))) == (200, "unchanged", None)
    edit = spelt("sec_c/cd_age", value)
    edit = edit[:-1] + b', "_uuid": "2", "meta/deprecatedID": "uuid:00000000-0000-4000-8000-000000000001"}'
    status, result, reason = answer(post(client, edit))
    assert (status, result) == (200, "rejected")
    assert reason.startswith("age: the answer to sec_c/cd_age ")
    assert tables.count() == NOTHING | {"ledger": 1}


@pytest.mark.parametrize("key", ["cd_other", "_geolocation", "sec_c/cd_client_name"])
def test_a_body_that_is_not_all_utf8_is_asked_for(
    client: testing.TestClient, tables: Tables, key: str
) -> None:
    assert answer(post(client, spelt(key, b'"caf\xe9"'))) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"to_fetch": 1}


OTHERS = [OTHER, "", 5, ["x"], {"a": 1}, "'; DROP TABLE x", "\ud800", "é" * 300]


@pytest.mark.parametrize("asset", OTHERS)
def test_a_submission_of_another_form_is_kept_but_not_taken(
    client: testing.TestClient, engine: Engine, tables: Tables, asset: Any
) -> None:
    learn(engine, MIRROR.asset_uid)
    result = post(client, body(1, _xform_id_string=asset))
    assert result.status_code == 404
    assert result.json["message"].startswith("unknown asset ")
    assert result.json["dead_letter"] == 1
    assert tables.dead_letter()[2] == body(1, _xform_id_string=asset)
    assert tables.count() == NOTHING | {"dead": 1}


def test_a_name_that_no_form_builder_gives_is_asked_for_whatever_was_learnt(
    client: testing.TestClient, engine: Engine, tables: Tables
) -> None:
    learn(engine, MIRROR.asset_uid)
    assert answer(post(client, body(1, _xform_id_string="household_survey_2016"))) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"to_fetch": 1}


def learn(engine: Engine, *names: str) -> None:
    """Have a pull show these names of the form."""
    bind(engine, MIRROR)
    learn_id_strings(engine, MIRROR.form, names)


def test_a_form_by_another_name_is_taken_once_a_pull_has_shown_it(
    client: testing.TestClient, engine: Engine, tables: Tables
) -> None:
    legacy = body(1, _xform_id_string="household_survey_2016")
    assert answer(post(client, legacy)) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"to_fetch": 1}
    learn(engine, "household_survey_2016")
    assert answer(post(client, legacy)) == (200, "inserted", None)
    assert answer(post(client, body(2))) == (200, "inserted", None)
    assert post(client, body(3, _xform_id_string=OTHER)).status_code == 404
    learn(engine, OTHER)
    assert answer(post(client, body(3, _xform_id_string=OTHER))) == (200, "inserted", None)


@pytest.mark.parametrize("asset", ["", 5, ["x"], {"a": 1}])
def test_what_is_no_name_is_never_of_this_form(
    client: testing.TestClient, tables: Tables, asset: Any
) -> None:
    assert post(client, body(1, _xform_id_string=asset)).status_code == 404
    assert tables.count() == NOTHING | {"dead": 1}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["two words", "'; DROP TABLE x", "a/b", "a\n", "é b", "x" * 101])
def test_what_cannot_be_the_name_of_a_form_is_not_asked_for(
    client: testing.TestClient, tables: Tables, name: str
) -> None:
    assert post(client, body(1, _xform_id_string=name)).status_code == 404
    assert tables.count() == NOTHING | {"dead": 1}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["x" * 100, "a.b-c_d", "été", "7"])
def test_what_can_be_one_is_asked_for_until_a_pull_has_shown_some(
    client: testing.TestClient, tables: Tables, name: str
) -> None:
    assert answer(post(client, body(1, _xform_id_string=name))) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"to_fetch": 1}


def test_a_dead_letter_knows_the_form_that_it_was_posted_to(
    client: testing.TestClient, engine: Engine
) -> None:
    learn(engine, MIRROR.asset_uid)
    post(client, b"no JSON")
    post(client, body(1, _xform_id_string=OTHER))
    with engine.connect() as connection:
        assert list(connection.scalars(select(dead_letters.c.asset_uid))) == [ASSET, ASSET]


def test_with_several_forms_a_submission_must_name_its_own(engine: Engine, tables: Tables) -> None:
    client = client_of(engine, MIRROR, Mirror(KOBO_RECORDS, MIRROR.server, OTHER))
    assert post(client, body(1, _xform_id_string=None)).status_code == 404
    assert post(client, body(1)).status_code == 200
    assert tables.count() == NOTHING | {"records": 1, "ledger": 1, "dead": 1}
    assert post(client, body(2, _xform_id_string="learnt_by_neither")).status_code == 404
    assert tables.count() == NOTHING | {"records": 1, "ledger": 1, "dead": 2}
    with engine.connect() as connection:
        assert list(connection.scalars(select(dead_letters.c.asset_uid))) == [None, None]


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
def test_others_are_told_of_what_changed_the_table(engine: Engine, sent: bytes, told: int) -> None:
    arrived: list[None] = []
    deps = Dependencies(
        engine=engine, probe=engine, mirrors=[MIRROR], secrets=(SECRET,), arrived=lambda: arrived.append(None)
    )
    client = testing.TestClient(create_app(deps))
    before = [body(1)] if told else []
    for one in (*before, sent, sent):
        post(client, one)
    assert len(arrived) == told


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"kobo:{password}".encode()).decode()


@pytest.mark.parametrize("secret", [SECRET, PREVIOUS_SECRET])
def test_each_of_two_secrets_opens_in_each_of_three_ways(client: testing.TestClient, secret: str) -> None:
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
def test_without_a_secret_nobody_gets_in_and_nothing_is_kept(
    client: testing.TestClient, tables: Tables, headers: dict[str, str], query: str
) -> None:
    headers = {"Content-Type": "application/json"} | headers
    for sent in (body(1), b"[]"):
        result = client.simulate_post(PATH, body=sent, headers=headers, query_string=query)
        assert result.status_code == 401
        assert result.headers["WWW-Authenticate"].startswith("Basic ")
    assert tables.count() == NOTHING


def test_no_secret_at_all_lets_everybody_in(engine: Engine) -> None:
    client = client_of(engine, secrets=())
    result = client.simulate_post(PATH, body=body(1), headers={"Content-Type": "application/json"})
    assert result.status_code == 200


def test_a_body_of_unknown_length_or_too_large_or_not_json_is_not_read(
    client: testing.TestClient, tables: Tables
) -> None:
    assert post(client, body(1), extras={"CONTENT_LENGTH": ""}).status_code == 411
    assert post(client, b" " * (MAX_BODY + 1)).status_code == 413
    for kind in ("text/xml", "application/x-www-form-urlencoded", ""):
        assert post(client, body(1), headers={"Content-Type": kind}).status_code == 415
    assert post(client, body(1), headers={"Content-Encoding": "gzip"}).status_code == 415
    assert tables.count() == NOTHING


def test_json_may_say_its_charset_and_be_as_large_as_is_allowed(client: testing.TestClient) -> None:
    sent = body(1, **{"sec_d/notes": "x"})
    sent = sent.replace(b'"x"', b'"' + b"x" * (MAX_BODY - len(sent) + 1) + b'"')
    assert len(sent) == MAX_BODY
    result = post(client, sent, headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert answer(result) == (200, "inserted", None)


UNUSABLE = ("unreachable", "old schema", "another form", "another declaration")


def unusable(kind: str, tmp_path: Path) -> Engine:
    """A database that cannot take anything, in one of several ways."""
    if kind == "unreachable":
        return open_engine("mysql+pymysql://kobo:made-up-password@127.0.0.1:9/kobo", patience=1)
    engine = open_engine(f"sqlite:///{tmp_path}/kobo.db", patience=1)
    if kind == "old schema":
        return engine
    migrate(engine, KOBO_RECORDS)
    if kind == "another form":
        bind(engine, Mirror(KOBO_RECORDS, MIRROR.server, OTHER))
        return engine
    if kind == "another declaration":
        fewer = replace(KOBO_RECORDS, columns=KOBO_RECORDS.columns[1:])
        bind(engine, Mirror(fewer, MIRROR.server, ASSET))
        return engine
    engine.dispose()
    return open_engine(f"sqlite:///file:{tmp_path}/kobo.db?mode=ro&uri=true", patience=1)


@pytest.mark.parametrize(
    "kind", ["unreachable", "old schema", "another form", "another declaration", "read-only"]
)
def test_a_database_that_cannot_take_it_is_a_503_that_says_when_to_come_again(
    kind: str, tmp_path: Path
) -> None:
    client = client_of(unusable(kind, tmp_path))
    result = post(client, body(1))
    assert result.status_code == 503
    assert int(result.headers["Retry-After"]) > 0
    assert "made-up-password" not in result.text


@pytest.mark.parametrize("sent", [b"[]", body(1, _xform_id_string=OTHER)])
def test_a_dead_letter_that_cannot_be_kept_is_a_503_too(tmp_path: Path, sent: bytes) -> None:
    client = client_of(unusable("unreachable", tmp_path))
    assert post(client, sent).status_code == 503


@pytest.mark.parametrize("kind", UNUSABLE)
def test_health_tells_a_living_process_from_one_that_can_work(
    kind: str, engine: Engine, tmp_path: Path
) -> None:
    for sound, ready in ((client_of(engine), 200), (client_of(unusable(kind, tmp_path)), 503)):
        assert sound.simulate_get("/health/live").status_code == 200
        assert sound.simulate_get("/health/ready").status_code == ready


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
