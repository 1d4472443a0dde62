"""Accounts: the servers that a process asks, each bounded over all of its forms and accounts."""

from __future__ import annotations

from typing import Unpack

from kobo_mirror.config.setting_names import OF_ENVIRONMENT, SettingNames
from kobo_mirror.kobo.closable import Closable
from kobo_mirror.kobo.concurrency import AdaptiveLimit
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.server import KoboServer, ServerOptions


class Accounts(Closable):
    """Opens each account once. Requests in flight to one server are bounded over all of its accounts.

    :param options: see :class:`ServerOptions`; ``max_in_flight`` is meant for each server.
    """

    def __init__(self, **options: Unpack[ServerOptions]) -> None:
        self._options = options
        self._limits: dict[str, AdaptiveLimit] = {}
        self._servers: dict[tuple[str, str, str, str], KoboServer] = {}

    def account(self, url: str, token: str, names: SettingNames = OF_ENVIRONMENT) -> KoboServer:
        """Return a server as one account sees it.

        :param url: address of the server, as ``config.server_url`` spells it.
        :param token: the account's token.
        :param names: of the settings that give both.
        :raises ConfigurationError: as :class:`KoboServer` does.
        """
        key = url, token, names.token, names.server
        if key not in self._servers:
            limit = self._limits.setdefault(url, AdaptiveLimit(self._options.get("max_in_flight", 4)))
            self._servers[key] = KoboServer(url, token, **self._options | {"limit": limit, "names": names})
        return self._servers[key]

    def form(
        self,
        url: str,
        token: str,
        asset_uid: str,
        form_key: str = "",
        names: SettingNames = OF_ENVIRONMENT,
    ) -> KoboClient:
        """Return a client for one form. Leaving a ``with`` block of it would close its account for all.

        :param url: as for :meth:`account`.
        :param token: as for :meth:`account`.
        :param asset_uid: the form's uid.
        :param form_key: by which the database has it; empty: by its uid.
        :param names: of the settings that give account and form.
        :raises ConfigurationError: as :class:`KoboServer` does.
        """
        return KoboClient(self.account(url, token, names), asset_uid, form_key, names)

    def close(self) -> None:
        """Close the idle connections of all servers."""
        for server in self._servers.values():
            server.close()
