"""A KoboToolbox server as one account sees it: its name, its forms, and the limit of concurrent requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypedDict, Unpack

import msgspec

from kobo_mirror.config.setting_names import OF_ENVIRONMENT, SettingNames
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.kobo.closable import Closable
from kobo_mirror.kobo.concurrency import AdaptiveLimit
from kobo_mirror.kobo.form_info import ListedForm
from kobo_mirror.kobo.lists import listed
from kobo_mirror.kobo.session import Session
from kobo_mirror.kobo.transport import Response, Transport

AS_JSON = {"format": "json"}


class ServerOptions(TypedDict, total=False):
    """How a server is asked.

    :param max_in_flight: concurrent requests at most, over all forms and threads (4).
    :param timeout: seconds to connect, and seconds of silence while reading (10, 125: a query may take 125
        s, kobo-api.md §1.2).
    :param ceiling: seconds that one whole response may take (300).
    :param attempts: how often a request is sent at most while the server gives no proper response (6); at
        most twice while it gives none at all, until it has given one for the first time.
    :param longest_wait: seconds between two attempts at most, even where ``Retry-After`` asks for more (60).
    :param sleep: waits between two attempts, for the seconds given.
    :param limit: what bounds concurrent requests, where other accounts of the server share it; by default one
        of its own, of ``max_in_flight``.
    :param names: of the settings that give server and account.
    """

    max_in_flight: int
    timeout: tuple[float, float]
    ceiling: float
    attempts: int
    longest_wait: float
    sleep: Callable[[float], None]
    limit: AdaptiveLimit
    names: SettingNames


class _Account(msgspec.Struct):
    username: str


class KoboServer(Closable):
    """One server, asked with one token. Forms share its connections and its limit; threads may share it.

    Every call may raise CredentialsError (wrong token or form), RequestError (refused), ServerError (no
    proper response in all attempts) or ConfigurationError (a redirect, or a certificate of another server).

    :param url: the server's address, such as ``https://kf.kobotoolbox.org``.
    :param token: the account's token, sent as ``Authorization: Token`` (kobo-api.md §9).
    :param options: see :class:`ServerOptions`.
    :raises ConfigurationError: the url is no address of a server, or the token has characters that no token
        has.
    """

    def __init__(self, url: str, token: str, **options: Unpack[ServerOptions]) -> None:
        self.names = options.get("names", OF_ENVIRONMENT)
        if not token or not token.isascii() or not token.isprintable():
            raise ConfigurationError(
                f"{self.names.token} must be a token as KoboToolbox shows it: printable ASCII."
            )
        at_once = options.get("max_in_flight", 4)
        self._transport = Transport(
            url.rstrip("/"),
            setting=self.names.server,
            headers={"Authorization": f"Token {token}", "User-Agent": "kobo-mirror"},
            connections=at_once,
            timeout=options.get("timeout", (10.0, 125.0)),
            ceiling=options.get("ceiling", 300.0),
        )
        self._session = Session(
            self._transport,
            options.get("limit") or AdaptiveLimit(at_once),
            attempts=options.get("attempts", 6),
            longest_wait=options.get("longest_wait", 60.0),
            sleep=options.get("sleep", time.sleep),
            names=self.names,
        )

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.server

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    def session(self, asset_uid: str, names: SettingNames | None = None) -> Session:
        """Return a session for requests about one form, which counts them separately.

        :param asset_uid: the form's uid.
        :param names: of the settings that give account and form; None: those of the server.
        """
        return self._session.about(asset_uid, names or self.names)

    def whoami(self) -> str:
        """Return the name of the account that the token belongs to."""
        return self._session.ask("/me/", _decode_account, AS_JSON).username

    def forms(self) -> Iterator[ListedForm]:
        """Iterate over the forms that this account may see."""
        rows = listed(self._session, "/api/v2/assets/", {**AS_JSON, "q": "asset_type:survey"}, ListedForm)
        return (msgspec.convert(row, ListedForm) for row in rows)


def _decode_account(response: Response) -> _Account:
    return msgspec.json.decode(response.body, type=_Account)
