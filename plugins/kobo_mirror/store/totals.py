"""Running totals: what is in the mirror, and what came on which day; the ledger is not read for them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, func, literal, select

from kobo_mirror.database.bulk import Moment, Write, day_of, write
from kobo_mirror.database.engine import moment_of
from kobo_mirror.store.days import count_days, recount_days
from kobo_mirror.store.decide import Origin, Stored
from kobo_mirror.store.ledger import counts_of_stored
from kobo_mirror.store.tables import rejections, server_counts, submissions, tallies

_STATES = ("applied", "rejected", "deleted")
_KEY = ("asset_uid", "day", "way", "slot")
_COUNTS = ("arrived", *_STATES)
_SHARDS = 16
_LISTED = "listed"


class Arrived(NamedTuple):
    """How many submissions were first seen on a day (UTC).

    :param origin: ``pushed`` (delivered to the webhook) or ``pulled`` (read by a sync).
    """

    day: date
    origin: str
    arrived: int


def state_before(stored: Stored | None) -> str | None:
    """Return the state under which the totals count a submission; None for one that was never stored.

    A tombstone of what was stored has an edit token, one of what was never stored has none.

    :param stored: the ledger's row; None without one.
    """
    if stored is None or (stored.state == "deleted" and stored.uuid is None):
        return None
    return stored.state


def count_changes(
    connection: Connection,
    asset_uid: str,
    origin: str,
    moment: Moment,
    changes: Mapping[int, tuple[str | None, str]],
    *,
    columns: Mapping[int, Sequence[str]] = MappingProxyType({}),
    submitted: Mapping[int, datetime | None] = MappingProxyType({}),
) -> list[Write]:
    """Return the writes that bring the totals up to date with what a transaction writes.

    They must be the last ones of that transaction, so that their locks are held as briefly as can be.

    :param connection: the transaction.
    :param asset_uid: the form's uid.
    :param origin: of the submissions: ``pushed`` or ``pulled``.
    :param moment: the transaction's, for the day.
    :param changes: by ``_id`` the state of a submission before (None: never stored) and after. A tombstone of
        what was never stored is no change.
    :param columns: by ``_id`` of those that are rejected the names of the columns that they do not fit.
    :param submitted: by ``_id`` when each was submitted (UTC), where that is known.
    """
    rejected = _list_rejections(connection, asset_uid, changes, columns)
    moved = {kobo_id: change for kobo_id, change in changes.items() if change[0] != change[1]}
    if not moved:
        return rejected
    counts = dict.fromkeys(_COUNTS, 0)
    for before, after in moved.values():
        counts[after] += 1
        if before:
            counts[before] -= 1
        else:
            counts["arrived"] += 1
    row = (asset_uid, day_of(moment), origin, _shard(), *counts.values())
    counted = Write(tallies, (*_KEY, *_COUNTS), [row], key=_KEY, add=_COUNTS)
    return [*rejected, counted, *count_days(asset_uid, _shard(), moved, submitted)]


def _shard() -> int:
    """Return the row of this process: with one row each, none waits for another's commit."""
    return os.getpid() % _SHARDS


def _list_rejections(
    connection: Connection,
    asset_uid: str,
    changes: Mapping[int, tuple[str | None, str]],
    columns: Mapping[int, Sequence[str]],
) -> list[Write]:
    touched = sorted(kobo_id for kobo_id, change in changes.items() if "rejected" in change)
    if not touched:
        return []
    mine = (rejections.c.asset_uid == asset_uid) & rejections.c.kobo_id.in_(touched)
    connection.execute(delete(rejections).where(mine))
    now_rejected = [
        (asset_uid, i, json.dumps(list(columns.get(i, ())))) for i in touched if changes[i][1] == "rejected"
    ]
    return [Write(rejections, ("asset_uid", "kobo_id", "column_names"), now_rejected)]


def applied_query(asset_uid: str) -> Select[Any]:
    """Return the query that counts the applied submissions of a form, by its totals.

    :param asset_uid: the form's uid.
    """
    return select(func.coalesce(func.sum(tallies.c.applied), 0)).where(tallies.c.asset_uid == asset_uid)


def present_query(asset_uid: str) -> Select[Any]:
    """Return the query that counts the submissions of a form that exist, applied or not, by its totals.

    :param asset_uid: the form's uid.
    """
    present = tallies.c.applied + tallies.c.rejected
    return select(func.coalesce(func.sum(present), 0)).where(tallies.c.asset_uid == asset_uid)


def recount(connection: Connection, asset_uid: str) -> None:
    """Set the totals, and the list of rejections, to what a count of the ledger gives.

    :param connection: an open transaction, in which the form's row is locked: no other writer may be at work.
    :param asset_uid: the form's uid.
    """
    recount_days(connection, asset_uid)
    difference = shortfall(connection, asset_uid)
    if difference.pop(_LISTED):
        relist_rejections(connection, asset_uid)
    if any(difference.values()):
        row = (asset_uid, moment_of(connection).date(), Origin.PULLED, _shard(), 0, *difference.values())
        write(connection, Write(tallies, (*_KEY, *_COUNTS), [row], key=_KEY, add=_COUNTS))


def shortfall(connection: Connection, asset_uid: str) -> dict[str, int]:
    """Return by how much the totals, and the list of rejections, are below a count of the ledger.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :returns: numbers by state, and under ``listed``; negative where the totals are too high.
    """
    counted, held = counts_of_stored(connection, asset_uid), totals(connection, asset_uid)
    difference = {state: counted.get(state, 0) - held[state] for state in _STATES}
    listed, t = rejections.c, submissions.c
    query = select(func.count()).select_from(rejections).where(listed.asset_uid == asset_uid)
    same = (t.asset_uid == listed.asset_uid) & (t.kobo_id == listed.kobo_id) & (t.state == "rejected")
    rightly = connection.execute(query.join(submissions, same)).scalar_one()
    most = max(counted.get("rejected", 0), connection.execute(query).scalar_one())
    return difference | {_LISTED: most - rightly}


def relist_rejections(connection: Connection, asset_uid: str) -> None:
    """Fill the list of rejections from the ledger; which columns they do not fit is in their reasons only.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    listed, t = rejections.c, submissions.c
    rejected = (t.asset_uid == asset_uid) & (t.state == "rejected")
    known = select(listed.kobo_id).where(listed.asset_uid == asset_uid)
    missing = select(t.asset_uid, t.kobo_id, literal("[]")).where(rejected, t.kobo_id.not_in(known))
    found = connection.execute(missing).all()
    connection.execute(
        delete(rejections).where(
            listed.asset_uid == asset_uid, listed.kobo_id.not_in(select(t.kobo_id).where(rejected))
        )
    )
    write(
        connection, Write(rejections, ("asset_uid", "kobo_id", "column_names"), [tuple(row) for row in found])
    )


def totals(connection: Connection, asset_uid: str) -> dict[str, int]:
    """Return how many submissions are in each state.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :returns: by ``applied``, ``rejected`` and ``deleted``; the last were one of the others once.
    """
    sums = [func.coalesce(func.sum(tallies.c[state]), 0) for state in _STATES]
    row = connection.execute(select(*sums).where(tallies.c.asset_uid == asset_uid)).one()
    return {state: int(number) for state, number in zip(_STATES, row, strict=True)}


def totals_of_all(connection: Connection) -> dict[str, dict[str, int]]:
    """Return what ``totals`` does for each form that has any, by its key.

    :param connection: an open transaction.
    """
    sums = [func.sum(tallies.c[state]) for state in _STATES]
    rows = connection.execute(select(tallies.c.asset_uid, *sums).group_by(tallies.c.asset_uid))
    return {key: dict(zip(_STATES, map(int, numbers), strict=True)) for key, *numbers in rows}


def arrivals(connection: Connection, asset_uid: str, since: date) -> list[Arrived]:
    """Return how many submissions were first seen on each day, in the order of the days.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param since: the first day (UTC).
    :returns: one for each day and origin that has any.
    """
    t = tallies.c
    query = select(t.day, t.way, func.sum(t.arrived)).where(t.asset_uid == asset_uid, t.day >= since)
    rows = connection.execute(query.group_by(t.day, t.way).order_by(t.day, t.way))
    return [Arrived(day, origin, int(arrived)) for day, origin, arrived in rows]


def note_server_count(connection: Connection, asset_uid: str, count: int) -> None:
    """Store how many submissions the server has just counted.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param count: of the submissions that the token sees.
    """
    moment = moment_of(connection)
    columns = ("asset_uid", "submissions", "counted_at")
    write(connection, Write(server_counts, columns, [(asset_uid, count, moment)], key=("asset_uid",)))


def counted_by_server(connection: Connection, asset_uid: str) -> int | None:
    """Return how many submissions the server counted when this run, or an earlier one, began.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :returns: None before the first sync.
    """
    query = select(server_counts.c.submissions).where(server_counts.c.asset_uid == asset_uid)
    return connection.execute(query).scalar_one_or_none()
