"""Downloads and deletes of a submission's files (kobo-api.md §7)."""

from __future__ import annotations

from typing import Any

import falcon

from simulator.access import Access
from simulator.attachments import are_entries, stored_name, submission_of
from simulator.data import visible_id
from simulator.media import media_bytes
from simulator.paging import params_of
from simulator.project import Project
from simulator.responses import not_found

_SIZES = ("original", "large", "medium", "small")


class Files:
    """The files of one submission."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Download the file that answers a question, which ``xpath`` names; there is no list of files."""
        entries = self._entries(req, asset, name)
        place = params_of(req).get("xpath")
        _send(resp, next((one for one in entries if one["question_xpath"] == place), None), "original")

    def on_get_one(
        self, req: falcon.Request, resp: falcon.Response, asset: str, name: str, **file: str
    ) -> None:
        """Download a file, a picture in one of its sizes."""
        entries = self._entries(req, asset, name)
        found = next((one for one in entries if one["uid"] == file["file"]), None)
        _send(resp, found, file.get("size", "original"))

    on_head, on_head_one = on_get, on_get_one

    def _entries(self, req: falcon.Request, asset: str, name: str) -> list[dict[str, Any]]:
        project, user = self._access.data_user(req, asset)
        return _listed(project, visible_id(project.store, user, name))


class FormFiles:
    """All files of a form, by their uids."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def on_delete(self, req: falcon.Request, resp: falcon.Response, asset: str, file: str) -> None:
        """Delete one: it stays in the submission's list, and says so."""
        project, _ = self._access.data_user(req, asset, "change_submissions")
        kobo_id = submission_of(file)
        if kobo_id is None or file not in {one["uid"] for one in _listed(project, kobo_id)}:
            raise not_found()
        project.delete_file(kobo_id, file)
        resp.status = 204


def _listed(project: Project, kobo_id: int) -> list[dict[str, Any]]:
    """Return the files of a submission that can be had."""
    with project.store.lock:
        found = project.store.row(kobo_id).get("_attachments") if kobo_id in project.store else []
    return [entry for entry in found if not entry["is_deleted"]] if are_entries(found) else []


def _send(resp: falcon.Response, entry: dict[str, Any] | None, size: str) -> None:
    if entry is None or size not in _SIZES or (size != "original" and f"download_{size}_url" not in entry):
        raise not_found()
    mimetype = entry["mimetype"]
    how = "inline" if mimetype.startswith(("image/", "audio/", "video/")) else "attachment"
    name = stored_name(entry["media_file_basename"]).encode("ascii", "replace").decode().replace("?", "_")
    resp.content_type = mimetype
    resp.set_header("Content-Disposition", f"{how}; filename={name}")
    resp.data = media_bytes(mimetype, entry["uid"], size)
