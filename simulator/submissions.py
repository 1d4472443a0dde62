"""Changes by the API: bulk edits and deletes, validation, duplicates (kobo-api.md §4)."""

from __future__ import annotations

from typing import Any

import falcon

from simulator.access import Access
from simulator.data import restricted_query, visible_id
from simulator.query import select
from simulator.responses import Problem, compact
from simulator.users import User
from simulator.world import World


class _Resource:
    def __init__(self, world: World, access: Access) -> None:
        self._world = world
        self._access = access

    def _chosen(self, user: User, payload: dict[str, Any]) -> list[int]:
        """Return the ids of the submissions that a bulk request names."""
        store = self._world.store
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


class Bulk(_Resource):
    """Many submissions at once."""

    def on_patch(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Edit all of them in the same way."""
        user = self._access.data_user(req, asset, "change_submissions")
        payload = _payload(req)
        rows = self._world.edit(self._chosen(user, payload), payload.get("data", {}), user.name)
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
        user = self._access.data_user(req, asset, "delete_submissions")
        gone = self._world.delete(self._chosen(user, _payload(req)), user.name)
        resp.text = compact({"detail": f"{len(gone)} submissions have been deleted"})


class BulkValidation(_Resource):
    """The validation status of many submissions."""

    def on_patch(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Set it; an unknown status clears it."""
        user = self._access.data_user(req, asset, "validate_submissions")
        payload = _payload(req)
        ids = self._chosen(user, payload)
        self._world.validate(ids, payload.get("validation_status.uid"), user.name, bulk=True)
        resp.text = compact({"detail": f"{len(ids)} submissions have been updated"})


class Validation(_Resource):
    """The validation status of one submission."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Read it."""
        user = self._access.data_user(req, asset)
        kobo_id = visible_id(self._world.store, user, name)
        resp.text = compact(self._world.store.row(kobo_id)["_validation_status"])

    def on_patch(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Set it."""
        user = self._access.data_user(req, asset, "validate_submissions")
        kobo_id = visible_id(self._world.store, user, name)
        self._world.validate([kobo_id], _body(req).get("validation_status.uid"), user.name)
        self.on_get(req, resp, asset, name)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Clear it."""
        user = self._access.data_user(req, asset, "validate_submissions")
        self._world.validate([visible_id(self._world.store, user, name)], None, user.name)
        resp.status = 204


class Duplicate(_Resource):
    """A copy of one submission."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Make it."""
        user = self._access.data_user(req, asset, "change_submissions")
        new_id = self._world.duplicate(visible_id(self._world.store, user, name), user.name)
        resp.status = 201
        resp.data = self._world.store.json_of(new_id)


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
