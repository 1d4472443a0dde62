"""One form of a server in Python calls: submissions, description, REST Services, history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar, Unpack
from urllib.parse import quote

import msgspec

from kobo_mirror.config.setting_names import SettingNames
from kobo_mirror.errors import CredentialsError, FormGoneError
from kobo_mirror.kobo.form_info import FormInfo, form_info
from kobo_mirror.kobo.lists import Action, Delivery, Service, listed
from kobo_mirror.kobo.pages import Page, Swept
from kobo_mirror.kobo.server import AS_JSON, KoboServer, ServerOptions
from kobo_mirror.kobo.session import Usage
from kobo_mirror.kobo.submissions import MOST_IN_ONE_QUERY, FormSubmissions
from kobo_mirror.kobo.transport import Response, ResponseTooLargeError

__all__ = [
    "MOST_IN_ONE_QUERY",
    "FormInfo",
    "KoboClient",
    "Page",
    "ResponseTooLargeError",
    "Swept",
    "Usage",
    "open_form",
]

Hook = dict[str, Any]
T = TypeVar("T")


class KoboClient(FormSubmissions):
    """One form on one server, as one token sees it. Threads may share it.

    Every call may raise what :class:`KoboServer`'s may. Leaving a ``with`` block closes the server's
    connections.

    :param server: the account that asks.
    :param asset_uid: the form's uid.
    :param form_key: by which the database has the form; empty: by its uid.
    :param names: as for :class:`FormSubmissions`.
    """

    @property
    def names(self) -> SettingNames:
        """The names of the settings that give the form and its account."""
        return self._session.names

    def form(self) -> FormInfo:
        """Return the form's description (kobo-api.md §6).

        :raises FormGoneError: the server shows no such form to this account (kobo-api.md §1.5).
        """
        try:
            return self._session.ask(f"{self._asset}.json", _decode_form, {})
        except CredentialsError as error:
            if error.status != 404:
                raise
            raise FormGoneError(str(error), status=404) from error

    def read(self, below: str, decode: Callable[[Response], T], params: Mapping[str, str]) -> T:
        """Return what ``decode`` makes of the answer to a GET.

        :param below: what follows the form's own address, such as ``/versions/``.
        :param decode: may raise ValueError or ServerError for an answer that is not the one expected.
        :param params: of the query.
        """
        return self._session.ask(self._asset + below, decode, params)

    def hooks(self) -> list[Hook]:
        """Return the form's REST Services (kobo-api.md §5.1).

        :raises NotPermittedError: this account may not manage them, or there is no such form: the server
            answers 404 to both.
        """
        return list(listed(self._session, f"{self._asset}/hooks/", AS_JSON, Service))

    def create_hook(self, hook: Mapping[str, Any]) -> Hook:
        """Add a REST Service. The request is sent once: repeated after a lost response, it would make two.

        :param hook: its fields (kobo-api.md §5.1).
        :returns: the REST Service as the server shows it.
        """
        path = f"{self._asset}/hooks/"
        ask = self._session.ask
        return ask(path, _decode_hook, AS_JSON, method="POST", body=hook, repeat=False, managing=True)

    def patch_hook(self, uid: str, changes: Mapping[str, Any]) -> Hook:
        """Change fields of a REST Service.

        :param uid: the REST Service's.
        :param changes: the fields to change, with their new values (kobo-api.md §5.1).
        :returns: the REST Service as the server shows it.
        """
        ask = self._session.ask
        return ask(self._hook(uid), _decode_hook, AS_JSON, method="PATCH", body=changes, managing=True)

    def delete_hook(self, uid: str) -> None:
        """Remove a REST Service and its log.

        The request is sent once: the 404 to its repetition would look like a lack of rights (kobo-api.md
        §5.1).

        :param uid: the REST Service's.
        """
        self._session.ask(self._hook(uid), _nothing, {}, method="DELETE", repeat=False, managing=True)

    def hook_logs(
        self, uid: str, status: int = 0, *, since: datetime | None = None
    ) -> Iterator[dict[str, Any]]:
        """Iterate over the log of a REST Service's deliveries (kobo-api.md §5.5).

        :param uid: the REST Service's.
        :param status: 0 for failed deliveries, 1 for pending, 2 for successful ones.
        :param since: only entries that were written or changed then or later (UTC, without a time zone).
        """
        params = {**AS_JSON, "status": str(status)} | ({"start_date": since.isoformat()} if since else {})
        return listed(self._session, f"{self._hook(uid)}logs/", params, Delivery)

    def history(self, search: str = "", *, most: int | None = None) -> Iterator[dict[str, Any]]:
        """Iterate over the project's history, newest first (kobo-api.md §4).

        A search that the server cannot parse is no error there: it finds nothing.

        :param search: in the server's own query language; empty for everything.
        :param most: entries at most.
        :raises NotPermittedError: this account does not manage the form.
        """
        params = {**AS_JSON, "q": search} if search else AS_JSON
        rows = listed(self._session, f"{self._asset}/history/", params, Action, limit=most or 1000)
        return islice(rows, most)

    def _hook(self, uid: str) -> str:
        return f"{self._asset}/hooks/{quote(uid, safe='')}/"


def open_form(
    url: str, token: str, asset_uid: str, form_key: str = "", **options: Unpack[ServerOptions]
) -> KoboClient:
    """Return a client for one form on a server of its own.

    :param url: the server's address.
    :param token: the account's token.
    :param asset_uid: the form's uid.
    :param form_key: by which the database has the form; empty: by its uid.
    :param options: see :class:`ServerOptions`.
    :raises ConfigurationError: as :class:`KoboServer` does.
    """
    return KoboClient(KoboServer(url, token, **options), asset_uid, form_key)


def _decode_form(response: Response) -> FormInfo:
    return form_info(response.body)


def _decode_hook(response: Response) -> Hook:
    return msgspec.json.decode(response.body, type=Hook)


def _nothing(response: Response) -> None:
    return None
