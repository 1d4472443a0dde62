"""The change history: which submissions were added, modified or deleted, as far as it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from kobo_mirror.errors import NotPermittedError
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.responses import ForeignResponseError

_ADDED, _MODIFIED, _DELETED = _ACTIONS = ("add-submission", "modify-submission", "delete-submission")
_STAMP = "%Y-%m-%d %H:%M:%S"
_SECOND = timedelta(seconds=1)
_OVERLAP = timedelta(minutes=5)  # entries are written after the answer, with whole seconds (kobo-api.md §4)


class Verdict(StrEnum):
    """How far the history can be believed; it never replaces the sweep."""

    READ = "read"
    FIRST = "read from now on"
    EMPTY = "empty"
    FORBIDDEN = "not permitted"
    UNPARSED = "search not understood"
    SHORTENED = "look-back too short"


class Place(NamedTuple):
    """A place in the history.

    :param at: by the server's clock (UTC, naive), to the second.
    :param told: how many changes the history told of in the five minutes up to it, when it was read up to
        here: as long as they are as many, none was written late. None: not known.
    """

    at: datetime
    told: int | None = None


_BEGINNING = Place(datetime(1970, 1, 1))  # noqa: DTZ001  # UTC, as all moments here


@dataclass(frozen=True)
class Changes:
    """What the history told; root uuids are without ``uuid:``.

    :param until: where the next reading is to start; None: where this one did.
    :param changed: the root uuids of submissions that were modified or deleted.
    :param added: of those that were added and not touched since.
    """

    verdict: Verdict
    until: Place | None = None
    changed: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()


def end_of_history(client: KoboClient) -> Changes:
    """Where the history ends now: what changes from now on has its entry behind that place."""
    try:
        newest = next(client.history(most=1), None)
    except (NotPermittedError, ForeignResponseError):
        return Changes(Verdict.FORBIDDEN)
    return Changes(Verdict.FIRST, Place(_time(newest))) if newest else Changes(Verdict.EMPTY, _BEGINNING)


def read_history(client: KoboClient, since: Place | None, until: Place) -> Changes:
    """What was changed since a place.

    A forbidden history, a search that the server did not parse (an empty list, no error) and a look-back that
    a plan has shortened (kobo-api.md §4) are told apart.

    :param since: where the last reading ended; None if this is the first: all was read after ``until``.
    :param until: where the history ended when this run began.
    """
    told = _Told(since, until)
    since = since or until
    try:
        for entry in client.history(_search(since)):
            if not told.take(entry):
                return Changes(Verdict.UNPARSED)
        verdict = Verdict.READ if told.reaches_back else _verdict_without_mark(client, since, until)
    except (NotPermittedError, ForeignResponseError):
        return Changes(Verdict.FORBIDDEN)
    return Changes(verdict) if verdict is Verdict.UNPARSED else told.changes(verdict)


class _Told:
    """What a reading of the history tells, entry by entry, newest first."""

    def __init__(self, since: Place | None, until: Place) -> None:
        self._is_first, self._since = since is None, since or until
        self._until, self._told, self._told_again = until.at, 0, 0
        self._before: dict[str, set[str]] = {action: set() for action in _ACTIONS}
        self._behind: dict[str, set[str]] = {action: set() for action in _ACTIONS}
        self.reaches_back = self._since.at == _BEGINNING.at

    def take(self, entry: Mapping[str, Any]) -> bool:
        """Note an entry; False if it was not searched for."""
        time, action, since = _time(entry), entry["action"], self._since.at
        is_mark = since <= time < since + _SECOND
        self.reaches_back |= is_mark
        if action not in _ACTIONS or time < since - _OVERLAP:
            return is_mark
        self._until = max(self._until, time)
        self._told += time >= self._until - _OVERLAP
        self._told_again += time <= since
        root = _root_uuid(entry)
        if root and not (self._is_first and time < since):
            (self._before if time <= since else self._behind)[action].add(root)
        return True

    def changes(self, verdict: Verdict) -> Changes:
        """All of it; what was there in the last reading already is left out."""
        new = self._behind
        if self._told_again != self._since.told:
            new = {action: roots | self._before[action] for action, roots in new.items()}
        changed = new[_MODIFIED] | new[_DELETED]
        until = Place(self._until, self._told)
        return Changes(verdict, until, frozenset(changed), frozenset(new[_ADDED] - changed))


def _search(since: Place) -> str:
    """What changed since a place, and what stands at that place: it shows that the search was understood."""
    wanted = " OR ".join(f"action:{action}" for action in _ACTIONS)
    changes = f'({wanted}) AND date_created__gte:"{since.at - _OVERLAP:{_STAMP}}"'
    place = f'date_created__gte:"{since.at:{_STAMP}}" AND date_created__lt:"{since.at + _SECOND:{_STAMP}}"'
    return f"({changes}) OR ({place})"


def _verdict_without_mark(client: KoboClient, since: Place, until: Place) -> Verdict:
    if not _finds(client, _search(until)):
        return Verdict.UNPARSED
    return Verdict.READ if _finds(client, f'date_created__lt:"{since.at:{_STAMP}}"') else Verdict.SHORTENED


def _finds(client: KoboClient, search: str) -> bool:
    return next(client.history(search, most=1), None) is not None


def _time(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["date_created"]).astimezone(UTC).replace(tzinfo=None)


def _root_uuid(entry: Mapping[str, Any]) -> str | None:
    submission = (entry.get("metadata") or {}).get("submission") or {}
    root = submission.get("root_uuid")
    return root.removeprefix("uuid:") if isinstance(root, str) and root else None
