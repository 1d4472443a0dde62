"""By which settings a form and its account are given: what a sentence tells a person to change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SettingNames:
    """The names of the settings that give a form and its account.

    :param token: the environment variable that holds the account's token.
    :param uid: what gives the form's uid, such as ``uid in kobo.yml, line 4``.
    :param server: what gives the server's address.
    """

    token: str = "KOBO_TOKEN"  # noqa: S105  # the name, no token
    uid: str = "KOBO_ASSET_ID"
    server: str = "KOBO_URL"


OF_ENVIRONMENT = SettingNames()
"""Those of the form that the environment gives."""
