"""Questions to the ledger: counts, ids and rejections of one form. Nothing here locks or writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, func, select

from kobo_mirror.database.engine import moment_of
from kobo_mirror.store.tables import rejections as rejected
from kobo_mirror.store.tables import submissions
from kobo_mirror.store.tombstones import NEVER_STORED

_FETCHED_AT_ONCE = 5_000
"""Rows that a walk of the whole ledger holds in memory."""


def state_counts(connection: Connection, asset_uid: str) -> dict[str, int]:
    """Count the submissions in each state, row by row.

    For what must not depend on a running total; :func:`kobo_mirror.store.totals.totals` is quicker.

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    :returns: the numbers by state: ``applied``, ``rejected``, ``deleted``; a state without a row is missing.
    """
    t = submissions.c
    query = select(t.state, func.count()).where(t.asset_uid == asset_uid).group_by(t.state)
    return {state: number for state, number in connection.execute(query)}  # noqa: C416  # rows, not pairs


def counts_of_stored(connection: Connection, asset_uid: str) -> dict[str, int]:
    """Count the submissions in each state, row by row, without tombstones of what was never stored.

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    :returns: the numbers by state, as :func:`state_counts` has them.
    """
    t = submissions.c
    query = select(t.state, func.count()).where(t.asset_uid == asset_uid)
    query = query.where(func.coalesce(t.reason, "") != NEVER_STORED)
    return {state: number for state, number in connection.execute(query.group_by(t.state))}  # noqa: C416  # rows, not pairs


def newest_existing(connection: Connection, asset_uid: str) -> int | None:
    """Return the highest ``_id`` of a submission that the ledger holds as existing; None without one.

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    """
    t = submissions.c
    query = select(t.kobo_id).where(t.asset_uid == asset_uid, t.state != "deleted")
    return connection.execute(query.order_by(t.kobo_id.desc()).limit(1)).scalar_one_or_none()


def holds_any(connection: Connection, asset_uid: str, *, after: int = 0, upto: int | None = None) -> bool:
    """Return True if the ledger has a row, tombstones included, with ``after < id <= upto``.

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    :param after: the highest ``_id`` below the window.
    :param upto: the last ``_id`` of the window; None: no end.
    """
    t = submissions.c
    query = select(t.kobo_id).where(t.asset_uid == asset_uid, t.kobo_id > after).order_by(t.kobo_id)
    query = query if upto is None else query.where(t.kobo_id <= upto)
    return connection.execute(query.limit(1)).first() is not None


def rejections(connection: Connection, asset_uid: str, limit: int) -> list[tuple[int, str]]:
    """Return ``_id`` and reason of the first rejections, ascending by ``_id``.

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    :param limit: at most so many.
    """
    listed, t = rejected.c, submissions.c
    same = (t.asset_uid == listed.asset_uid) & (t.kobo_id == listed.kobo_id) & (t.state == "rejected")
    query = select(listed.kobo_id, t.reason).join_from(rejected, submissions, same)
    query = query.where(listed.asset_uid == asset_uid).order_by(listed.kobo_id).limit(limit)
    return [(kobo_id, reason) for kobo_id, reason in connection.execute(query)]


def existing_among(connection: Connection, asset_uid: str, ids: Sequence[int]) -> list[int]:
    """Return those of the ids that the ledger holds as existing, ascending.

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    :param ids: ``_id`` of each submission to look up.
    """
    t = submissions.c
    query = select(t.kobo_id).where(t.asset_uid == asset_uid, t.state != "deleted", t.kobo_id.in_(ids))
    return sorted(connection.execute(query).scalars())


def deleted_since(connection: Connection, asset_uid: str, lifetime: timedelta) -> int:
    """Return how many recent tombstones count for the delete guard.

    Those that a person confirmed, or whose submission was never stored, do not.

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    :param lifetime: how far back, by the database's clock.
    """
    t = submissions.c
    moment = moment_of(connection)
    query = select(func.count()).where(t.asset_uid == asset_uid, t.state == "deleted", t.reason.is_(None))
    return connection.execute(query.where(t.deleted_at > moment - lifetime)).scalar_one()


def recently_submitted(
    connection: Connection, asset_uid: str, upto: int | None, lifetime: timedelta
) -> list[int]:
    """Return the ids of existing submissions that reached the server recently, ascending.

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    :param upto: the highest ``_id`` to return; None: all.
    :param lifetime: how far back from the database's clock ``_submission_time`` may lie.
    """
    t = submissions.c
    moment = moment_of(connection)
    query = select(t.kobo_id).where(t.asset_uid == asset_uid, t.state != "deleted")
    recent = query.where(t.submission_time > moment - lifetime)
    recent = recent if upto is None else recent.where(t.kobo_id <= upto)
    return list(connection.execute(recent.order_by(t.kobo_id)).scalars())


def ids_by_root_uuid(connection: Connection, asset_uid: str, root_uuids: set[str]) -> list[int]:
    """Return the ids of existing submissions with these root uuids: one walk of the ledger, however many.

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    :param root_uuids: without ``uuid:``, as the ledger keeps them.
    :returns: the ids, ascending; several submissions may have the same root uuid.
    """
    t = submissions.c
    query = select(t.kobo_id, t.root_uuid).where(t.asset_uid == asset_uid, t.state != "deleted")
    walk = connection.execution_options(yield_per=_FETCHED_AT_ONCE).execute(query.order_by(t.kobo_id))
    return [kobo_id for kobo_id, root in walk if root in root_uuids]


def root_uuids_above(connection: Connection, asset_uid: str, kobo_id: int, root_uuids: set[str]) -> set[str]:
    """Return those of the root uuids that existing submissions above an ``_id`` have.

    :param connection: an open connection.
    :param asset_uid: the form's uid.
    :param kobo_id: only submissions with a higher ``_id`` are looked at.
    :param root_uuids: without ``uuid:``, as the ledger keeps them.
    """
    if not root_uuids:
        return set()
    t = submissions.c
    query = select(t.root_uuid).where(t.asset_uid == asset_uid, t.kobo_id > kobo_id, t.state != "deleted")
    walk = connection.execution_options(yield_per=_FETCHED_AT_ONCE).execute(query.order_by(t.kobo_id))
    return root_uuids.intersection(root for (root,) in walk)
