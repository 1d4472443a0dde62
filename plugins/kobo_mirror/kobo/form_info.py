"""The description of a form, reduced to what a mirror needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from kobo_mirror import tolerant_json

_MEDIA = frozenset({"image", "audio", "video", "file", "background-audio", "audit"})
_LEVELS = 20  # of nesting; nothing that is read here is deeper


@dataclass(frozen=True)
class FormInfo:
    """A form as its asset describes it (kobo-api.md §6).

    :param submission_count: the server's own counter, None where this account may not see it.
    :param deployed: True for an archived form too.
    :param archived: it takes no further submissions, and shows those that it has.
    :param has_media: True if the newest draft has a question that takes a file, or cannot be read.
    :param permissions: what this account may do, such as ``view_submissions``.
    :param restricted: True if this account sees only some of the submissions (kobo-api.md §1.4).
    :param owner: the owner's account name.
    :param deployed_version_id: the version in use, None if there is none.
    """

    uid: str
    name: str
    submission_count: int | None
    deployed: bool
    has_media: bool
    permissions: frozenset[str]
    restricted: bool
    owner: str
    deployed_version_id: str | None
    archived: bool = False


class ListedForm(msgspec.Struct, frozen=True):
    """A form as the list of an account's forms shows it (kobo-api.md §6).

    :param status: ``deployed``, ``archived`` or ``draft``; None on servers that do not tell.
    :param last_submission: when the newest one came, as the server writes it (UTC); None: there is none, or
        this account may not see it.
    :param tag_string: its tags, with commas between them.
    """

    uid: str
    name: str = ""
    has_deployment: bool = False
    submission_count: int | None = msgspec.field(name="deployment__submission_count", default=None)
    status: str | None = msgspec.field(name="deployment_status", default=None)
    last_submission: str | None = msgspec.field(name="deployment__last_submission_time", default=None)
    owner: str | None = msgspec.field(name="owner__username", default=None)
    tag_string: str | None = None

    @property
    def is_deployed(self) -> bool:
        """True if it takes submissions: it is deployed, and not archived."""
        return self.has_deployment and self.status in (None, "deployed")

    @property
    def tags(self) -> frozenset[str]:
        """Its tags."""
        return frozenset(tag.strip() for tag in (self.tag_string or "").split(",") if tag.strip())

    def __str__(self) -> str:
        state = "" if self.has_deployment else "not deployed"
        rows = state or ("" if self.submission_count is None else f"{self.submission_count:,} submissions")
        return f"{self.uid}: {self.name or 'without a name'}{rows and f' ({rows})'}"


def form_info(body: bytes) -> FormInfo:
    """Return the form that a response describes.

    Only what decides about deletes must have its proper type. Of questions nothing is read but whether one
    takes a file; where they cannot be read, one may.

    :param body: an asset as JSON.
    :raises ValueError: it describes no form.
    """
    asset = _decode(body)
    if not isinstance(asset, dict):
        raise ValueError("no form")
    uid, deployed = asset.get("uid"), asset.get("has_deployment")
    given = asset.get("effective_permissions")
    if not isinstance(uid, str) or not isinstance(deployed, bool) or not isinstance(given, list):
        raise ValueError("no form")
    names = (item.get("codename") for item in given if isinstance(item, dict))
    permissions = frozenset(name for name in names if isinstance(name, str))
    count, version = asset.get("deployment__submission_count"), asset.get("deployed_version_id")
    return FormInfo(
        uid=uid,
        name=_text(asset.get("name")),
        submission_count=count if type(count) is int else None,
        deployed=deployed,
        has_media=_has_media(asset.get("content")),
        permissions=permissions,
        restricted="view_submissions" not in permissions or "partial_submissions" in permissions,
        owner=_text(asset.get("owner__username")),
        deployed_version_id=_text(version) or None,
        archived=deployed and asset.get("deployment__active") is False,
    )


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return tolerant_json.loads(tolerant_json.cut(body, _LEVELS)[0])


def _has_media(content: Any) -> bool:
    survey = content.get("survey") if isinstance(content, dict) else None
    if not isinstance(survey, list):
        return True
    types = (row.get("type") for row in survey if isinstance(row, dict))
    return any(isinstance(kind, str) and kind in _MEDIA for kind in types)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
