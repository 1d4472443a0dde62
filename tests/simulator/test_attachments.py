"""Files of submissions as a real server was seen to list, serve and delete them (kobo-api.md §7)."""

from __future__ import annotations

import re
import zlib
from typing import Any

import pytest
import requests

from simulator.control_client import SimulatorError
from tests.simulator.any_forms import FILES, content, plain, row
from tests.simulator.api import AnyForms, Api, Row, changed

ENTRY = {
    "download_url", "mimetype", "filename", "media_file_basename", "uid", "is_deleted", "question_xpath",
}  # fmt: skip
PICTURE = ENTRY | {"download_large_url", "download_medium_url", "download_small_url"}
NOT_FOUND = {"detail": "Not found."}
FIRST_BYTES = {
    "image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n", "application/pdf": b"%PDF-",
    "audio/mp4": b"\0\0\0\x18ftyp", "video/mp4": b"\0\0\0\x18ftyp", "text/xml": b"<?xml",
    "text/csv": b"event,node,start,end\n",
}  # fmt: skip


def made(api: Api, **answers: Any) -> Row:
    """A submission with these answers alone, and their files."""
    uploaded = answers.pop("uploaded", True)
    [kobo_id] = api.control.create(1, drawn=False, uploaded=uploaded, **answers)
    return api.row(kobo_id)


def download(api: Api, address: str, user: str = "owner", method: str = "GET") -> requests.Response:
    assert address.startswith(api.server.url)
    return api.call(method, f"={address.removeprefix(api.server.url)}", user)


def test_an_entry_has_the_recorded_keys(forms: AnyForms) -> None:
    one = made(forms.people, pic="photo 1.png", document="note.pdf")
    picture, document = one["_attachments"]
    assert (set(picture), set(document)) == (PICTURE, ENTRY)
    address = f"{forms.people.form}/data/{one['_id']}/attachments/{picture['uid']}/"
    assert picture["download_url"] == address
    assert picture["download_small_url"] == f"{address}small/"
    assert (picture["media_file_basename"], picture["mimetype"]) == ("photo 1.png", "image/png")
    root, formhub = one["meta/rootUuid"].removeprefix("uuid:"), one["formhub/uuid"]
    assert picture["filename"] == f"sync_user/attachments/{formhub}/{root}/photo_1.png"
    assert (picture["question_xpath"], picture["is_deleted"]) == ("pic", False)
    assert (document["mimetype"], document["question_xpath"]) == ("application/pdf", "document")
    assert re.fullmatch(r"att\w{21}", picture["uid"]) and picture["uid"] != document["uid"]


def test_odd_names_are_kept_and_stored_as_others(forms: AnyForms) -> None:
    [entry] = made(forms.people, pic="été 1 & 2.png")["_attachments"]
    assert entry["media_file_basename"] == "été 1 & 2.png"
    assert entry["filename"].endswith("/été_1__2.png")


def test_places_in_repeats_are_counted_from_one(forms: AnyForms) -> None:
    people = [
        {"people/portrait": "p1.png", "people/things": [{"people/things/picture": "t11.png"}]},
        {
            "people/portrait": "p3.png",
            "people/things": [{"people/things/picture": n} for n in ("t31.png", "t32.png")],
        },
    ]
    one = made(forms.people, people=people)
    assert one["people"] == people
    assert {entry["media_file_basename"]: entry["question_xpath"] for entry in one["_attachments"]} == {
        "p1.png": "people[1]/portrait",
        "t11.png": "people[1]/things[1]/picture",
        "p3.png": "people[2]/portrait",
        "t31.png": "people[2]/things[1]/picture",
        "t32.png": "people[2]/things[2]/picture",
    }


def test_a_place_is_wrong_where_a_name_starts_with_the_repeats(forms: AnyForms) -> None:
    one = made(forms.people, r=[{"r/rpic": "r1.png"}, {"r/rpic": "r2.png"}])
    assert [entry["question_xpath"] for entry in one["_attachments"]] == ["r[1]/r[1]pic", "r[2]/r[2]pic"]


@pytest.mark.parametrize("user", ["owner", "viewer"])
def test_the_bytes_of_a_file(forms: AnyForms, user: str) -> None:
    picture, document = made(forms.people, pic="p2.png", document="note.pdf")["_attachments"]
    for entry, how in ((picture, "inline; filename=p2.png"), (document, "attachment; filename=note.pdf")):
        answer = download(forms.people, entry["download_url"], user)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, entry["mimetype"])
        assert answer.headers["Content-Disposition"] == how
        assert answer.content.startswith(FIRST_BYTES[entry["mimetype"]])
        assert download(forms.people, entry["download_url"]).content == answer.content
        head = download(forms.people, entry["download_url"], method="HEAD")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(answer.content))


def test_a_picture_is_one_and_comes_in_sizes(forms: AnyForms) -> None:
    [entry] = made(forms.people, pic="p2.png")["_attachments"]
    sizes = [
        download(forms.people, entry[f"download_{size}url"]).content for size in ("", "large_", "small_")
    ]
    assert len(set(sizes)) == 3
    for picture in sizes:
        at = picture.index(b"IDAT")
        assert len(zlib.decompress(picture[at + 4 :])) == 2 * (1 + 2 * 3)
    assert download(forms.people, f"{entry['download_url']}huge/").status_code == 404


def test_a_document_has_no_sizes(forms: AnyForms) -> None:
    [entry] = made(forms.people, document="note.pdf")["_attachments"]
    assert download(forms.people, f"{entry['download_url']}small/").status_code == 404


@pytest.mark.parametrize(
    ("user", "status"), [("none", 404), ("other", 404), ("bearer", 404), ("nobody", 401)]
)
def test_files_are_not_for_everyone(forms: AnyForms, user: str, status: int) -> None:
    [entry] = made(forms.people, pic="p2.png")["_attachments"]
    answer = download(forms.people, entry["download_url"], user)
    assert answer.status_code == status
    assert status == 401 or answer.json() == NOT_FOUND


def test_a_file_of_another_submission_is_not_found(forms: AnyForms) -> None:
    [entry] = made(forms.people, pic="p2.png")["_attachments"]
    other = made(forms.people, pic="p3.png")
    answer = forms.people.call("GET", f"/data/{other['_id']}/attachments/{entry['uid']}/")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_a_file_by_the_place_of_its_question(forms: AnyForms) -> None:
    one = made(forms.people, pic="p2.png", people=[{"people/portrait": "p1.png"}])
    for entry in one["_attachments"]:
        path = f"/data/{one['_id']}/attachments/"
        answer = forms.people.call("GET", path, params={"xpath": entry["question_xpath"]})
        assert answer.content == download(forms.people, entry["download_url"]).content
    assert forms.people.call("GET", f"/data/{one['_id']}/attachments/").status_code == 404


def test_late_files_are_listed_once_they_are_there(forms: AnyForms) -> None:
    before = made(
        forms.people, uploaded=False, pic="late.png", r=[{"r/rpic": "r1.png"}, {"r/rpic": "r2.png"}]
    )
    assert before["_attachments"] == []
    for name in ("late.png", "r2.png"):
        forms.people.control.attach(before["_id"], name)
    after = forms.people.row(before["_id"])
    assert changed(before, after) == {"_attachments"}
    places = {entry["media_file_basename"]: entry["question_xpath"] for entry in after["_attachments"]}
    assert places == {"late.png": "pic", "r2.png": "r[2]/r[2]pic"}


def test_a_late_file_that_no_answer_names_is_given_to_a_question(forms: AnyForms) -> None:
    one = made(forms.people, n="x")
    forms.people.control.attach(one["_id"], "a.pdf", "document")
    forms.people.control.attach(one["_id"], "b.png", "people/portrait")
    after = forms.people.row(one["_id"])
    assert (after["document"], after["people"]) == ("a.pdf", [{"people/portrait": "b.png"}])
    assert [entry["question_xpath"] for entry in after["_attachments"]] == ["document", "people[1]/portrait"]


@pytest.mark.parametrize("by_api", [False, True])
def test_a_deleted_file_stays_listed_last_and_is_not_served(forms: AnyForms, by_api: bool) -> None:
    before = made(forms.people, pic="late.png", document="note.pdf")
    entry = before["_attachments"][0]
    if by_api:
        assert forms.people.call("DELETE", f"/attachments/{entry['uid']}/").status_code == 204
        assert forms.people.call("DELETE", f"/attachments/{entry['uid']}/").status_code == 404
        assert forms.people.call("DELETE", "/attachments/attNone/").status_code == 404
    else:
        forms.people.control.delete_file(before["_id"], "late.png")
        with pytest.raises(SimulatorError, match=r"has no file late\.png"):
            forms.people.control.delete_file(before["_id"], "late.png")
    after = forms.people.row(before["_id"])
    assert changed(before, after) == {"_attachments"}
    assert after["_attachments"] == [before["_attachments"][1], entry | {"is_deleted": True}]
    answer = download(forms.people, entry["download_url"])
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert download(forms.people, after["_attachments"][0]["download_url"]).status_code == 200


def test_a_viewer_may_not_delete_files(forms: AnyForms) -> None:
    [entry] = made(forms.people, pic="p2.png")["_attachments"]
    assert forms.people.call("DELETE", f"/attachments/{entry['uid']}/", "viewer").status_code == 403


def test_a_deleted_file_may_be_sent_again(forms: AnyForms) -> None:
    one = made(forms.people, pic="p2.png")
    forms.people.control.delete_file(one["_id"], "p2.png")
    forms.people.control.attach(one["_id"], "p2.png")
    gone, again = forms.people.row(one["_id"])["_attachments"]
    assert (gone["is_deleted"], again["is_deleted"]) == (True, False)
    assert gone["uid"] != again["uid"]


def test_an_edit_drops_the_files_that_it_no_longer_names(forms: AnyForms) -> None:
    one = made(forms.people, pic="old.png", document="note.pdf")
    forms.people.control.edit(one["_id"], pic="new.png")
    assert [e["media_file_basename"] for e in forms.people.row(one["_id"])["_attachments"]] == ["note.pdf"]
    forms.people.control.edit(one["_id"], uploaded=True, pic="newer.png", document=None)
    assert [e["media_file_basename"] for e in forms.people.row(one["_id"])["_attachments"]] == ["newer.png"]


def test_a_duplicate_has_files_of_its_own(forms: AnyForms) -> None:
    one = made(forms.people, uploaded=False, pic="p2.png", document="note.pdf")
    forms.people.control.attach(one["_id"], "p2.png")
    copy = forms.people.row(forms.people.control.duplicate(one["_id"]))
    [before], [after] = forms.people.row(one["_id"])["_attachments"], copy["_attachments"]
    assert after["uid"] != before["uid"] and f"/data/{copy['_id']}/" in after["download_url"]
    assert copy["_uuid"] in after["filename"]
    assert download(forms.people, after["download_url"]).status_code == 200


def test_drawn_submissions_have_their_files(forms: AnyForms) -> None:
    rows, seen = forms.everything.rows(), set()
    for one in rows[:12]:
        names = {one[path] for path in (*map(plain, FILES), "meta/audit") if path in one}
        assert {entry["media_file_basename"] for entry in one["_attachments"]} == names
        for entry in one["_attachments"]:
            seen.add(entry["mimetype"])
            data = download(forms.everything, entry["download_url"]).content
            assert data.startswith(FIRST_BYTES[entry["mimetype"]])
    assert seen == set(FIRST_BYTES) - {"image/png"}
    uids = [entry["uid"] for one in rows for entry in one["_attachments"]]
    assert len(uids) == len(set(uids))


def test_a_file_is_placed_where_its_answer_has_moved(forms: AnyForms) -> None:
    one = made(forms.people, people=[{"people/portrait": "p1.png"}])
    forms.people.control.redeploy(group="people")
    forms.people.control.validate(one["_id"], "approved")
    after = forms.people.row(one["_id"])
    assert after["people/portrait"] == "p1.png"
    [entry] = after["_attachments"]
    assert entry == one["_attachments"][0] | {"question_xpath": "people/portrait"}


def test_a_text_that_a_later_version_takes_for_a_file_has_none(forms: AnyForms) -> None:
    [kobo_id] = forms.drift.control.create(1, drawn=False, a="a.png")
    before = forms.drift.rows()
    forms.drift.control.deploy(content(row("image", "a")))
    assert forms.drift.rows() == before
    forms.drift.control.validate(kobo_id, "approved")
    assert all(one["_attachments"] == [] for one in forms.drift.rows())
    assert made(forms.drift, a="b.png")["_attachments"]


@pytest.mark.parametrize("odd", [None, "x", [None], [{"uid": "u"}], {}])
def test_what_was_planted_as_files_is_left_alone(forms: AnyForms, odd: Any) -> None:
    kobo_id = made(forms.people, n="x")["_id"]
    forms.people.control.raw(kobo_id, {"_attachments": odd})
    forms.people.control.edit(kobo_id, n="y")
    forms.people.control.validate(kobo_id, "approved")
    assert forms.people.row(kobo_id)["_attachments"] == odd
    assert forms.people.row(forms.people.control.duplicate(kobo_id))["_attachments"] == odd
    assert forms.people.call("GET", f"/data/{kobo_id}/attachments/u/").status_code == 404


def test_a_deleted_submission_takes_its_files_along(forms: AnyForms) -> None:
    one = made(forms.people, pic="p2.png")
    forms.people.control.delete(one["_id"])
    [entry] = one["_attachments"]
    assert download(forms.people, entry["download_url"]).status_code == 404
    assert forms.people.call("DELETE", f"/attachments/{entry['uid']}/").status_code == 404
