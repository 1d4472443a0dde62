"""The form's description, list, versions, deployment and history (kobo-api.md §4, §6)."""

from __future__ import annotations

from typing import Any

import falcon

from simulator import survey
from simulator.access import ANONYMOUS, Access
from simulator.paging import Page, base_url, params_of
from simulator.responses import FORBIDDEN, Problem, compact, not_found, page_not_found
from simulator.users import OWNER, User
from simulator.world import World

_NAME = "Client data (simulated)"
_CREATED = "2024-06-01T08:00:00.000000Z"


class _Resource:
    def __init__(self, world: World, access: Access) -> None:
        self._world = world
        self._access = access

    def _content(self, version: int) -> dict[str, Any]:
        form = self._world.form
        return survey.content(media=form.media, extra=version - 1, repeats=form.repeats[version - 1])

    def _version(self, base: str, number: int) -> dict[str, Any]:
        uid = self._world.form.versions[number - 1]
        return {
            "uid": uid,
            "url": f"{base}/api/v2/assets/{self._world.options.asset}/versions/{uid}/",
            "content_hash": survey.uid("", uid, self._world.form.media),
            "date_deployed": _CREATED,
            "date_modified": _CREATED,
            "version_number": str(number),
        }

    def _listed(self, base: str) -> dict[str, Any]:
        """Return what both the list and the description of the form hold."""
        world, form, uid = self._world, self._world.form, self._world.options.asset
        with world.store.lock:
            count = len(world.store)
            newest = world.store.row(world.store.ids[-1])["_submission_time"] if count else None
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
            "summary": survey.summary(self._content(len(form.versions))),
            "date_created": _CREATED,
            "date_modified": _CREATED,
            "date_deployed": _CREATED if form.deployed else None,
            "version_id": form.versions[-1],
            "has_deployment": form.deployed,
            "deployed_version_id": form.versions[-1] if form.deployed else None,
            "deployment__active": form.active,
            "deployment__submission_count": count,
            "deployment__last_submission_time": f"{newest}.000000Z" if newest else None,
            "deployment__encrypted": False,
            "deployment__uuid": survey.FORMHUB_UUID,
            "deployment_status": "draft" if not form.deployed else "deployed" if form.active else "archived",
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
        versions = range(len(self._world.form.versions), 0, -1)
        deployed = [self._version(base, number) for number in versions]
        url = f"{base}/api/v2/assets/{self._world.options.asset}"
        return self._listed(base) | {
            "files": [],
            "version__content_hash": deployed[0]["content_hash"],
            "version_count": len(deployed),
            "deployed_versions": {
                "count": len(deployed),
                "next": None,
                "previous": None,
                "results": deployed,
            },
            "deployment__links": {},
            "advanced_features": {"_version": "20250820"},
            "content": self._content(len(deployed)),
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
    """The deployed versions of the form."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """List them, newest first."""
        self._access.form_user(req, asset)
        page, newest = Page.of(req), len(self._world.form.versions)
        results: list[object] = [self._version(base_url(req), number) for number in range(newest, 0, -1)]
        resp.text = compact(page.envelope(newest, results[page.start : page.start + page.limit]))

    def on_get_one(self, req: falcon.Request, resp: falcon.Response, asset: str, version: str) -> None:
        """Show one version, with the form's definition as it was."""
        self._access.form_user(req, asset)
        if version not in self._world.form.versions:
            raise not_found()
        number = self._world.form.versions.index(version) + 1
        resp.text = compact(self._version(base_url(req), number) | {"content": self._content(number)})


class Deployment(Asset):
    """The deployment: whether the form takes submissions."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Describe it."""
        user, form = self._access.form_user(req, asset), self._world.form
        about = {"backend": "openrosa", "active": form.active, "version_id": form.versions[-1]}
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
