"""Submissions by the day on which they were submitted (UTC), kept so that no list has to count the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import Connection, delete, func, insert, literal, select

from kobo_mirror.database.bulk import Write
from kobo_mirror.store.page_tables import days
from kobo_mirror.store.tables import submissions

_KEY = ("day", "asset_uid", "slot")


def count_days(
    asset_uid: str,
    slot: int,
    changes: Mapping[int, tuple[str | None, str]],
    submitted: Mapping[int, datetime | None],
) -> list[Write]:
    """Return the write that brings the days up to date with what a transaction writes.

    :param asset_uid: the form key.
    :param slot: the row of this process.
    :param changes: by ``_id`` the state of a submission before (None: never stored) and after.
    :param submitted: by ``_id`` when it was submitted (UTC); None: it is not known.
    """
    counts: Counter[date] = Counter()
    for kobo_id, (before, after) in changes.items():
        moved = (after != "deleted") - (before not in (None, "deleted"))
        at = submitted.get(kobo_id)
        if moved and at is not None:
            counts[at.date()] += moved
    rows = [(day, asset_uid, slot, number) for day, number in sorted(counts.items()) if number]
    return [Write(days, (*_KEY, "submissions"), rows, key=_KEY, add=("submissions",))] if rows else []


def submitted_at(connection: Connection, asset_uid: str, ids: list[int]) -> dict[int, datetime | None]:
    """Return when submissions were submitted (UTC), by ``_id``, as the ledger has it.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param ids: the ``_id`` of each.
    """
    t = submissions.c
    query = select(t.kobo_id, t.submission_time).where(t.asset_uid == asset_uid, t.kobo_id.in_(ids))
    return {row[0]: row[1] for row in connection.execute(query)} if ids else {}


def recount_days(connection: Connection, asset_uid: str | None = None) -> None:
    """Count the ledger anew.

    :param connection: an open transaction, with which no other writer is at work.
    :param asset_uid: the form key; None: all forms.
    """
    t = submissions.c
    day = func.date(t.submission_time)
    counted = (
        select(day, t.asset_uid, literal(0), func.count())
        .where(t.state != "deleted", t.submission_time.is_not(None))
        .group_by(day, t.asset_uid)
    )
    old = delete(days)
    if asset_uid is not None:
        counted, old = counted.where(t.asset_uid == asset_uid), old.where(days.c.asset_uid == asset_uid)
    connection.execute(old)
    connection.execute(insert(days).from_select((*_KEY, "submissions"), counted))


def days_since(connection: Connection, since: date) -> dict[str, dict[date, int]]:
    """Return how many submissions there are of each day, by form key and day.

    :param connection: an open transaction.
    :param since: the first day (UTC).
    """
    t = days.c
    query = select(t.asset_uid, t.day, func.sum(t.submissions)).where(t.day >= since)
    found: dict[str, dict[date, int]] = {}
    for key, day, number in connection.execute(query.group_by(t.asset_uid, t.day)):
        found.setdefault(key, {})[day] = int(number)
    return found
