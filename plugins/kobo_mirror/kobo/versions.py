"""The deployed versions of a form and what each one asks (kobo-api.md §8).

What a server shows of them depends on its age and on the token:

============================================  ==============================================================
what comes                                    what is made of it
============================================  ==============================================================
a list with deployed versions                 these; drafts are left out, whatever the server filtered
no such list, a refusal (403, 404, any page)  the asset's content, where the asset shows what is deployed
a list without any, as old servers give it    the same
to accounts that do not own the form
a list that does not tell drafts apart        the same
a form that was never deployed                RequestError
no list, and a draft in the asset             DefinitionError
a listed version that is not shown            DefinitionError
a content without questions                   DefinitionError
a list that differs from its own count        read again, at last ServerError
another form, its version, another version    ServerError
no JSON, no list, no uid, no content          ServerError
a form that is not shown at all               CredentialsError
============================================  ==============================================================

A server that is down or busy is a ServerError: the asset's content in place of a list that comes later would
make the versions known in another order than they were deployed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import msgspec

from kobo_mirror import tolerant_json
from kobo_mirror.errors import CredentialsError, DefinitionError, RequestError, ServerError
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.responses import ForeignResponseError
from kobo_mirror.kobo.server import AS_JSON
from kobo_mirror.kobo.transport import Response

_MOST = 1000  # versions a page, the most that a server gives (kobo-api.md §8.1)
_MOVING = 3
_HIDDEN = (CredentialsError, RequestError, ForeignResponseError)
_FORM_OF_URL = re.compile(r"/assets/([^/]+)/versions/")
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Source(StrEnum):
    """Where the versions were read."""

    VERSIONS = "versions"
    ASSET = "asset"


@dataclass(frozen=True)
class DeployedVersion:
    """One deployed version, as it is listed.

    :param deployed_at: UTC, naive; it may move (kobo-api.md §8.1). None where the server does not tell.
    :param content_hash: 40 hexadecimal digits, the same for the same content; None on old servers.
    """

    uid: str
    deployed_at: datetime | None
    content_hash: str | None


@dataclass(frozen=True)
class VersionContent:
    """What a version asks, which never changes.

    :param content: JSON as the server sent it; :func:`parse_content` reads it.
    """

    version: DeployedVersion
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class VersionList:
    """The deployed versions that the server shows to this account.

    :param versions: oldest first, equal dates by uid; at least one.
    :param source: by ``ASSET`` there may be others that the account may not see.
    """

    versions: tuple[DeployedVersion, ...]
    source: Source
    _shown: bytes = field(default=b"", repr=False)


class _Item(msgspec.Struct):
    """A version of the list; only what is needed must be as usual."""

    uid: str
    date_deployed: datetime | bool | msgspec.UnsetType | None = msgspec.UNSET
    content_hash: Any = None
    url: Any = None

    def version(self) -> DeployedVersion:
        at = self.date_deployed
        return DeployedVersion(
            self.uid, _utc(at) if isinstance(at, datetime) else None, _text(self.content_hash)
        )


class _Listing(msgspec.Struct):
    count: int
    results: list[_Item]


def list_versions(client: KoboClient, *, limit: int = _MOST) -> VersionList:
    """Return the deployed versions of the form.

    :param client: of the form.
    :param limit: versions a page.
    :raises RequestError: the form is not deployed.
    :raises DefinitionError: this account may not read the versions, and the asset shows a draft.
    :raises ServerError: the list is not of this form, or does not become whole.
    :raises KoboMirrorError: as ``KoboClient`` says.
    """
    try:
        items = _whole_list(client, limit)
    except _HIDDEN:
        return _shown_by_asset(client)
    if any(item.date_deployed is msgspec.UNSET for item in items):
        return _shown_by_asset(client)
    deployed = [item.version() for item in items if item.date_deployed]
    if not deployed:
        return _shown_by_asset(client)
    deployed.sort(key=lambda version: (version.deployed_at or datetime.min, version.uid))  # noqa: DTZ901
    return VersionList(tuple(deployed), Source.VERSIONS)


def new_contents(client: KoboClient, listed: VersionList, known: Collection[str]) -> Iterator[VersionContent]:
    """Iterate over what the versions ask, oldest first, with a request for each that is not known.

    :param client: of the form.
    :param listed: what was listed for it just before.
    :param known: the uids of versions whose content the caller has.
    :raises DefinitionError: a version is not shown to this account, or has no questions.
    :raises ServerError: another version was sent, or the form was changed since the list was read.
    :raises KoboMirrorError: as ``KoboClient`` says.
    """
    for version in listed.versions:
        if version.uid in known:
            continue
        if listed.source is Source.ASSET:
            _check_unchanged(client, listed)
            yield VersionContent(version, listed._shown)
        else:
            yield VersionContent(version, _content_of(client, version))


def parse_content(content: bytes) -> dict[str, Any]:
    """Return a version's content as Python values, an ``OddValue`` for what is no JSON.

    :param content: a version's content.
    :raises ValueError: it is no JSON object.
    """
    try:
        parsed = msgspec.json.decode(content)
    except _UNREADABLE:
        try:
            parsed = tolerant_json.loads(content)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    if not isinstance(parsed, dict):
        raise ValueError("no object")
    return parsed


def _whole_list(client: KoboClient, limit: int) -> list[_Item]:
    """Read all pages, again where they do not fit together: a version that is deployed meanwhile moves."""
    for _ in range(_MOVING):
        items, counts = _pages(client, limit)
        if counts == {len(items)} == {len({item.uid for item in items})}:
            return items
    raise ServerError(
        f"{client.server.url} counts {max(counts)} versions of the form and lists {len(items)}: they change "
        "while they are read, or this is not the whole list."
    )


def _pages(client: KoboClient, limit: int) -> tuple[list[_Item], set[int]]:
    def decode(answer: Response) -> _Listing:
        page = msgspec.json.decode(answer.body, type=_Listing)
        for item in page.results:
            _check_form(client, item.url)
        return page

    items: list[_Item] = []
    counts: set[int] = set()
    while True:
        params = {**AS_JSON, "deployed": "True", "limit": str(limit), "start": str(len(items))}
        page = client.read("/versions/", decode, params)
        items += page.results
        counts.add(page.count)
        if not page.results or len(items) >= page.count:
            return items, counts


def _content_of(client: KoboClient, version: DeployedVersion) -> bytes:
    def decode(answer: Response) -> bytes:
        found = _members(answer.body, "uid", "content")
        _check_form(client, found.get("url"))
        if found["uid"] != version.uid:
            raise ServerError(f"{client.server.url} sent another version than {version.uid}.")
        return _checked(version.uid, found["content"])

    try:
        return client.read(f"/versions/{quote(version.uid, safe='')}/", decode, AS_JSON)
    except CredentialsError as error:
        client.form()  # a form that is not shown at all looks the same, and says so here
        raise DefinitionError(
            f"KoboToolbox lists the version {version.uid} of the form {client.asset_uid!r} and does not show "
            f"it to the account of {client.names.token}: use a token of the form's owner."
        ) from error


def _shown_by_asset(client: KoboClient) -> VersionList:
    """Read the version in use from the asset, which shows the newest draft: only where both are the same."""

    def decode(answer: Response) -> VersionList:
        asset = _members(answer.body, "uid", "version_id", "deployed_version_id", "content")
        newest, deployed = _text(asset["version_id"]), _text(asset["deployed_version_id"])
        if asset["uid"] != client.asset_uid:
            raise ServerError(f"{client.server.url} sent another form than {client.asset_uid!r}.")
        if not deployed:
            raise RequestError(f"The form {client.asset_uid!r} is not deployed yet, so it has no versions.")
        if newest != deployed:
            raise DefinitionError(
                f"The account of {client.names.token} may not read the versions of the form "
                f"{client.asset_uid!r}, and the form itself shows changes that are not deployed: deploy "
                "them, or use its owner's token."
            )
        at, content_hash = _moment(asset.get("date_deployed")), _text(asset.get("version__content_hash"))
        version = DeployedVersion(deployed, at, content_hash)
        return VersionList((version,), Source.ASSET, _checked(deployed, asset["content"]))

    return client.read(".json", decode, {})


def _check_unchanged(client: KoboClient, listed: VersionList) -> None:
    """Read the asset again: it shows a new draft a moment before it names the version of it."""
    again = _shown_by_asset(client)
    if (again.versions[0].uid, again._shown) != (listed.versions[0].uid, listed._shown):
        raise ServerError(f"The form {client.asset_uid!r} was changed while its definition was read.")


def _check_form(client: KoboClient, url: Any) -> None:
    """Check that a version's address, where it has one, is below this form's."""
    named = _FORM_OF_URL.search(url) if isinstance(url, str) else None
    if named and named[1] != quote(client.asset_uid, safe=""):
        raise ServerError(f"{client.server.url} sent a version of another form than {client.asset_uid!r}.")


def _checked(uid: str, content: Any) -> bytes:
    is_object = isinstance(content, bytes) and content.startswith(b"{")
    survey = parse_content(content).get("survey") if is_object else None
    if not isinstance(survey, list) or not any(isinstance(row, dict) for row in survey):
        raise DefinitionError(
            f"KoboToolbox shows no questions for the version {uid}: it is no definition of a form."
        )
    return bytes(content)


def _members(body: bytes, *needed: str) -> dict[str, Any]:
    """Take a JSON object apart: an object or a list in it as the bytes that were sent, all else decoded."""
    skeleton, pieces = tolerant_json.cut(body, 1)
    members = tolerant_json.loads(skeleton)
    if not isinstance(members, dict) or not members.keys() >= set(needed):
        raise ValueError("another object")
    return {key: pieces[value[0]] if isinstance(value, list) else value for key, value in members.items()}


def _moment(value: Any) -> datetime | None:
    try:
        return _utc(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return None


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
