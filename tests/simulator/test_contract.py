"""The simulator responds as a real server did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.api import Api
from tests.simulator.recordings import CASES, OPTIONAL, ROW, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.recording)
def test_recorded_exchange(api: Api, case: Case) -> None:
    first = api.rows(limit="1")[0]
    answer = api.call(
        case.method,
        _filled(case.path, first),
        case.token,
        params={name: _filled(value, first) for name, value in case.params().items()},
        json=case.json,
    )
    assert answer.status_code == case.status
    if isinstance(case.body, str):
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert case.body in answer.text
        return
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    if case.body is not None:
        assert body == case.body
    if case.count is not None:
        assert body["count"] == case.count
    if case.rows is not None:
        assert body.keys() == {"count", "next", "previous", "results"}
        assert len(body["results"]) == case.rows
        assert all(case.keys in (frozenset(), frozenset(row)) for row in body["results"])


def test_token_error_names_the_session_scheme(api: Api) -> None:
    assert api.call("GET", "/data.json", "nobody").headers["WWW-Authenticate"] == "Session"


def test_row_has_the_keys_of_the_recorded_rows(api: Api) -> None:
    api.control.reset(rows=200)
    rows = api.rows(limit="200")
    assert {key for row in rows for key in row} == set(ROW)
    assert all(set(ROW) - OPTIONAL <= row.keys() for row in rows)
    assert all(any(key not in row for row in rows) for key in OPTIONAL)


def test_every_answer_is_text_and_none_is_null_or_empty(api: Api) -> None:
    for row in api.rows():
        answers = {key: value for key, value in row.items() if not key.startswith("_") and key != "members"}
        assert all(isinstance(value, str) and value.strip() for value in answers.values())


def test_body_is_written_without_blanks_or_escapes(api: Api) -> None:
    api.control.create(1, cd_client_name="ሰላማዊት / مريم / Éric")
    text = api.call("GET", "/data.json").content.decode()
    assert "ሰላማዊት / مريم / Éric" in text
    assert text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))


def test_large_responses_are_compressed_on_request(api: Api) -> None:
    plain = api.call("GET", "/data.json")
    assert plain.headers["Content-Encoding"] == "gzip"  # requests asks for it
    assert (
        "Content-Encoding"
        not in api.call("GET", "/data.json", params={"limit": "1", "fields": '["_id"]'}).headers
    )


def _filled(text: str, row: dict[str, Any]) -> str:
    uuid = str(row["_uuid"])
    return (
        text.replace('"{first}"', str(row["_id"])).replace("{first}", str(row["_id"])).replace("{uuid}", uuid)
    )
