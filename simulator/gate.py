"""Who a request comes from and what it may see; what it may not see is not there (kobo-api.md §1.5)."""

from __future__ import annotations

import falcon

from simulator.answers import FORBIDDEN, INVALID_TOKEN, Problem, not_found, page_not_found
from simulator.world import User, World

ANONYMOUS = User("AnonymousUser")


class Gate:
    """The checks that every address of the API starts with."""

    def __init__(self, world: World) -> None:
        self._world = world

    def user(self, req: falcon.Request) -> User:
        """Whose token the request carries.

        :raises Problem: 401, nobody's; a request without one, or with another scheme, is anonymous.
        """
        scheme, _, token = (req.auth or "").partition(" ")
        if scheme.lower() != "token":
            return ANONYMOUS
        user = self._world.users.get(token)
        if user is None:
            raise Problem(401, INVALID_TOKEN, {"WWW-Authenticate": "Session"})
        return user

    def of_form(self, req: falcon.Request, asset: str, *needed: str) -> User:
        """A user who may see the form and has the permissions needed.

        :raises Problem: 401 or 404.
        """
        user = self.user(req)
        if not self._exists(asset) or not user.may("view_asset", *needed):
            raise not_found()
        return user

    def of_data(self, req: falcon.Request, asset: str, *needed: str) -> User:
        """A user who may see submissions of the form and has the permissions needed.

        :raises Problem: 401, 404 (a page when there is no such form), or 403 for what only lacks ``needed``.
        """
        user = self.user(req)
        if not self._exists(asset):
            raise page_not_found()
        if not user.may("view_submissions") and not user.only_submitted_by:
            raise not_found()
        if not user.may(*needed):
            raise Problem(403, FORBIDDEN)
        return user

    def of_hooks(self, req: falcon.Request, asset: str) -> User:
        """A user who may manage REST Services, which takes the right to change the form (kobo-api.md §5.1).

        :raises Problem: 401 or 404.
        """
        user = self.user(req)
        if not self._exists(asset):
            raise page_not_found()
        if not user.may("change_asset", "view_submissions"):
            raise not_found()
        return user

    def _exists(self, asset: str) -> bool:
        return asset == self._world.options.asset and not self._world.form.trashed
