"""Bodies that are submissions, partial ones, and those that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.errors import SubmissionError
from kobo_mirror.forms.declared_form import Column, Form
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.submissions.document import parse, token
from kobo_mirror.submissions.rows import read_state
from tests.support.submissions import MIRROR, QUESTION, body, state, submission
from tests.unit.submissions.odd_values import ANYTHING, KEPT


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"_id": 1', "not JSON"),
        (b'{"_id": 1} x', "not JSON"),
        (b"<html>", "not JSON"),
        (b'{"_id": 1, "x": nan}', "not JSON"),
        (b'{"_id": 1, "x": 01}', "not JSON"),
        (b'{"_id": NaN}', "no whole number _id"),
        (b'{"_id": ' + b"9" * 5000 + b"}", "no whole number _id"),
        (b'{"_id": 1, "x": "\xff" "y"}', "not UTF-8"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"_id": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b"[]", "no object"),
        (b'[{"_id": 1}]', "no object"),
        (b'"_id"', "no object"),
        (b"null", "no object"),
        (b"{}", "no whole number _id"),
        (b'{"_id": null}', "no whole number _id"),
        (b'{"_id": "7"}', "no whole number _id"),
        (b'{"_id": 7.0}', "no whole number _id"),
        (b'{"_id": true}', "no whole number _id"),
        (b'{"_id": 0}', "no whole number _id"),
        (b'{"_id": -7}', "no whole number _id"),
        (b'{"_id": 9223372036854775808}', "no whole number _id"),
        (b'{"_id": [7]}', "no whole number _id"),
    ],
)
def test_what_is_no_submission_is_said_without_its_content(raw: bytes, said: str) -> None:
    with pytest.raises(SubmissionError, match=said) as caught:
        parse(raw)
    assert str(caught.value).startswith("the body ")


@pytest.mark.parametrize("depth", [*range(300, 1020, 7), *range(980, 1010)])
def test_no_depth_of_nesting_is_a_crash(depth: int) -> None:
    raw = body(submission(7))[:-1] + b', "deep": ' + b"[" * depth + b"]" * depth + b"}"
    try:
        assert read_state(raw, MIRROR).kobo_id == 7
    except SubmissionError as error:
        assert str(error) == "the body is nested too deeply"  # either will do


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "9" * 30, "-" + "9" * 30, "1" + "0" * 400 + ".5", "0.1e-999"]
)
def test_a_number_of_any_size_beside_the_answers_does_no_harm(number: str) -> None:
    raw = body(submission(7))[:-1] + f', "cd_other": {number}}}'.encode()
    found = read_state(raw, MIRROR)
    assert (found.kobo_id, found.reason) == (7, None)


@settings(max_examples=100, deadline=None)
@given(raw=st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode)))
def test_any_bytes_are_a_submission_or_an_error(raw: bytes) -> None:
    try:
        found = read_state(raw, MIRROR)
    except SubmissionError:
        return
    assert found.kobo_id == json.loads(raw.decode("utf-8", "surrogateescape"), strict=False)["_id"] > 0


_SYSTEM = [
    *KEPT, "_submitted_by", "_validation_status", "_attachments", "_geolocation", "_xform_id_string",
    "_supplementalDetails", "_tags", "_notes",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(odd=st.dictionaries(st.sampled_from([*_SYSTEM, *QUESTION.values(), "other"]), ANYTHING, max_size=5))
def test_any_object_with_an_id_is_a_state_whose_parts_fit_the_ledger(odd: dict[str, Any]) -> None:
    found = state(submission(7) | odd)
    assert found.kobo_id == 7
    assert (found.row is None) == (found.reason is not None)
    for part in (
        found.uuid,
        found.shaped.root_uuid,
        found.previous_uuid,
        found.shaped.form_version,
        found.shaped.validation_status,
    ):
        assert part is None or (part.isascii() and len(part) <= 80)
    assert found.shaped.submitted_by is None or len(found.shaped.submitted_by.encode()) <= 4 * 255
    assert found.shaped.validation_timestamp is None or abs(found.shaped.validation_timestamp) < 2**63
    assert found.reason is None or len(found.reason.encode()) <= 4 * 500
    assert len(found.digest) == 16
    assert found.payload.decode() is not None


@pytest.mark.parametrize("lacking", ["_uuid", "_submission_time", "meta/instanceID"])
@pytest.mark.parametrize("blank", [None, "", 7])
def test_a_delivery_without_a_part_that_nearly_every_one_has_is_partial(lacking: str, blank: Any) -> None:
    assert state(submission(7, **{lacking: blank})).partial


@pytest.mark.parametrize(
    "lacking", [*KEPT, "_submitted_by", "_validation_status", "_attachments", "_xform_id_string"]
)
@pytest.mark.parametrize("blank", [None, "", 7])
def test_a_row_needs_nothing_of_the_server_but_the_submission_time(lacking: str, blank: Any) -> None:
    found = state(submission(7, **{lacking: blank}))
    if lacking != "_submission_time":
        assert (found.row, found.reason) == (state(submission(7)).row, None)
    else:
        assert found.row is None
        assert str(found.reason).startswith("submission_time: the answer to _submission_time is ")


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        (None, "_submission_time is missing"),
        (17, "_submission_time is missing"),
        ("yesterday", "_submission_time is not a time such as 2026-01-31T23:59:59"),
        ("0999-12-31T23:59:59", "_submission_time is before the year 1000"),
    ],
)
def test_a_form_without_a_column_for_it_needs_the_submission_time_too(time: Any, reason: str) -> None:
    mirror = Mirror(Form("other", (Column("age", "sec_c/cd_age", required=False),)), "s", "a")
    assert read_state(body(submission(7, _submission_time=time)), mirror).reason == reason


@pytest.mark.parametrize(
    "lacking", ["meta/rootUuid", "__version__", "_submitted_by", "_validation_status", "_attachments"]
)
def test_other_parts_may_be_absent(lacking: str) -> None:
    found = state(submission(7, **{lacking: None}))
    assert (found.partial, found.reason) == (False, None)


def test_a_subset_of_the_questions_is_no_partial_body_but_a_rejection() -> None:
    found = state(submission(7, unique_id=None))
    assert (found.partial, found.row) == (False, None)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (None, None),
        ("uuid:0c1f", "0c1f"),
        ("0c1f", "0c1f"),
        ("CONFLICT-1-uuid:0c1f", "CONFLICT-1-uuid:0c1f"),
        ("other:0c1f", "other:0c1f"),
        ("x" * 80, "x" * 80),
    ],
)
def test_a_uuid_is_kept_without_its_scheme(text: str | None, stored: str | None) -> None:
    assert token(text) == stored


@given(
    one=st.text(st.characters(codec=None), min_size=1), other=st.text(st.characters(codec=None), min_size=1)
)
def test_equal_uuids_have_equal_tokens(one: str, other: str) -> None:
    same = one.removeprefix("uuid:") == other.removeprefix("uuid:")
    assert (token(one) == token(other)) == same
