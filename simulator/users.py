"""The users of a simulated server and what they may do with its form."""

from __future__ import annotations

from dataclasses import dataclass

OWNER = "sync_user"
OWNER_PERMISSIONS = (
    "manage_asset", "view_asset", "change_submissions", "delete_submissions", "delete_asset", "change_asset",
    "validate_submissions", "add_submissions", "view_submissions",
)  # fmt: skip


@dataclass(frozen=True)
class User:
    """The user of a token.

    :param permissions: the codenames that the form's description shows as ``effective_permissions``.
    :param only_submitted_by: with ``partial_submissions``: whose submissions this user sees.
    """

    name: str
    permissions: tuple[str, ...] = ()
    only_submitted_by: tuple[str, ...] = ()

    def may(self, *codenames: str) -> bool:
        """Return True if the user has all of these permissions.

        :param codenames: such as ``view_submissions``.
        """
        return set(codenames) <= set(self.permissions)
