"""Who a request comes from and what that user may see; anything else is a 404 (kobo-api.md §1.5)."""

from __future__ import annotations

import falcon

from simulator.responses import FORBIDDEN, INVALID_TOKEN, Problem, not_found, page_not_found
from simulator.users import User
from simulator.world import World

ANONYMOUS = User("AnonymousUser")


class Access:
    """The checks at the start of every request to the API.

    :param world: the server's users and form.
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

    def form_user(self, req: falcon.Request, asset: str, *needed: str) -> User:
        """Return the user of a request, who may see the form and has the permissions needed.

        :param req: the request.
        :param asset: the form's uid in the address.
        :param needed: further codenames.
        :raises Problem: 401 or 404.
        """
        user = self.user_of(req)
        if not self._exists(asset) or not user.may("view_asset", *needed):
            raise not_found()
        return user

    def data_user(self, req: falcon.Request, asset: str, *needed: str) -> User:
        """Return the user of a request, who may see submissions of the form and has the permissions needed.

        :param req: the request.
        :param asset: the form's uid in the address.
        :param needed: further codenames.
        :raises Problem: 401, 404 (a page if there is no such form), or 403 for a user who lacks only
            ``needed``.
        """
        user = self.user_of(req)
        if not self._exists(asset):
            raise page_not_found()
        if not user.may("view_submissions") and not user.only_submitted_by:
            raise not_found()
        if not user.may(*needed):
            raise Problem(403, FORBIDDEN)
        return user

    def hooks_user(self, req: falcon.Request, asset: str) -> User:
        """Return the user of a request, who may manage REST Services.

        That takes the right to change the form (kobo-api.md §5.1).

        :param req: the request.
        :param asset: the form's uid in the address.
        :raises Problem: 401 or 404.
        """
        user = self.user_of(req)
        if not self._exists(asset):
            raise page_not_found()
        if not user.may("change_asset", "view_submissions"):
            raise not_found()
        return user

    def _exists(self, asset: str) -> bool:
        return asset == self._world.options.asset and not self._world.form.trashed
