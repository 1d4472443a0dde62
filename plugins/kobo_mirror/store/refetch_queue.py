"""The refetch queue: submissions whose newest state must be asked for; only the drain takes them off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, func, select, update

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.database.engine import moment_of
from kobo_mirror.store.tables import to_fetch

_COLUMNS = ("asset_uid", "kind", "ref", "reason", "asked_at", "attempts")
_KEY = ("asset_uid", "kind", "ref")
_SLICE = 500
_LARGEST_ID = 2**63 - 1

ROOT = "root"
"""The kind of the entries that are asked for by root uuid; all others are asked for by ``_id``."""
FAILED_DELIVERY = "its delivery failed"
"""The reason of submissions whose delivery to the webhook failed, by the server's own log."""

UNREADABLE = "unreadable"
"""The reason of submissions that the server shows and cannot send: each is asked for by itself."""


class Entry(NamedTuple):
    """A queued submission, and when it was last enqueued.

    :param ref: what the server is asked by: an ``_id``, or a root uuid.
    :param asked_at: the database's clock (UTC) at the newest ``enqueue``. An answer to a request from before
        that does not take the entry off.
    """

    ref: str
    asked_at: datetime


def enqueue(
    connection: Connection, asset_uid: str, refs: Iterable[int | str], reason: str, *, kind: str = "id"
) -> None:
    """Put submissions in the queue; the entries of those that are queued already become newer.

    One that is unreadable stays so, whatever it is enqueued for, until the server has sent it.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param refs: each submission's ``_id``, or its root uuid where ``kind`` is ``root``.
    :param reason: why its newest state must be asked for, in a few words for a person.
    :param kind: ``id`` or ``root``.
    """
    wanted = sorted({str(ref) for ref in refs})
    if wanted:
        moment = moment_of(connection)
        unreadable = set() if kind == ROOT else _unreadable_among(connection, asset_uid, wanted)
        reasons = ((ref, UNREADABLE if ref in unreadable else reason) for ref in wanted)
        asked = [(asset_uid, kind, ref, why, moment, 0) for ref, why in reasons]
        write(connection, Write(to_fetch, _COLUMNS, asked, key=_KEY, keep=("attempts",)))


def _unreadable_among(connection: Connection, asset_uid: str, refs: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for first in range(0, len(refs), _SLICE):
        some = to_fetch.c.ref.in_(refs[first : first + _SLICE])
        found.update(row[0] for row in connection.execute(_unreadable(asset_uid).where(some)))
    return found


def _unreadable(asset_uid: str) -> Select[Any]:
    of_form = (to_fetch.c.asset_uid == asset_uid) & (to_fetch.c.kind == "id")
    return select(to_fetch.c.ref).where(of_form, to_fetch.c.reason == UNREADABLE)


def unreadable_ids(connection: Connection, asset_uid: str) -> list[int]:
    """Return the ``_id`` of each submission that the server shows and could not send when last asked.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    refs = [row[0] for row in connection.execute(_unreadable(asset_uid))]
    return sorted(int(ref) for ref in refs if is_id(ref))


def is_id(ref: str) -> bool:
    """Return True if an entry names a submission as ``enqueue`` writes it; one added by hand may not.

    :param ref: the entry's reference.
    """
    return ref.isascii() and ref.isdecimal() and ref == str(int(ref)) and int(ref) <= _LARGEST_ID


def next_entries(
    connection: Connection,
    asset_uid: str,
    *,
    after: str,
    limit: int,
    kind: str = "id",
    unreadable: bool = False,
) -> list[Entry]:
    """Return the next entries in the order of ``ref``.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param after: the ``ref`` behind which to go on; empty for the first entries.
    :param limit: how many entries at most.
    :param kind: ``id`` or ``root``.
    :param unreadable: those that the server could not send, instead of all others.
    """
    reason = to_fetch.c.reason
    which = reason == UNREADABLE if unreadable else reason != UNREADABLE
    behind = to_fetch.c.ref > after if after else to_fetch.c.ref >= after
    rows = connection.execute(
        select(to_fetch.c.ref, to_fetch.c.asked_at)
        .where(to_fetch.c.asset_uid == asset_uid, to_fetch.c.kind == kind, behind, which)
        .order_by(to_fetch.c.ref)
        .limit(limit)
    )
    return [Entry(ref, asked_at) for ref, asked_at in rows]


def take_off(connection: Connection, asset_uid: str, entries: Sequence[Entry], *, kind: str = "id") -> None:
    """Take entries off, in the transaction that writes what the server answered.

    :param connection: that transaction.
    :param asset_uid: the form's uid.
    :param entries: as they were when the request was sent. One that was enqueued again since stays.
    :param kind: ``id`` or ``root``.
    """
    for first in range(0, len(entries), _SLICE):
        asked = dict(entries[first : first + _SLICE])
        mine = (to_fetch.c.asset_uid == asset_uid) & (to_fetch.c.kind == kind)
        current = connection.execute(
            select(to_fetch.c.ref, to_fetch.c.asked_at)
            .where(mine, to_fetch.c.ref.in_(asked))
            .with_for_update()
        )
        taken_off = [ref for ref, asked_at in current if asked_at == asked[ref]]
        if taken_off:
            connection.execute(delete(to_fetch).where(mine, to_fetch.c.ref.in_(taken_off)))


def count_attempt(connection: Connection, asset_uid: str, entries: Sequence[Entry]) -> None:
    """Note that the server had no submission for these entries.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param entries: entries of the kind ``id``.
    """
    refs = [entry.ref for entry in entries]
    mine = (to_fetch.c.asset_uid == asset_uid) & (to_fetch.c.kind == "id") & to_fetch.c.ref.in_(refs)
    connection.execute(update(to_fetch).where(mine).values(attempts=to_fetch.c.attempts + 1))


def waiting_by_reason(connection: Connection, asset_uid: str) -> dict[str, int]:
    """Return how many entries a form has, by the reason for which they were last enqueued.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    query: Select[Any] = select(to_fetch.c.reason, func.count()).where(to_fetch.c.asset_uid == asset_uid)
    return {row[0]: row[1] for row in connection.execute(query.group_by(to_fetch.c.reason))}


def waiting_by_reason_of_all(connection: Connection) -> dict[str, dict[str, int]]:
    """Return what ``waiting_by_reason`` does for each form that has entries, by its key.

    :param connection: an open transaction.
    """
    key, reason = to_fetch.c.asset_uid, to_fetch.c.reason
    found: dict[str, dict[str, int]] = {}
    for asset_uid, why, number in connection.execute(select(key, reason, func.count()).group_by(key, reason)):
        found.setdefault(asset_uid, {})[why] = number
    return found


def still_waiting(connection: Connection, asset_uid: str, ids: Sequence[int]) -> set[int]:
    """Return which of some submissions are in the queue of a form.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param ids: each submission's ``_id``.
    """
    found: set[int] = set()
    mine = (to_fetch.c.asset_uid == asset_uid) & (to_fetch.c.kind == "id")
    for first in range(0, len(ids), _SLICE):
        refs = [str(kobo_id) for kobo_id in ids[first : first + _SLICE]]
        rows = connection.execute(select(to_fetch.c.ref).where(mine, to_fetch.c.ref.in_(refs)))
        found.update(int(row[0]) for row in rows)
    return found
