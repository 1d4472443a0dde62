"""Bodies that are no submission, odd, too large or not JSON."""

from __future__ import annotations

import pytest
from falcon import testing

from tests.webhook.application import NOTHING, Tables, outcome, post
from tests.webhook.bodies import body
from webhook.resources import MAX_BODY


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
    assert outcome(post(client, spelt("_geolocation", value))) == (200, "inserted", None)
    assert outcome(post(client, spelt("_geolocation", b"null"))) == (200, "unchanged", None)
    edit = spelt("sec_c/cd_age", value)
    edit = edit[:-1] + b', "_uuid": "2", "meta/deprecatedID": "uuid:00000000-0000-4000-8000-000000000001"}'
    status, result, reason = outcome(post(client, edit))
    assert (status, result) == (200, "rejected")
    assert reason.startswith("age: the answer to sec_c/cd_age ")
    assert tables.count() == NOTHING | {"ledger": 1}


@pytest.mark.parametrize("key", ["cd_other", "_geolocation", "sec_c/cd_client_name"])
def test_a_body_that_is_not_all_utf8_is_asked_for(
    client: testing.TestClient, tables: Tables, key: str
) -> None:
    assert outcome(post(client, spelt(key, b'"caf\xe9"'))) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"to_fetch": 1}


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
    assert outcome(result) == (200, "inserted", None)
