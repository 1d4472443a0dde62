"""The form's description, list, versions, deployment and history (kobo-api.md §4, §6, §8)."""

from __future__ import annotations

from typing import Any

import falcon

from simulator import survey
from simulator.access import ANONYMOUS, Access
from simulator.paging import DEFAULT_LIMIT, Page, base_url, params_of
from simulator.responses import FORBIDDEN, Problem, compact, not_found, page_not_found, server_error
from simulator.users import OWNER, User
from simulator.versions import FIRST_SAVED, Version, written
from simulator.world import World

_NAME = "Client data (simulated)"
_TRUE, _FALSE = ("True", "t", "1"), ("False", "f", "0")


class _Resource:
    def __init__(self, world: World, access: Access) -> None:
        self._world = world
        self._access = access

    def _version(self, base: str, version: Version) -> dict[str, Any]:
        """Return what the list of versions shows of one."""
        return {
            "uid": version.uid,
            "url": f"{base}/api/v2/assets/{self._world.options.asset}/versions/{version.uid}/",
            "content_hash": version.content_hash,
            "date_deployed": version.deployed and version.date,
            "date_modified": version.date,
            "version_number": self._world.form.versions.number(version),
        }

    def _listed(self, base: str) -> dict[str, Any]:
        """Return what both the list and the description of the form hold."""
        world, form, uid = self._world, self._world.form, self._world.options.asset
        with world.store.lock:
            count = len(world.store)
            newest = world.store.row(world.store.ids[-1])["_submission_time"] if count else None
        draft, deployed = form.versions.newest, form.versions.deployed
        status = "draft" if not deployed else "deployed" if form.active else "archived"
        url = f"{base}/api/v2/assets/{uid}"
        return {
            "url": f"{url}.json",
            "owner": f"{base}/api/v2/users/{OWNER}.json",
            "owner__username": OWNER,
            "parent": None,
            "settings": {
                "sector": {},
                "country": [],
                "description": "",
                "organization": "",
                "country_codes": [],
            },
            "asset_type": "survey",
            "summary": survey.summary(draft.content),
            "date_created": written(FIRST_SAVED),
            "date_modified": written(max(filter(None, (draft.modified, form.versions.deployed_at)))),
            "date_deployed": form.versions.deployed_at and written(form.versions.deployed_at),
            "version_id": draft.uid,
            "has_deployment": deployed is not None,
            "deployed_version_id": deployed.uid if deployed else None,
            "deployment__active": deployed is not None and form.active,
            "deployment__submission_count": count,
            "deployment__last_submission_time": f"{newest}.000000Z" if newest else None,
            "deployment__encrypted": False,
            "deployment__uuid": survey.FORMHUB_UUID if deployed else None,
            "deployment_status": status,
            "downloads": [{"format": kind, "url": f"{url}.{kind}"} for kind in ("xls", "xml")],
            "tag_string": "",
            "uid": uid,
            "kind": "asset",
            "name": _NAME,
            "permissions": [],
            "export_settings": [],
            "data": f"{url}/data.json",
            "children": {"count": 0},
            "subscribers_count": 0,
            "status": "private",
            "access_types": None,
            "data_sharing": {},
            "owner_label": OWNER,
            "last_modified_by": OWNER,
            "created_by": OWNER,
        }


class Asset(_Resource):
    """One form."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Describe it."""
        resp.text = compact(self._described(base_url(req), self._access.form_user(req, asset)))

    def _described(self, base: str, user: User) -> dict[str, Any]:
        versions = self._world.form.versions
        deployed = versions.listed(deployed=True)
        url = f"{base}/api/v2/assets/{self._world.options.asset}"
        return self._listed(base) | {
            "files": [],
            "version__content_hash": versions.newest.content_hash,
            "version_count": len(versions),
            "deployed_versions": {
                "count": len(deployed),
                "next": None,
                "previous": None,
                "results": [self._version(base, version) for version in deployed[:DEFAULT_LIMIT]],
            },
            "deployment__links": {},
            "advanced_features": {"_version": "20250820"},
            "content": versions.newest.content,
            "analysis_form_json": {"additional_fields": []},
            "xform_link": f"{url}/xform/",
            "hooks_link": f"{url}/hooks/",
            "effective_permissions": [{"codename": name} for name in user.permissions],
            "exports": f"{url}/exports/",
            "paired_data": f"{url}/paired-data/",
            "project_ownership": None,
        }


class Assets(_Resource):
    """The list of forms."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the form, if the user may see it and the search fits it."""
        user = self._access.user_of(req)
        uid, search = self._world.options.asset, params_of(req).get("q", "")
        fits = not search or search in (f"uid:{uid}", "asset_type:survey") or search.lower() in _NAME.lower()
        listed = fits and user.may("view_asset") and not self._world.form.trashed
        results: list[object] = [self._listed(base_url(req))] if listed else []
        page = Page.of(req)
        resp.text = compact(page.envelope(len(results), results[page.start :]))


class Versions(_Resource):
    """The versions of the form, drafts included."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """List them, newest first."""
        page, versions = Page.of(req), self._asked(req, asset)
        base = base_url(req)
        shown = versions[page.start : page.start + page.limit]
        results: list[object] = [self._version(base, version) for version in shown]
        resp.text = compact(page.envelope(len(versions), results))

    def on_get_one(self, req: falcon.Request, resp: falcon.Response, asset: str, version: str) -> None:
        """Show one version, with the form's definition as it was."""
        found = next((one for one in self._asked(req, asset) if one.uid == version), None)
        if found is None:
            raise Problem(404, {"detail": "No AssetVersion matches the given query."})
        resp.text = compact(self._version(base_url(req), found) | {"content": found.content})

    def _asked(self, req: falcon.Request, asset: str) -> list[Version]:
        """Return the versions that a request means; ``deployed`` that Django cannot read is a 500."""
        self._access.form_user(req, asset)
        wanted = params_of(req).get("deployed")
        if wanted is not None and wanted not in _TRUE + _FALSE:
            raise server_error()
        return self._world.form.versions.listed(deployed=None if wanted is None else wanted in _TRUE)


class Deployment(Asset):
    """The deployment: whether the form takes submissions."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Describe it."""
        user, form = self._access.form_user(req, asset), self._world.form
        about = {"backend": "openrosa", "active": form.active, "version_id": form.version_in_use}
        resp.text = compact(about | {"asset": self._described(base_url(req), user)})

    def on_patch(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Archive the form, or make it active again."""
        user = self._access.form_user(req, asset, "manage_asset")
        active = bool(req.get_media(default_when_empty={}).get("active", self._world.form.active))
        if active != self._world.form.active:
            self._world.form.active = active
            self._world.history.add("unarchive" if active else "archive", user.name)
        self.on_get(req, resp, asset)


class HistoryPages(_Resource):
    """The project history, for those who manage the form."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """List one page of the entries that a search fits, newest first."""
        user = self._access.user_of(req)
        if asset != self._world.options.asset or self._world.form.trashed:
            raise page_not_found()
        if not user.may("manage_asset"):
            hidden = (
                user is ANONYMOUS or not user.may("view_asset") or self._world.form.history_refusal == 404
            )
            raise not_found() if hidden else Problem(self._world.form.history_refusal, FORBIDDEN)
        page = Page.of(req)
        with self._world.store.lock:
            found = self._world.history.entries(page.params.get("q", ""))
        base = base_url(req)
        shown = found[page.start : page.start + page.limit]
        results: list[object] = [{"user": f"{base}/api/v2/users/{e['username']}/", **e} for e in shown]
        resp.text = compact(page.envelope(len(found), results))
