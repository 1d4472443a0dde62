"""A form's description, cut down to what a mirror needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

_MEDIA = frozenset({"image", "audio", "video", "file", "background-audio", "audit"})


@dataclass(frozen=True)
class FormInfo:
    """A form (kobo-api.md §6).

    ``submission_count`` is the server's own counter, None where this account may not see it; ``deployed``
    also holds for an archived form; ``has_media`` goes by the newest draft; ``restricted``: this account
    sees only some of the submissions (kobo-api.md §1.4).
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


class ListedForm(msgspec.Struct, frozen=True):
    """A form as the list of an account's forms shows it (kobo-api.md §6)."""

    uid: str
    name: str = ""
    has_deployment: bool = False
    submission_count: int | None = msgspec.field(name="deployment__submission_count", default=None)

    def __str__(self) -> str:
        state = "" if self.has_deployment else "not deployed"
        rows = state or ("" if self.submission_count is None else f"{self.submission_count:,} submissions")
        return f"{self.uid}: {self.name or 'without a name'}{rows and f' ({rows})'}"


class _Question(msgspec.Struct):
    type: str = ""


class _Content(msgspec.Struct):
    survey: list[_Question] = []


class _Permission(msgspec.Struct):
    codename: str


class _Asset(msgspec.Struct):
    uid: str
    name: str
    has_deployment: bool
    effective_permissions: list[_Permission]
    content: _Content
    submission_count: int | None = msgspec.field(name="deployment__submission_count", default=None)
    owner: str = msgspec.field(name="owner__username", default="")
    deployed_version_id: str | None = None


_asset = msgspec.json.Decoder(_Asset)


def form_info(body: bytes) -> FormInfo:
    """The form that a JSON answer describes.

    :raises msgspec.DecodeError: it describes none.
    """
    asset = _asset.decode(body)
    permissions = frozenset(permission.codename for permission in asset.effective_permissions)
    return FormInfo(
        uid=asset.uid,
        name=asset.name,
        submission_count=asset.submission_count,
        deployed=asset.has_deployment,
        has_media=any(question.type in _MEDIA for question in asset.content.survey),
        permissions=permissions,
        restricted="view_submissions" not in permissions or "partial_submissions" in permissions,
        owner=asset.owner,
        deployed_version_id=asset.deployed_version_id,
    )
