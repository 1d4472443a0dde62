"""A form's description, the list of forms, versions, deployment and history (kobo-api.md §4, §6, §8)."""

from __future__ import annotations

from typing import Any

import falcon

from simulator.access import ANONYMOUS, Access
from simulator.contents import summary
from simulator.paging import DEFAULT_LIMIT, Page, base_url, params_of
from simulator.project import Project
from simulator.responses import FORBIDDEN, Problem, compact, not_found, page_not_found, server_error
from simulator.users import OWNER, User
from simulator.versions import FIRST_SAVED, Version, written
from simulator.world import World

_TRUE, _FALSE = ("True", "t", "1"), ("False", "f", "0")


class _Resource:
    def __init__(self, access: Access) -> None:
        self._access = access

    def _version(self, base: str, project: Project, version: Version) -> dict[str, Any]:
        """Return what the list of versions shows of one."""
        return {
            "uid": version.uid,
            "url": f"{base}/api/v2/assets/{project.uid}/versions/{version.uid}/",
            "content_hash": version.content_hash,
            "date_deployed": version.deployed and version.date,
            "date_modified": version.date,
            "version_number": project.form.versions.number(version),
        }

    def _listed(self, base: str, project: Project) -> dict[str, Any]:
        """Return what both the list and the description of a form hold."""
        form, uid = project.form, project.uid
        with project.store.lock:
            count = len(project.store)
            newest = project.store.row(project.store.ids[-1])["_submission_time"] if count else None
        draft, deployed = form.versions.newest, form.versions.deployed
        status = "draft" if not deployed else "deployed" if form.active else "archived"
        url = f"{base}/api/v2/assets/{uid}"
        return {
            "url": f"{url}.json",
            "owner": f"{base}/api/v2/users/{form.owner}.json",
            "owner__username": form.owner,
            "parent": None,
            "settings": {
                "sector": {},
                "country": [],
                "description": "",
                "organization": "",
                "country_codes": [],
            },
            "asset_type": "survey",
            "summary": summary(draft.content),
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
            "deployment__uuid": project.formhub_uuid if deployed else None,
            "deployment_status": status,
            "downloads": [{"format": kind, "url": f"{url}.{kind}"} for kind in ("xls", "xml")],
            "tag_string": form.tag_string,
            "uid": uid,
            "kind": "asset",
            "name": project.name,
            "permissions": [],
            "export_settings": [],
            "data": f"{url}/data.json",
            "children": {"count": 0},
            "subscribers_count": 0,
            "status": "private",
            "access_types": None,
            "data_sharing": {},
            "owner_label": form.owner,
            "last_modified_by": OWNER,
            "created_by": OWNER,
        }


class Asset(_Resource):
    """One form."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Describe it."""
        resp.text = compact(self._described(base_url(req), *self._access.form_user(req, asset)))

    def _described(self, base: str, project: Project, user: User) -> dict[str, Any]:
        versions = project.form.versions
        deployed = versions.listed(deployed=True)
        url = f"{base}/api/v2/assets/{project.uid}"
        return self._listed(base, project) | {
            "files": [],
            "version__content_hash": versions.newest.content_hash,
            "version_count": len(versions),
            "deployed_versions": {
                "count": len(deployed),
                "next": None,
                "previous": None,
                "results": [self._version(base, project, version) for version in deployed[:DEFAULT_LIMIT]],
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

    def __init__(self, world: World, access: Access) -> None:
        super().__init__(access)
        self._world = world

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the forms that the user may see and the search fits, the one that changed last first."""
        user = self._access.user_of(req)
        search, base = params_of(req).get("q", ""), base_url(req)
        listed = [
            self._listed(base, project)
            for project in self._world.projects.values()
            if user.may("view_asset") and not project.form.trashed and _fits(project, search)
        ]
        listed.sort(key=lambda form: str(form["date_modified"]), reverse=True)
        page = Page.of(req)
        results: list[object] = [*listed[page.start : page.start + page.limit]]
        resp.text = compact(page.envelope(len(listed), results))


class Versions(_Resource):
    """The versions of the form, drafts included."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """List them, newest first."""
        page = Page.of(req)
        project, versions = self._asked(req, asset)
        base = base_url(req)
        shown = versions[page.start : page.start + page.limit]
        results: list[object] = [self._version(base, project, version) for version in shown]
        resp.text = compact(page.envelope(len(versions), results))

    def on_get_one(self, req: falcon.Request, resp: falcon.Response, asset: str, version: str) -> None:
        """Show one version, with the form's definition as it was."""
        project, versions = self._asked(req, asset)
        found = next((one for one in versions if one.uid == version), None)
        if found is None:
            raise Problem(404, {"detail": "No AssetVersion matches the given query."})
        resp.text = compact(self._version(base_url(req), project, found) | {"content": found.content})

    def _asked(self, req: falcon.Request, asset: str) -> tuple[Project, list[Version]]:
        """Return a form and the versions asked for; ``deployed`` that Django cannot read is a 500."""
        project, _ = self._access.form_user(req, asset)
        wanted = params_of(req).get("deployed")
        if wanted is not None and wanted not in _TRUE + _FALSE:
            raise server_error()
        return project, project.form.versions.listed(deployed=None if wanted is None else wanted in _TRUE)


class Deployment(Asset):
    """The deployment: whether the form takes submissions."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Describe it."""
        project, user = self._access.form_user(req, asset)
        form = project.form
        about = {"backend": "openrosa", "active": form.active, "version_id": form.version_in_use.uid}
        resp.text = compact(about | {"asset": self._described(base_url(req), project, user)})

    def on_patch(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """Archive the form, or make it active again."""
        project, user = self._access.form_user(req, asset, "manage_asset")
        active = bool(req.get_media(default_when_empty={}).get("active", project.form.active))
        if active != project.form.active:
            project.form.active = active
            project.history.add("unarchive" if active else "archive", user.name)
        self.on_get(req, resp, asset)


class HistoryPages(_Resource):
    """The project history, for those who manage the form."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, asset: str) -> None:
        """List one page of the entries that a search fits, newest first."""
        user, project = self._access.user_of(req), self._access.project_of(asset)
        if project is None:
            raise page_not_found()
        if not user.may("manage_asset"):
            refusal = project.form.history_refusal
            hidden = user is ANONYMOUS or not user.may("view_asset") or refusal == 404
            raise not_found() if hidden else Problem(refusal, FORBIDDEN)
        page = Page.of(req)
        with project.store.lock:
            found = project.history.entries(page.params.get("q", ""))
        base = base_url(req)
        shown = found[page.start : page.start + page.limit]
        results: list[object] = [{"user": f"{base}/api/v2/users/{e['username']}/", **e} for e in shown]
        resp.text = compact(page.envelope(len(found), results))


def _fits(project: Project, search: str) -> bool:
    """Return True if a search of the list of forms finds one."""
    return (
        not search
        or search in (f"uid:{project.uid}", "asset_type:survey")
        or search.lower() in project.name.lower()
    )
