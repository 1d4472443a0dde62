from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.errors import SubmissionError
from kobo_mirror.forms.form import Column, Form, Mirror
from kobo_mirror.forms.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.rows import read_state
from kobo_mirror.forms.submission import digest, parse, token, validation
from tests.support.submissions import APPROVED, MIRROR, ON_HOLD, QUESTION, body, changed, state, submission

FORM = KOBO_RECORDS.fingerprint
PHOTO = {
    "uid": "att1",
    "download_url": "https://kobo.example/1/",
    "download_small_url": "https://kobo.example/1/small/",
    "filename": "meg/attachments/f/r/photo.png",
    "media_file_basename": "photo.png",
    "mimetype": "image/png",
    "question_xpath": "cd_photo",
    "is_deleted": False,
}


def digest_of(**changes: Any) -> bytes:
    return digest(submission(7, **changes), FORM)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"_id": 1', "not JSON"),
        (b'{"_id": 1} x', "not JSON"),
        (b"<html>", "not JSON"),
        (b'{"_id": 1, "x": NaN}', "not JSON"),
        (b'{"_id": 1, "x": Infinity}', "not JSON"),
        (b'{"_id": 1, "x": "\xff"}', "not UTF-8"),
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


def test_half_a_surrogate_pair_beside_the_answers_does_no_harm() -> None:
    found = state(submission(7, cd_other="\ud800", _submitted_by="\ud800"))
    assert (found.reason, found.shaped.submitted_by) == (None, None)
    assert found.digest != state(submission(7, cd_other="\udbff", _submitted_by="\ud800")).digest


@settings(max_examples=300, deadline=None)
@given(raw=st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode)))
def test_any_bytes_are_a_submission_or_an_error(raw: bytes) -> None:
    try:
        found = read_state(raw, MIRROR)
    except SubmissionError:
        return
    assert found.kobo_id == json.loads(raw)["_id"] > 0


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ODD_TEXT = st.text(st.characters(codec=None))
ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        NUMBERS,
        ODD_TEXT,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)
KEPT = ["_uuid", "meta/instanceID", "meta/rootUuid", "meta/deprecatedID", "__version__", "_submission_time"]
KEPT += ["_submitted_by"]
SYSTEM = [*KEPT, "_validation_status", "_attachments", "_geolocation", "_xform_id_string"]
SYSTEM += ["_supplementalDetails", "_tags", "_notes"]


@settings(max_examples=500, deadline=None)
@given(odd=st.dictionaries(st.sampled_from([*SYSTEM, *QUESTION.values(), "other"]), ANYTHING, max_size=5))
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
def test_a_body_without_a_part_that_every_whole_one_has_is_partial(lacking: str, blank: Any) -> None:
    found = state(submission(7, **{lacking: blank}))
    assert (found.partial, found.row) == (True, None)
    assert found.reason == f"not a whole submission: {lacking} missing"


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
def test_tokens_are_equal_where_what_they_stand_for_is(one: str, other: str) -> None:
    same = one.removeprefix("uuid:") == other.removeprefix("uuid:")
    assert (token(one) == token(other)) == same


@pytest.mark.parametrize("none", [None, {}, "", [], 0, {"uid": None, "timestamp": None}])
def test_no_validation_has_many_spellings(none: Any) -> None:
    assert validation({"_validation_status": none}) == (None, None)
    assert validation({}) == (None, None)
    assert digest(submission(7) | {"_validation_status": none}, FORM) == digest_of(_validation_status=None)


def test_a_validation_counts_as_uid_and_timestamp() -> None:
    assert validation({"_validation_status": APPROVED}) == ("validation_status_approved", 1_787_200_000)
    approved = digest_of(_validation_status=APPROVED)
    assert approved not in (digest_of(), digest_of(_validation_status=ON_HOLD))
    assert approved != digest_of(_validation_status=APPROVED | {"timestamp": 1})
    assert approved == digest_of(_validation_status=APPROVED | {"by_whom": "ann", "label": "Approuvé"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("_geolocation", [-1.26, 36.79]),
        ("_xform_id_string", "aOther"),
        ("_supplementalDetails", {"q": 1}),
        ("_tags", ["a"]),
        ("_notes", ["b"]),
    ],
)
def test_what_changes_by_itself_is_left_out_of_the_digest(key: str, value: Any) -> None:
    assert digest_of(**{key: value}) == digest_of() == digest_of(**{key: None})


def test_of_an_attachment_the_addresses_and_the_file_name_are_left_out() -> None:
    one = digest_of(_attachments=[PHOTO])
    moved = {
        "download_url": "https://new/",
        "download_small_url": "https://new/s/",
        "filename": "other/photo.png",
    }
    assert digest_of(_attachments=[PHOTO | moved]) == one
    assert digest_of(_attachments=[PHOTO | {"is_deleted": True}]) != one
    assert digest_of(_attachments=[PHOTO | {"uid": "att2"}]) != one
    assert digest_of(_attachments=[PHOTO, PHOTO]) != one
    assert digest_of() != one
    assert digest_of(_attachments="odd") != digest_of(_attachments=[3, None])


@settings(max_examples=200, deadline=None)
@given(key=st.sampled_from([*QUESTION.values(), *KEPT, "start", "members", "_status"]), value=ANYTHING)
def test_anything_else_is_in_the_digest(key: str, value: Any) -> None:
    before = submission(7)
    after = before | {key: value}
    same = json.dumps(before.get(key, "absent")) == json.dumps(after[key]) and key in before
    assert (digest(before, FORM) == digest(after, FORM)) == same


def test_the_order_of_the_keys_does_not_count() -> None:
    data = submission(7, members=[{"members/name": "Juma", "members/age": "7"}])
    turned = dict(reversed(data.items())) | {"members": [{"members/age": "7", "members/name": "Juma"}]}
    assert digest(data, FORM) == digest(turned, FORM)


def test_another_declaration_makes_every_digest_differ() -> None:
    wider = Form("kobo_records", (*KOBO_RECORDS.columns, Column("needs", "cd_needs", required=False)))
    renamed = Form("kobo_records2", KOBO_RECORDS.columns)
    fingerprints = {KOBO_RECORDS.fingerprint, wider.fingerprint, renamed.fingerprint}
    assert len(fingerprints) == 3
    assert len({digest(submission(7), fingerprint) for fingerprint in fingerprints}) == 3
    assert read_state(body(submission(7)), Mirror(wider, "s", "a")).digest != state(submission(7)).digest


def test_the_row_digest_moves_with_the_row_alone() -> None:
    first = state(submission(7))
    assert (
        state(changed(submission(7), _validation_status=APPROVED, other="1")).row_digest == first.row_digest
    )
    assert state(changed(submission(7), age="39")).row_digest != first.row_digest
    assert state(changed(submission(7), alt_phone=None)).row_digest != first.row_digest
    assert state(submission(8)).row_digest != first.row_digest
