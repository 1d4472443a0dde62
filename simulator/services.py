"""``/api/v2/assets/{uid}/hooks/`` and the registrar's address (kobo-api.md §5.1, §5.5)."""

from __future__ import annotations

import time
from typing import Any

import falcon

from simulator.access import Access
from simulator.hooks import FAILED, PENDING, SUCCESS, Hook, Log, timestamp
from simulator.paging import Page, base_url, params_of
from simulator.project import Project
from simulator.responses import Problem, compact, not_found
from simulator.world import World

_DEFAULTS: dict[str, Any] = {
    "name": "",
    "endpoint": "",
    "active": True,
    "export_type": "json",
    "auth_level": "no_auth",
    "settings": {},
    "email_notification": True,
    "subset_fields": [],
    "payload_template": None,
}
_RETRY_AGE = 120.0


class _Resource:
    def __init__(self, access: Access) -> None:
        self._access = access

    def _hook(self, req: falcon.Request, asset: str, uid: str) -> tuple[Project, Hook]:
        project = self._access.hooks_project(req, asset)
        hook = project.hooks.all.get(uid)
        if hook is None or hook.registrar:
            raise not_found()
        return project, hook

    def _url(self, req: falcon.Request, asset: str, *path: str) -> str:
        suffix = "?format=json" if params_of(req).get("format") == "json" else ""
        return "/".join((base_url(req), "api/v2/assets", asset, "hooks", *path)) + f"/{suffix}"

    def _shown(self, req: falcon.Request, asset: str, hook: Hook) -> dict[str, Any]:
        return hook.fields | {
            "asset": 1,
            "date_modified": timestamp(hook.changed),
            "failed_count": hook.count_logs(FAILED),
            "pending_count": hook.count_logs(PENDING),
            "success_count": hook.count_logs(SUCCESS),
            "logs_url": self._url(req, asset, hook.uid, "logs"),
            "uid": hook.uid,
            "url": self._url(req, asset, hook.uid),
        }


class Services(_Resource):
    """All REST Services of the form."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """List them."""
        project = self._access.hooks_project(req, asset)
        hooks: list[object] = [
            self._shown(req, asset, h) for h in list(project.hooks.all.values()) if not h.registrar
        ]
        page = Page.of(req)
        resp.text = compact(page.envelope(len(hooks), hooks[page.start : page.start + page.limit]))

    def on_post(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Add one; the same endpoint may be added twice."""
        project = self._access.hooks_project(req, asset)
        hook = project.hooks.new(_checked(_DEFAULTS, req.get_media(default_when_empty={})))
        resp.status = 201
        resp.text = compact(self._shown(req, asset, hook))


class Service(_Resource):
    """One REST Service."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str, hook: str) -> None:
        """Read it, password included."""
        resp.text = compact(self._shown(req, asset, self._hook(req, asset, hook)[1]))

    def on_patch(self, req: falcon.Request, resp: falcon.Response, asset: str, hook: str) -> None:
        """Change it."""
        _, found = self._hook(req, asset, hook)
        found.fields = _checked(found.fields, req.get_media(default_when_empty={}))
        found.changed = time.time()
        resp.text = compact(self._shown(req, asset, found))

    def on_delete(self, req: falcon.Request, resp: falcon.Response, asset: str, hook: str) -> None:
        """Remove it and its logs."""
        project, found = self._hook(req, asset, hook)
        del project.hooks.all[found.uid]
        resp.status = 204

    def on_patch_retry(self, req: falcon.Request, resp: falcon.Response, asset: str, hook: str) -> None:
        """Send every failed delivery again."""
        project, found = self._hook(req, asset, hook)
        if not found.fields["active"]:
            raise Problem(400, {"detail": "Can not retry on disabled hooks"})
        failed = [log for log in found.logs.values() if log.status == FAILED]
        if not failed:
            raise Problem(304, {"detail": "No data to retry"})
        for log in failed:
            project.hooks.send_again(found, log)
        resp.text = compact(
            {"detail": "Task successfully scheduled", "pending_uids": [log.uid for log in failed]}
        )


class Logs(_Resource):
    """The logs of the deliveries of one REST Service."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str, hook: str) -> None:
        """List them, newest first."""
        _, found = self._hook(req, asset, hook)
        status = params_of(req).get("status")
        logs = [log for log in reversed(found.logs.values()) if status in (None, str(log.status))]
        page = Page.of(req)
        shown: list[object] = [
            self._log(req, asset, found, log) for log in logs[page.start : page.start + page.limit]
        ]
        resp.text = compact(page.envelope(len(logs), shown))

    def on_get_one(self, req: falcon.Request, resp: falcon.Response, asset: str, hook: str, log: str) -> None:
        """Read one."""
        _, found = self._hook(req, asset, hook)
        resp.text = compact(self._log(req, asset, found, _log_of(found, log)))

    def on_patch_retry(
        self, req: falcon.Request, resp: falcon.Response, asset: str, hook: str, log: str
    ) -> None:
        """Send one again and wait for the response; refused while the log is young, or not failed."""
        project, found = self._hook(req, asset, hook)
        failed = _log_of(found, log)
        old_enough = time.time() - failed.changed >= _RETRY_AGE * project.options.hook_time_scale
        if not (found.fields["active"] and failed.status == FAILED and old_enough):
            raise Problem(400, {"detail": "Data is being or has already been processed", "status_code": None})
        outcome = project.hooks.send_now(found, failed)
        resp.status = 200 if outcome.delivered else 400
        resp.text = compact({"detail": outcome.message, "status_code": outcome.status})

    def _log(self, req: falcon.Request, asset: str, hook: Hook, log: Log) -> dict[str, Any]:
        return log.as_json(self._url(req, asset, hook.uid, "logs", log.uid))


class Registrar:
    """The external registrar: it posts new and edited submissions of all forms to an address it is given."""

    def __init__(self, world: World) -> None:
        self._world = world

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Remember an address; the same one again changes nothing."""
        body = req.get_media(default_when_empty={})
        url = body.get("url") if isinstance(body, dict) else None
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise Problem(400, {"url": "An http(s) address is required."})
        for hooks in (project.hooks for project in self._world.projects.values()):
            if not any(hook.registrar and hook.fields["endpoint"] == url for hook in hooks.all.values()):
                hooks.new(_DEFAULTS | {"name": "registrar", "endpoint": url}, registrar=True)
        resp.text = compact({"registered": url.partition("?")[0]})


def _log_of(hook: Hook, uid: str) -> Log:
    if uid not in hook.logs:
        raise not_found()
    return hook.logs[uid]


def _checked(before: dict[str, Any], given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Problem(400, {"non_field_errors": ["Invalid data."]})
    fields = before | {name: value for name, value in given.items() if name in _DEFAULTS}
    missing = {name: ["This field is required."] for name in ("name", "endpoint") if not fields[name]}
    if missing:
        raise Problem(400, missing)
    if not str(fields["endpoint"]).startswith("http"):
        raise Problem(400, {"endpoint": ["Invalid scheme"]})
    return fields
