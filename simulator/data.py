"""``/api/v2/assets/{uid}/data/``: pages of submissions (kobo-api.md §1)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import falcon

from simulator.access import Access
from simulator.paging import Page, params_of
from simulator.query import Selection, select, sort_ids
from simulator.responses import Problem, compact, not_found, server_error
from simulator.shapes import Row
from simulator.store import Store
from simulator.users import User
from simulator.xml import as_xml

_POINT = "_geolocation"
_ALWAYS = ("_id", "_uuid", "meta/rootUuid")
_SLIM = {*_ALWAYS, "_validation_status"}


class DataPages:
    """The list of submissions."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """List one page."""
        project, user = self._access.data_user(req, asset)
        params = params_of(req)
        if params.get("format", "json") != "json" or req.context.suffix not in ("", ".json"):
            raise Problem(406, {"detail": "Could not satisfy the request Accept header."})
        if not project.form.versions.deployed:
            raise Problem(400, {"detail": "The specified asset has not been deployed"})
        page = Page.of(req)
        fields, query, order = (_json_param(params, name) for name in ("fields", "query", "sort"))
        if "submission_ids" in params:
            raise Problem(400, {"submission_ids": "Value must be a list."})
        resp.data = _render(
            project.store, page, restricted_query(user, query or {}), order or {"_id": 1}, fields
        )
        project.history.add("view-data", user.name)


class Submission:
    """A single submission, named by its ``_id``, its uuid or its root uuid."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Read it, as XML if its address ends so: that has no ``_geolocation``, so it never fails."""
        project, user = self._access.data_user(req, asset)
        kobo_id = visible_id(project.store, user, name)
        if req.context.suffix == ".xml":
            resp.content_type = "application/xml; charset=utf-8"
            resp.text = as_xml(project.store.row(kobo_id))
            return
        if kobo_id in project.store.unreadable:
            raise server_error()
        resp.data = project.store.json_of(kobo_id)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, asset: str, name: str) -> None:
        """Delete it."""
        project, user = self._access.data_user(req, asset, "delete_submissions")
        project.delete([visible_id(project.store, user, name)], user.name)
        resp.status = 204


def visible_id(store: Store, user: User, name: str) -> int:
    """Return the ``_id`` of a submission that this user may see.

    :param store: the submissions.
    :param user: who asks.
    :param name: the submission's ``_id``, uuid or root uuid.
    :raises Problem: 404, there is none.
    """
    with store.lock:
        kobo_id = store.find(name)
        if kobo_id is None:
            raise not_found()
        if user.only_submitted_by and store.row(kobo_id)["_submitted_by"] not in user.only_submitted_by:
            raise not_found()
        return kobo_id


def restricted_query(user: User, query: object) -> dict[str, Any]:
    """Return the query, silently narrowed to what a user with partial permissions may see.

    :param user: who asks.
    :param query: the filter of the request.
    :raises Problem: 500, the query is no object.
    """
    if not isinstance(query, dict):
        raise server_error()
    if not user.only_submitted_by:
        return query
    return {"$and": [query, {"_submitted_by": {"$in": list(user.only_submitted_by)}}]}


def _json_param(params: Mapping[str, str], name: str) -> Any:
    if name not in params:
        return None
    try:
        return json.loads(params[name])
    except ValueError:
        raise Problem(400, {name: "Value must be valid JSON."}) from None


def _render(store: Store, page: Page, query: dict[str, Any], order: object, fields: Any) -> bytes:
    with store.lock:
        try:
            chosen = select(store, query)
            ids = _page_of(store, chosen, page, order)
        except (TypeError, ValueError, AttributeError):
            raise server_error() from None
        if (not fields or _POINT in fields) and not store.unreadable.isdisjoint(ids):
            raise server_error()
        rows = b",".join(_project(store, ids, list(fields)) if fields else map(store.json_of, ids))
    following, previous = page.links(chosen.count)
    head = f'{{"count":{chosen.count},"next":{compact(following)},"previous":{compact(previous)}'
    return b'%b,"results":[%b]}' % (head.encode(), rows)


def _page_of(store: Store, chosen: Selection, page: Page, order: object) -> Sequence[int]:
    if not isinstance(order, dict):
        raise TypeError("sort is no object")
    directions = {field: int(direction) for field, direction in order.items()}
    if list(directions)[:1] == ["_id"]:
        return chosen.page(page.start, page.limit, descending=directions["_id"] < 0)
    ids = sort_ids(store, chosen.page(0, chosen.count), directions)
    return ids[page.start : page.start + page.limit]


def _project(store: Store, ids: Sequence[int], fields: list[str]) -> list[bytes]:
    wanted = {*fields, *_ALWAYS}
    slim = wanted <= _SLIM
    return [
        (slim and store.slim_json_of(kobo_id)) or compact(_only(store.row(kobo_id), wanted)).encode()
        for kobo_id in ids
    ]


def _only(row: Row, wanted: set[str]) -> Row:
    """Return the fields asked for; unnamed, ``_validation_status`` is always ``{}`` (kobo-api.md §1.1)."""
    return {key: value for key, value in row.items() if key in wanted} | {
        "_validation_status": row.get("_validation_status", {}) if "_validation_status" in wanted else {}
    }
