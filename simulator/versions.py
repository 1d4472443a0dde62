"""The versions of a form: what was saved, what is deployed, and how both are listed (kobo-api.md §8)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha1
from typing import Any

from simulator.questions import Section, read

Content = dict[str, Any]

FIRST_SAVED = datetime(2024, 6, 1, 8, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_LATER = timedelta(milliseconds=3)  # the form itself is saved after its version


@dataclass(frozen=True)
class Version:
    """One saved state of a form's definition.

    :param deployed: whether it was ever deployed; a draft otherwise.
    :param modified: when it was saved, or deployed.
    """

    uid: str
    content: Content
    deployed: bool
    modified: datetime

    @cached_property
    def content_hash(self) -> str:
        """The hash that the real server gives for the same content."""
        return sha1(json.dumps(self.content, sort_keys=True).encode(), usedforsecurity=False).hexdigest()

    @cached_property
    def definition(self) -> Section:
        """What it asks."""
        return read(self.content)

    @property
    def date(self) -> str:
        """Its date as the API writes dates."""
        return written(self.modified)


class FormVersions:
    """The versions of one form, in the order of their dates.

    ``deployed_at``: when the form was deployed last, without a new version perhaps; None: never.

    :param versions: uid, content and whether it is deployed, oldest first; at least one.
    """

    def __init__(self, versions: Iterable[tuple[str, Content, bool]]) -> None:
        self._versions = [
            Version(uid, content, deployed, FIRST_SAVED + number * _TICK)
            for number, (uid, content, deployed) in enumerate(versions)
        ]
        self.deployed_at = self.deployed.modified + _LATER if self.deployed else None

    def __len__(self) -> int:
        return len(self._versions)

    @property
    def newest(self) -> Version:
        """The version that the form's description shows: the newest draft, unless it is deployed."""
        return self._versions[-1]

    @property
    def deployed(self) -> Version | None:
        """The version in use."""
        return next((version for version in reversed(self._versions) if version.deployed), None)

    def listed(self, *, deployed: bool | None = None) -> list[Version]:
        """Return the versions, newest first.

        :param deployed: only those that are deployed, or only those that are not.
        """
        return [v for v in reversed(self._versions) if deployed is None or v.deployed is deployed]

    def of(self, uid: str) -> Version:
        """Return a version.

        :param uid: its uid.
        :raises ValueError: there is none.
        """
        found = next((version for version in self._versions if version.uid == uid), None)
        if found is None:
            raise ValueError(f"no such version: {uid}")
        return found

    def number(self, version: Version) -> str:
        """Return a version's number: ``2`` for the second deployed one, ``2.1`` for the first draft after it.

        :param version: one of these.
        """
        until = self._versions[: self._versions.index(version) + 1]
        major = sum(one.deployed for one in until)
        drafts = next((n for n, one in enumerate(reversed(until)) if one.deployed), len(until))
        return str(major) if version.deployed else f"{major}.{drafts}"

    def save(self, uid: str, content: Content) -> None:
        """Add a draft.

        :param uid: of the new version.
        :param content: the form's definition, as JSON.
        """
        self._versions.append(Version(uid, content, deployed=False, modified=self._now()))

    def deploy(self) -> Version:
        """Deploy the newest version, which moves its date, unless it is deployed.

        :returns: that version.
        """
        if not self.newest.deployed:
            self._versions[-1] = replace(self.newest, deployed=True, modified=self._now())
        self.deployed_at = self._now() + _LATER
        return self.newest

    def withdraw(self) -> None:
        """Make the form one that was never deployed, which no real server does."""
        self._versions = [replace(version, deployed=False) for version in self._versions]
        self.deployed_at = None

    def rewrite(self, change: Callable[[Content], Content]) -> None:
        """Change what all versions asked from the start, which no real server does.

        :param change: content → content.
        """
        self._versions = [replace(v, content=change(v.content)) for v in self._versions]

    def _now(self) -> datetime:
        return max(datetime.now(UTC), self.newest.modified + _TICK)


def written(moment: datetime) -> str:
    """Return a moment as the API writes it, in UTC with six digits of a second.

    :param moment: UTC.
    """
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
