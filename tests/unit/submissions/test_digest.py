"""What the digest of a submission includes and what it leaves out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Column, Form
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.submissions.document import digest, validation
from kobo_mirror.submissions.rows import read_state
from tests.support.submissions import APPROVED, ON_HOLD, QUESTION, body, changed, state, submission
from tests.unit.submissions.odd_values import ANYTHING, KEPT

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


@pytest.mark.parametrize("none", [None, {}, "", [], 0, {"uid": None, "timestamp": None}])
def test_every_spelling_of_no_validation_has_the_same_digest(none: Any) -> None:
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
