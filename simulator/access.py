"""Who a request comes from and what that user may see; anything else is a 404 (kobo-api.md §1.5)."""

from __future__ import annotations

import falcon

from simulator.project import Project
from simulator.responses import FORBIDDEN, INVALID_TOKEN, Problem, not_found, page_not_found
from simulator.users import User
from simulator.world import World

ANONYMOUS = User("AnonymousUser")


class Access:
    """The checks at the start of every request to the API.

    :param world: the server's users and forms.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def user_of(self, req: falcon.Request) -> User:
        """Return the user whose token the request carries.

        :param req: a request; without a token, or with another scheme, it is anonymous.
        :raises Problem: 401, no user has this token.
        """
        scheme, _, token = (req.auth or "").partition(" ")
        if scheme.lower() != "token":
            return ANONYMOUS
        user = self._world.users.get(token)
        if user is None:
            raise Problem(401, INVALID_TOKEN, {"WWW-Authenticate": "Session"})
        return user

    def form_user(self, req: falcon.Request, asset: str, *needed: str) -> tuple[Project, User]:
        """Return a form and the user of a request, who may see it and has the permissions needed.

        :param req: the request.
        :param asset: the form's uid in the address.
        :param needed: further codenames.
        :raises Problem: 401 or 404.
        """
        user, project = self.user_of(req), self.project_of(asset)
        if project is None or not user.may("view_asset", *needed):
            raise not_found()
        return project, user

    def data_user(self, req: falcon.Request, asset: str, *needed: str) -> tuple[Project, User]:
        """Return a form and the user of a request, who may see its submissions.

        :param req: the request.
        :param asset: the form's uid in the address.
        :param needed: further codenames.
        :raises Problem: 401, 404 (a page if there is no such form), or 403 for a user who lacks only
            ``needed``.
        """
        user, project = self.user_of(req), self.project_of(asset)
        if project is None:
            raise page_not_found()
        if not user.may("view_submissions") and not user.only_submitted_by:
            raise not_found()
        if not user.may(*needed):
            raise Problem(403, FORBIDDEN)
        return project, user

    def hooks_project(self, req: falcon.Request, asset: str) -> Project:
        """Return a form whose REST Services the user of a request may manage.

        That takes the right to change the form (kobo-api.md §5.1).

        :param req: the request.
        :param asset: the form's uid in the address.
        :raises Problem: 401 or 404.
        """
        user, project = self.user_of(req), self.project_of(asset)
        if project is None:
            raise page_not_found()
        if not user.may("change_asset", "view_submissions"):
            raise not_found()
        return project

    def project_of(self, asset: str) -> Project | None:
        """Return a form; None if there is none, or it is in the trash.

        :param asset: the form's uid in the address.
        """
        project = self._world.projects.get(asset)
        return None if project is None or project.form.trashed else project
