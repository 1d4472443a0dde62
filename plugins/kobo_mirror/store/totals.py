"""Running totals: what is in the mirror, and what came on each day by origin; the ledger is not read."""

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
from kobo_mirror.store.decide import Origin
from kobo_mirror.store.ledger import counts_of_stored
from kobo_mirror.store.tables import rejections, server_counts, submissions, tallies

_STATES = ("applied", "rejected", "deleted")
_KEY = ("asset_uid", "day", "way", "slot")
_COUNTS = ("arrived", *_STATES)
_SLOTS = 16
_LISTED = "listed"


class Arrived(NamedTuple):
    """How many submissions were first seen on a day (UTC), by their origin: ``pushed`` or ``pulled``."""

    day: date
    origin: str
    arrived: int


def noted(
    connection: Connection,
    asset_uid: str,
    origin: str,
    moment: Moment,
    changes: Mapping[int, tuple[str | None, str]],
    *,
    columns: Mapping[int, Sequence[str]] = MappingProxyType({}),
) -> list[Write]:
    """What adds to the totals in the transaction that they count; it is to be the last that is written there.

    :param origin: ``pushed`` or ``pulled``.
    :param changes: for each submission that was written its state before (None: never stored) and after. A
        tombstone of what was never stored is no change.
    :param columns: for each that is rejected the columns that it does not fit.
    """
    rejected = _listed(connection, asset_uid, changes, columns)
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
    row = (asset_uid, day_of(moment), origin, _slot(), *counts.values())
    return [*rejected, Write(tallies, (*_KEY, *_COUNTS), [row], key=_KEY, add=_COUNTS)]


def _slot() -> int:
    """Processes count in rows of their own, so that none waits for another's commit."""
    return os.getpid() % _SLOTS


def _listed(
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


def applied_of(asset_uid: str) -> Select[Any]:
    """The statement that tells how many submissions of a form are applied."""
    return select(func.coalesce(func.sum(tallies.c.applied), 0)).where(tallies.c.asset_uid == asset_uid)


def correct(connection: Connection, asset_uid: str) -> None:
    """Add what lacks to the totals, or take off what is too much, by a count of the ledger.

    No other writer may be at work meanwhile.
    """
    difference = lacking(connection, asset_uid)
    if difference.pop(_LISTED):
        list_anew(connection, asset_uid)
    if any(difference.values()):
        row = (asset_uid, moment_of(connection).date(), Origin.PULLED, _slot(), 0, *difference.values())
        write(connection, Write(tallies, (*_KEY, *_COUNTS), [row], key=_KEY, add=_COUNTS))


def lacking(connection: Connection, asset_uid: str) -> dict[str, int]:
    """What the totals, and the list of rejections, lack of each state by the ledger (negative: too much)."""
    counted, held = counts_of_stored(connection, asset_uid), totals(connection, asset_uid)
    difference = {state: counted.get(state, 0) - held[state] for state in _STATES}
    listed, t = rejections.c, submissions.c
    query = select(func.count()).select_from(rejections).where(listed.asset_uid == asset_uid)
    same = (t.asset_uid == listed.asset_uid) & (t.kobo_id == listed.kobo_id) & (t.state == "rejected")
    rightly = connection.execute(query.join(submissions, same)).scalar_one()
    most = max(counted.get("rejected", 0), connection.execute(query).scalar_one())
    return difference | {_LISTED: most - rightly}


def list_anew(connection: Connection, asset_uid: str) -> None:
    """Fill the list of rejections from the ledger; which columns they do not fit is in their reasons only."""
    listed, t = rejections.c, submissions.c
    rejected = (t.asset_uid == asset_uid) & (t.state == "rejected")
    known = select(listed.kobo_id).where(listed.asset_uid == asset_uid)
    lacking_ones = select(t.asset_uid, t.kobo_id, literal("[]")).where(rejected, t.kobo_id.not_in(known))
    found = connection.execute(lacking_ones).all()
    connection.execute(
        delete(rejections).where(
            listed.asset_uid == asset_uid, listed.kobo_id.not_in(select(t.kobo_id).where(rejected))
        )
    )
    write(
        connection, Write(rejections, ("asset_uid", "kobo_id", "column_names"), [tuple(row) for row in found])
    )


def totals(connection: Connection, asset_uid: str) -> dict[str, int]:
    """How many submissions are ``applied``, ``rejected``, and were either once and are ``deleted`` now."""
    sums = [func.coalesce(func.sum(tallies.c[state]), 0) for state in _STATES]
    row = connection.execute(select(*sums).where(tallies.c.asset_uid == asset_uid)).one()
    return {state: int(number) for state, number in zip(_STATES, row, strict=True)}


def arrivals(connection: Connection, asset_uid: str, since: date) -> list[Arrived]:
    """What was first seen on each day from ``since`` on, by origin, in the order of the days."""
    t = tallies.c
    query = select(t.day, t.way, func.sum(t.arrived)).where(t.asset_uid == asset_uid, t.day >= since)
    rows = connection.execute(query.group_by(t.day, t.way).order_by(t.day, t.way))
    return [Arrived(day, origin, int(arrived)) for day, origin, arrived in rows]


def note_server_count(connection: Connection, asset_uid: str, count: int) -> None:
    """Remember how many submissions the server has just counted."""
    moment = moment_of(connection)
    columns = ("asset_uid", "submissions", "counted_at")
    write(connection, Write(server_counts, columns, [(asset_uid, count, moment)], key=("asset_uid",)))


def counted_by_server(connection: Connection, asset_uid: str) -> int | None:
    """How many submissions the server counted when this run began, or an earlier one."""
    known = server_count(connection, asset_uid)
    return known[0] if known else None


def server_count(connection: Connection, asset_uid: str) -> tuple[int, datetime] | None:
    """What the server counted when it was last asked, and when that was; None before the first sync."""
    query = select(server_counts.c.submissions, server_counts.c.counted_at)
    row = connection.execute(query.where(server_counts.c.asset_uid == asset_uid)).one_or_none()
    return (row[0], row[1]) if row else None
