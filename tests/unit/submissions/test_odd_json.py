"""Values that are no JSON or nested too deeply matter only where a column reads them."""

from __future__ import annotations

import pytest

from kobo_mirror.errors import SubmissionError
from kobo_mirror.submissions.document import parse
from kobo_mirror.submissions.rows import read_state, unreadable_state
from tests.support.submissions import APPROVED, MIRROR, QUESTION, body, state, submission

ODD_VALUES = {
    b"NaN": "is NaN, which JSON does not have",
    b"Infinity": "is Infinity, which JSON does not have",
    b"-Infinity": "is -Infinity, which JSON does not have",
    b"1e999": "is a number that is too large",
    b"-1e999": "is a number that is too large",
    b"9" * 5000: "is a number of too many digits",
    b"8" * 5000: "is a number of too many digits",
    b'"caf\xe9"': "holds bytes that are not UTF-8",
    b'"caf\xe8"': "holds bytes that are not UTF-8",
    b'"\xed\xa0\x80"': "holds bytes that are not UTF-8",
    b'"\\ud83d"': "holds half a character (a lone surrogate)",
    b'"\\udce9"': "holds half a character (a lone surrogate)",
}


def with_value(key: str, value: bytes) -> bytes:
    """A whole submission with a value as it is spelt, in place of what it had there."""
    return body(submission(7) | {key: "@"}).replace(b'"@"', value)


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize("key", ["_geolocation", "_notes", "cd_other", "_submitted_by", "meta/rootUuid"])
def test_a_value_that_is_no_json_where_no_column_reads_it_does_no_harm(key: str, value: bytes) -> None:
    for inside in (value, b"[null, " + value + b"]", b'{"a": [{"b": ' + value + b"}]}"):
        found = read_state(with_value(key, inside), MIRROR)
        assert (found.kobo_id, found.reason) == (7, None)
        assert found.row == state(submission(7)).row
        assert found.payload.decode()


@pytest.mark.parametrize("key", [b"\xff", b"\\ud800", b"sec_c\\udfff/cd_age", b"a\x01b"])
def test_a_key_that_is_no_json_does_no_harm(key: bytes) -> None:
    found = read_state(body(submission(7))[:-1] + b', "' + key + b'": 1}', MIRROR)
    assert (found.kobo_id, found.reason) == (7, None)
    assert found.digest != state(submission(7)).digest


@pytest.mark.parametrize(("value", "fault"), ODD_VALUES.items())
@pytest.mark.parametrize("name", ["client_name", "alt_phone", "age", "survey_date", "submission_time"])
def test_a_value_that_is_no_json_where_a_column_reads_it_is_named(
    name: str, value: bytes, fault: str
) -> None:
    found = read_state(with_value(QUESTION[name], value), MIRROR)
    assert found.row is None
    assert found.reason is not None
    assert found.reason.startswith(f"{name}: the answer to {QUESTION[name]} ")
    if name in ("client_name", "alt_phone") or "surrogate" not in fault:
        assert found.reason.endswith(fault)
    assert found.payload.decode()


@pytest.mark.parametrize("key", ["cd_other", "start", QUESTION["age"]])
def test_the_digest_tells_each_value_that_is_no_json_from_every_other(key: str) -> None:
    plain = [b"null", b"0", b'"NaN"', b'"Infinity"', b'"is NaN"', b'"caf\xc3\xa9"', b'{"": "NaN"}', b"1e308"]
    values = [*ODD_VALUES, *plain]
    digests = {value: read_state(with_value(key, value), MIRROR).digest for value in values}
    assert len(set(digests.values())) == len(values)
    again = {value: read_state(with_value(key, value) + b" ", MIRROR).digest for value in values}
    assert again == digests


def test_only_invalid_utf8_makes_a_delivery_partial() -> None:
    not_believed = {value for value in ODD_VALUES if read_state(with_value("x", value), MIRROR).partial}
    assert not_believed == {b'"caf\xe9"', b'"caf\xe8"', b'"\xed\xa0\x80"'}


@pytest.mark.parametrize("depth", [120, 1_500, 100_000])
def test_what_is_nested_too_deeply_is_a_rejection_that_the_ledger_knows_all_about(depth: int) -> None:
    whole = submission(7, _validation_status=APPROVED, **{"meta/deprecatedID": "uuid:before"})
    raw = body(whole)[:-1] + b', "deep": ' + b'[{"a":' * depth + b"1" + b"}]" * depth + b"}"
    with pytest.raises(SubmissionError) as problem:
        parse(raw)
    found, usual = unreadable_state(raw, 7, str(problem.value), MIRROR), state(whole)
    assert (found.row, found.reason) == (None, "the body is nested too deeply")
    assert (found.uuid, found.previous_uuid) == (usual.uuid, "before")
    assert found.shaped[:6] == usual.shaped[:6]
    assert found.payload == raw


def test_half_a_surrogate_pair_beside_the_answers_does_no_harm() -> None:
    found = state(submission(7, cd_other="\ud800", _submitted_by="\ud800"))
    assert (found.reason, found.shaped.submitted_by) == (None, None)
    assert found.digest != state(submission(7, cd_other="\udbff", _submitted_by="\ud800")).digest
