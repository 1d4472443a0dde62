"""A form's description is read, also with malformed questions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kobo_mirror.kobo.form_info import form_info

ASSET: dict[str, Any] = {
    "uid": "aForm",
    "name": "Survey",
    "has_deployment": True,
    "effective_permissions": [{"codename": "view_submissions"}, {"codename": "view_asset"}],
    "content": {"survey": [{"type": "text", "name": "a", "label": ["A"]}]},
    "deployment__submission_count": 7,
    "owner__username": "meg",
    "deployed_version_id": "v1",
}
TEXT, IMAGE = {"type": "text"}, {"type": "image"}


def described(**changes: Any) -> bytes:
    return json.dumps({key: value for key, value in (ASSET | changes).items() if value != "absent"}).encode()


def test_a_usual_description_is_read() -> None:
    form = form_info(described())
    assert (form.uid, form.name, form.owner) == ("aForm", "Survey", "meg")
    assert (form.submission_count, form.deployed, form.deployed_version_id) == (7, True, "v1")
    assert (form.has_media, form.restricted) == (False, False)
    assert form.permissions == {"view_submissions", "view_asset"}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"type": None},
        {"type": 7},
        {"type": ["image"]},
        {"type": {"select_one": "list"}},
        {"name": "no type"},
        None,
        "image",
        17,
        [],
        ["image"],
        {"type": "text", "label": [None, 3, {"a": []}]},
        {"type": "text", "label": "\ud83d"},
    ],
    ids=repr,
)
def test_a_malformed_question_is_not_taken_for_media(odd: Any) -> None:
    for around, media in (([TEXT], False), ([TEXT, IMAGE], True), ([], False)):
        form = form_info(described(content={"survey": [odd, *around, odd]}))
        assert (form.has_media, form.uid, form.restricted) == (media, "aForm", False)


@pytest.mark.parametrize(
    "content",
    ["absent", None, {}, {"survey": None}, {"survey": {}}, {"survey": "text"}, [], "text", 7],
    ids=repr,
)
def test_questions_that_cannot_be_read_may_take_media(content: Any) -> None:
    assert form_info(described(content=content)).has_media


@pytest.mark.parametrize(
    "odd",
    [b"NaN", b"-Infinity", b"9" * 5000, b'"\xff"', b'"\\ud83d"', b"[" * 1500 + b"]" * 1500, b'"a\nb"'],
    ids=lambda odd: repr(odd[:12]),
)
def test_invalid_json_in_a_question_does_no_harm(odd: bytes) -> None:
    survey = described(content={"survey": [TEXT, {"type": "image", "default": "@"}]}).replace(b'"@"', odd)
    form = form_info(survey)
    assert (form.has_media, form.uid, form.permissions) == (True, "aForm", {"view_submissions", "view_asset"})


@pytest.mark.parametrize("odd", ["absent", None, 7, ["x"]])
@pytest.mark.parametrize(
    ("key", "name", "value"),
    [
        ("name", "name", ""),
        ("owner__username", "owner", ""),
        ("deployed_version_id", "deployed_version_id", None),
    ],
)
def test_unimportant_parts_of_a_description_may_be_malformed(
    key: str, name: str, value: Any, odd: Any
) -> None:
    assert getattr(form_info(described(**{key: odd})), name) == value


@pytest.mark.parametrize("count", ["absent", None, "7", 7.5, True])
def test_a_malformed_count_is_unknown(count: Any) -> None:
    assert form_info(described(deployment__submission_count=count)).submission_count is None


@pytest.mark.parametrize("odd", [None, "view_submissions", 7, {}, {"codename": None}, {"codename": ["x"]}])
def test_a_malformed_permission_grants_nothing(odd: Any) -> None:
    assert form_info(described(effective_permissions=[odd])).restricted
    rights = [odd, {"codename": "view_submissions"}, {"codename": "partial_submissions"}]
    assert form_info(described(effective_permissions=rights)).restricted
    assert not form_info(described(effective_permissions=[odd, {"codename": "view_submissions"}])).restricted


@pytest.mark.parametrize("odd", ["absent", None, 7, "x", {}])
@pytest.mark.parametrize("key", ["uid", "has_deployment", "effective_permissions"])
def test_a_description_without_what_decides_about_deletes_is_refused(key: str, odd: Any) -> None:
    if (key, odd) != ("uid", "x"):
        with pytest.raises(ValueError, match="no form"):
            form_info(described(**{key: odd}))


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"<html>", b"", b"\xff"])
def test_a_response_that_is_no_description_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"no form|Expecting value"):
        form_info(body)
