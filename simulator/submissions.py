"""Changes by the API: bulk edits and deletes, validation, duplicates (kobo-api.md §4)."""

from __future__ import annotations

from typing import Any

import falcon

from simulator.access import Access
from simulator.data import restricted_query, visible_id
from simulator.query import select
from simulator.responses import Problem, compact
from simulator.store import Store
from simulator.users import User


class _Resource:
    def __init__(self, access: Access) -> None:
        self._access = access


class Bulk(_Resource):
    """Many submissions at once."""

    def on_patch(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Edit all of them in the same way."""
        project, user = self._access.data_user(req, asset, "change_submissions")
        payload = _payload(req)
        rows = project.edit(_chosen(project.store, user, payload), payload.get("data", {}), user.name)
        results = [
            {
                "uuid": row["_uuid"],
                "root_uuid": row["meta/rootUuid"].removeprefix("uuid:"),
                "status_code": 201,
                "message": "Successful submission",
            }
            for row in rows
        ]
        resp.text = compact({"count": len(rows), "successes": len(rows), "failures": 0, "results": results})

    def on_delete(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Delete all of them."""
        project, user = self._access.data_user(req, asset, "delete_submissions")
        gone = project.delete(_chosen(project.store, user, _payload(req)), user.name)
        resp.text = compact({"detail": f"{len(gone)} submissions have been deleted"})


class BulkValidation(_Resource):
    """The validation status of many submissions."""

    def on_patch(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Set it; an unknown status clears it."""
        project, user = self._access.data_user(req, asset, "validate_submissions")
        payload = _payload(req)
        ids = _chosen(project.store, user, payload)
        project.validate(ids, payload.get("validation_status.uid"), user.name, bulk=True)
        resp.text = compact({"detail": f"{len(ids)} submissions have been updated"})


class Validation(_Resource):
    """The validation status of one submission."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Read it."""
        project, user = self._access.data_user(req, asset)
        kobo_id = visible_id(project.store, user, name)
        resp.text = compact(project.store.row(kobo_id)["_validation_status"])

    def on_patch(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Set it."""
        project, user = self._access.data_user(req, asset, "validate_submissions")
        kobo_id = visible_id(project.store, user, name)
        project.validate([kobo_id], _body(req).get("validation_status.uid"), user.name)
        self.on_get(req, resp, asset, name)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Clear it."""
        project, user = self._access.data_user(req, asset, "validate_submissions")
        project.validate([visible_id(project.store, user, name)], None, user.name)
        resp.status = 204


class Duplicate(_Resource):
    """A copy of one submission."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Make it."""
        project, user = self._access.data_user(req, asset, "change_submissions")
        new_id = project.duplicate(visible_id(project.store, user, name), user.name)
        resp.status = 201
        resp.data = project.store.json_of(new_id)


def _chosen(store: Store, user: User, payload: dict[str, Any]) -> list[int]:
    """Return the ids of the submissions that a bulk request names."""
    with store.lock:
        if "query" in payload:
            query = payload["query"]
        else:
            if not payload.get("submission_ids"):
                raise Problem(400, {"payload": ["`submission_ids` must contain at least one value"]})
            query = {"_id": {"$in": payload["submission_ids"]}}
        chosen = select(store, restricted_query(user, query))
        ids = list(chosen.page(0, chosen.count))
    if not ids:
        raise Problem(400, ["No submissions match the given `submission_ids`"])
    return ids


def _body(req: falcon.Request) -> dict[str, Any]:
    body = req.get_media(default_when_empty={})
    if not isinstance(body, dict):
        raise Problem(400, {"detail": "An object is required."})
    return body


def _payload(req: falcon.Request) -> dict[str, Any]:
    payload = _body(req).get("payload", {})
    if not isinstance(payload, dict):
        raise Problem(400, {"payload": ["An object is required."]})
    return payload
