"""The change history: which submissions were added, modified or deleted, as far as it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from kobo_mirror.errors import NotPermittedError
from kobo_mirror.kobo.client import KoboClient

_ACTIONS = ("add-submission", "modify-submission", "delete-submission")
_STAMP = "%Y-%m-%d %H:%M:%S"
_OVERLAP = timedelta(minutes=5)  # entries are written after the answer, with whole seconds (kobo-api.md §4)


class Verdict(StrEnum):
    """How far the history can be believed; it never replaces the sweep."""

    READ = "read"
    FIRST = "read from now on"
    EMPTY = "empty"
    FORBIDDEN = "not permitted"
    UNPARSED = "search not understood"
    SHORTENED = "look-back too short"


@dataclass(frozen=True)
class Changes:
    """What the history told.

    :param until: time of its newest entry by the server's clock (UTC, naive): where to go on the next time.
    :param root_uuids: of the submissions that were touched, without ``uuid:``.
    """

    verdict: Verdict
    until: datetime | None = None
    root_uuids: frozenset[str] = frozenset()


def read_history(client: KoboClient, since: datetime | None) -> Changes:
    """What was changed since a moment by the server's clock.

    An empty answer, a forbidden history, a search that the server did not parse (an empty list, no error) and
    a look-back that a plan has shortened (kobo-api.md §4) are told apart.

    :param since: the ``until`` of an earlier call; None only finds out where to go on.
    """
    try:
        newest = next(client.history(most=1), None)
        if newest is None:
            return Changes(Verdict.EMPTY)
        until = _time(newest)
        if since is None:
            return Changes(Verdict.FIRST, until)
        return _changes(client, newest, since, until)
    except NotPermittedError:
        return Changes(Verdict.FORBIDDEN)


def _changes(client: KoboClient, newest: Mapping[str, Any], since: datetime, until: datetime) -> Changes:
    start = since - _OVERLAP
    wanted = " OR ".join(f"action:{action}" for action in _ACTIONS)
    entries = list(client.history(f'({wanted}) AND date_created__gte:"{start:{_STAMP}}"'))
    understood = all(entry.get("action") in _ACTIONS and _time(entry) >= start for entry in entries)
    if not entries:
        probe = f'action:{newest["action"]} AND date_created__gte:"{until:{_STAMP}}"'
        understood = next(client.history(probe, most=1), None) is not None
    if not understood:
        return Changes(Verdict.UNPARSED, until)
    roots = frozenset(root for entry in entries if (root := _root_uuid(entry)))
    seen_before = next(client.history(f'date_created__lte:"{since:{_STAMP}}"', most=1), None)
    return Changes(Verdict.READ if seen_before else Verdict.SHORTENED, until, roots)


def _time(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["date_created"]).astimezone(UTC).replace(tzinfo=None)


def _root_uuid(entry: Mapping[str, Any]) -> str | None:
    submission = (entry.get("metadata") or {}).get("submission") or {}
    root = submission.get("root_uuid")
    return root.removeprefix("uuid:") if isinstance(root, str) and root else None
