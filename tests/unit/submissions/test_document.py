from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.errors import SubmissionError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.schema import Column, Form, Mirror
from kobo_mirror.submissions.document import digest, parse, token, validation
from kobo_mirror.submissions.rows import read_state, unreadable_state
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


def test_of_a_delivery_only_bytes_that_are_no_utf8_are_not_believed() -> None:
    not_believed = {value for value in ODD_VALUES if read_state(with_value("x", value), MIRROR).partial}
    assert not_believed == {b'"caf\xe9"', b'"caf\xe8"', b'"\xed\xa0\x80"'}


@pytest.mark.parametrize("depth", [120, 1_500, 100_000])
def test_what_is_nested_too_deeply_is_a_rejection_that_the_ledger_knows_all_about(depth: int) -> None:
    whole = submission(7, _validation_status=APPROVED, **{"meta/deprecatedID": "uuid:before"})
    raw = body(whole)[:-1] + b', "deep": ' + b'[{"a":' * depth + b"1" + b"}]" * depth + b"}"
    with pytest.raises(SubmissionError) as problem:
        parse(raw)
    found, usual = unreadable_state(raw, 7, str(problem.value)), state(whole)
    assert (found.row, found.reason) == (None, "the body is nested too deeply")
    assert (found.uuid, found.previous_uuid) == (usual.uuid, "before")
    assert found.shaped[:6] == usual.shaped[:6]
    assert found.payload == raw


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
    assert found.kobo_id == json.loads(raw.decode("utf-8", "surrogateescape"), strict=False)["_id"] > 0


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
def test_a_delivery_without_a_part_that_nearly_every_one_has_is_partial(lacking: str, blank: Any) -> None:
    assert state(submission(7, **{lacking: blank})).partial


@pytest.mark.parametrize("lacking", [*KEPT, "_validation_status", "_attachments", "_xform_id_string"])
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
