"""The project's history: submissions that were added, modified or deleted (kobo-api.md §4)."""

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
_OVERLAP = timedelta(minutes=5)  # entries are written after the response, with whole seconds (kobo-api.md §4)


class Verdict(StrEnum):
    """How much a reading of the history proves; it never replaces a sweep."""

    READ = "read"
    FIRST = "read from now on"
    EMPTY = "empty"
    FORBIDDEN = "not permitted"
    UNPARSED = "search not understood"
    SHORTENED = "look-back too short"


class Place(NamedTuple):
    """A place in the history.

    :param at: a time by the server's clock (UTC, without a time zone), to the second.
    :param listed: how many changes the history listed for the five minutes up to it, when it was read up to
        here. As long as it lists as many, none was written late. None: not known.
    """

    at: datetime
    listed: int | None = None


_BEGINNING = Place(datetime(1970, 1, 1))  # noqa: DTZ001  # UTC, as all moments here


@dataclass(frozen=True)
class Changes:
    """What a reading of the history found. Root uuids are without ``uuid:``.

    :param verdict: how much it proves.
    :param until: where the next reading is to start; None: where this one did.
    :param changed: the root uuids of submissions that were modified or deleted.
    :param added: the root uuids of those that were added and not changed since.
    """

    verdict: Verdict
    until: Place | None = None
    changed: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()


def end_of_history(client: KoboClient) -> Changes:
    """Return where the history ends now: what changes from now on has its entry after that place.

    :param client: the form's client.
    """
    try:
        newest = next(client.history(most=1), None)
    except (NotPermittedError, ForeignResponseError):
        return Changes(Verdict.FORBIDDEN)
    return Changes(Verdict.FIRST, Place(_time(newest))) if newest else Changes(Verdict.EMPTY, _BEGINNING)


def read_history(client: KoboClient, since: Place | None, until: Place) -> Changes:
    """Return what was changed since a place.

    A history that is forbidden, a search that the server did not parse (an empty list, no error) and a
    look-back that a plan has shortened are told apart (kobo-api.md §4).

    :param client: the form's client.
    :param since: where the last reading ended; None if this is the first: all was read after ``until``.
    :param until: where the history ended when this run began.
    """
    reading = _Reading(since, until)
    since = since or until
    try:
        for entry in client.history(_search(since)):
            if not reading.take(entry):
                return Changes(Verdict.UNPARSED)
        verdict = Verdict.READ if reading.reaches_back else _verdict_without_place(client, since, until)
    except (NotPermittedError, ForeignResponseError):
        return Changes(Verdict.FORBIDDEN)
    return Changes(verdict) if verdict is Verdict.UNPARSED else reading.changes(verdict)


class _Reading:
    """Collects the entries of a reading, newest first.

    :param since: as of ``read_history``.
    :param until: as of ``read_history``.
    """

    def __init__(self, since: Place | None, until: Place) -> None:
        self._is_first, self._since = since is None, since or until
        self._until, self._listed, self._listed_again = until.at, 0, 0
        self._before: dict[str, set[str]] = {action: set() for action in _ACTIONS}
        self._behind: dict[str, set[str]] = {action: set() for action in _ACTIONS}
        self.reaches_back = self._since.at == _BEGINNING.at

    def take(self, entry: Mapping[str, Any]) -> bool:
        """Note an entry. Return False if it is none that was searched for."""
        time, action, since = _time(entry), entry["action"], self._since.at
        is_at_place = since <= time < since + _SECOND
        self.reaches_back |= is_at_place
        if action not in _ACTIONS or time < since - _OVERLAP:
            return is_at_place
        self._until = max(self._until, time)
        self._listed += time >= self._until - _OVERLAP
        self._listed_again += time <= since
        root = _root_uuid(entry)
        if root and not (self._is_first and time < since):
            (self._before if time <= since else self._behind)[action].add(root)
        return True

    def changes(self, verdict: Verdict) -> Changes:
        """Return what was collected, without what the last reading has listed already."""
        new = self._behind
        if self._listed_again != self._since.listed:
            new = {action: roots | self._before[action] for action, roots in new.items()}
        changed = new[_MODIFIED] | new[_DELETED]
        until = Place(self._until, self._listed)
        return Changes(verdict, until, frozenset(changed), frozenset(new[_ADDED] - changed))


def _search(since: Place) -> str:
    """Return a search for what changed since a place, and for the entry at that place.

    That the latter is found shows that the server parsed the search.
    """
    wanted = " OR ".join(f"action:{action}" for action in _ACTIONS)
    changes = f'({wanted}) AND date_created__gte:"{since.at - _OVERLAP:{_STAMP}}"'
    place = f'date_created__gte:"{since.at:{_STAMP}}" AND date_created__lt:"{since.at + _SECOND:{_STAMP}}"'
    return f"({changes}) OR ({place})"


def _verdict_without_place(client: KoboClient, since: Place, until: Place) -> Verdict:
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
