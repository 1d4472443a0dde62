"""What a response means that is no success: the status becomes an error of ours."""

from __future__ import annotations

import re

import msgspec

from kobo_mirror.config.setting_names import OF_ENVIRONMENT, SettingNames
from kobo_mirror.errors import (
    CredentialsError,
    KoboMirrorError,
    NotPermittedError,
    RequestError,
    ServerError,
    ServerFailedError,
)
from kobo_mirror.kobo.transport import Response

_UNSUPPORTED_QUERY = b'["Unsupported query"]'
_NOT_DEPLOYED = b"has not been deployed"
_BUSY = frozenset({408, 429})
_PAGES_OF_KOBOTOOLBOX = (  # for an unknown form, its own 404 is a page on some paths (kobo-api.md §1.5)
    re.compile(rb"kobotoolbox", re.IGNORECASE),
    re.compile(rb"The requested resource was not found on this server\."),  # where it has no page for that
)


class ForeignResponseError(ServerError):
    """A refusal that is not KoboToolbox's: a proxy, a filter or a sign-in page in front of it sent it."""


def problem(
    response: Response,
    *,
    server: str,
    asset_uid: str,
    managing: bool = False,
    names: SettingNames = OF_ENVIRONMENT,
) -> KoboMirrorError | None:
    """Return the error that a response stands for, None if it is a success (kobo-api.md §1.5).

    :param response: any but a redirect.
    :param server: the server's address, for messages.
    :param asset_uid: the form that was asked about, for messages.
    :param managing: the request manages REST Services, where 404 also means that the account may not
        (kobo-api.md §5.1).
    :param names: of the settings that give account and form.
    """
    if 200 <= response.status < 300:
        return None
    unsupported = response.status == 400 and response.body.strip() == _UNSUPPORTED_QUERY
    if response.status in _BUSY or response.status >= 500 or unsupported:
        sentence = f"{server} is busy or down: it answered {response.status}."
        if response.status >= 500:
            return ServerFailedError(sentence, retry_after=response.retry_after, status=response.status)
        return ServerError(sentence, retry_after=response.retry_after)
    if _is_foreign(response):
        return ForeignResponseError(
            f"{server} answered {response.status} with something that is not KoboToolbox's: a proxy, filter "
            "or sign-in page in front of it does not let the request pass, or this is no KoboToolbox server."
        )
    return _refusal(response, server, asset_uid, managing, names)


def _is_foreign(response: Response) -> bool:
    """Return True if a refusal cannot be the API's.

    The API says why in JSON, or, for a 404, in a page of its own (kobo-api.md §1.5).
    """
    if response.status == 404 and any(page.search(response.body) for page in _PAGES_OF_KOBOTOOLBOX):
        return False
    try:
        return not isinstance(msgspec.json.decode(response.body), dict | list)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True


def _refusal(
    response: Response, server: str, asset_uid: str, managing: bool, names: SettingNames
) -> KoboMirrorError:
    if response.status == 401:
        return CredentialsError(
            f"{names.token} was refused by {server}: it is wrong or no longer valid. "
            "KoboToolbox shows the right one under Account Settings, Security."
        )
    if response.status in (403, 404) and managing:
        return NotPermittedError(
            f"not permitted: ask the form's owner to let the account of {names.token} edit the form, "
            "which REST Services need, or to add the REST Service themselves."
        )
    if response.status == 403:
        return CredentialsError(
            f"{server} shuts out the account of {names.token}: sign in there once to see why."
        )
    if response.status == 404:
        return CredentialsError(
            f"{server} shows no form {asset_uid!r}: either it has no such form ({names.uid}, "
            f"{names.server}), or {names.token} belongs to an account that may not view its submissions.",
            status=404,
        )
    if _NOT_DEPLOYED in response.body:
        return RequestError(f"The form {asset_uid!r} is not deployed yet, so it has no submissions to pull.")
    return RequestError(f"{server} refused the request: {response.status}{_refused_fields(response.body)}.")


def _refused_fields(body: bytes) -> str:
    """Return the names of the fields that the server complains about; its text may quote an answer."""
    try:
        names = list(msgspec.json.decode(body, type=dict[str, msgspec.Raw]))
    except msgspec.DecodeError:
        return ""
    named = ", ".join(name for name in names if name.isidentifier() and name != "detail")
    return f" ({named})" if named else ""
