"""What a person is shown of a mirror: small reads by key, none that walks the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from kobo_mirror.store.dead_letters import waits_for
from kobo_mirror.store.tables import (
    dead_letters,
    forms,
    leases,
    registrations,
    rejections,
    submissions,
    sync_runs,
    to_fetch,
)

Fields = dict[str, Any]


def _rows(connection: Connection, query: Select[Any]) -> list[Fields]:
    return [row._asdict() for row in connection.execute(query)]


class Bound(NamedTuple):
    """A form table and the form that it mirrors."""

    form_table: str
    server: str
    asset_uid: str


def bound_forms(connection: Connection) -> list[Bound]:
    """The forms that this database mirrors."""
    t = forms.c
    rows = connection.execute(select(t.form_table, t.server, t.asset_uid).order_by(t.form_table))
    return [Bound(*row) for row in rows]


def recent_runs(connection: Connection, asset_uid: str, limit: int) -> list[Fields]:
    """The newest runs, the newest first."""
    query = select(sync_runs).where(sync_runs.c.asset_uid == asset_uid)
    return _rows(connection, query.order_by(sync_runs.c.id.desc()).limit(limit))


def named_run(connection: Connection, asset_uid: str, name: str) -> Fields | None:
    """The newest run of that name."""
    query = select(sync_runs).where(sync_runs.c.asset_uid == asset_uid, sync_runs.c.name == name)
    return next(iter(_rows(connection, query.order_by(sync_runs.c.id.desc()).limit(1))), None)


def first_finish(connection: Connection, asset_uid: str) -> datetime | None:
    """When the first run ended: what came before was there already."""
    query = select(sync_runs.c.finished_at).where(
        sync_runs.c.asset_uid == asset_uid, sync_runs.c.finished_at.is_not(None)
    )
    return connection.execute(query.order_by(sync_runs.c.id).limit(1)).scalar_one_or_none()


def newest(connection: Connection, asset_uid: str, limit: int) -> list[Fields]:
    """When the submissions with the highest ids were sent, first seen here, and last pushed."""
    t = submissions.c
    query = select(t.submission_time, t.first_seen_at, t.pushed_at).where(t.asset_uid == asset_uid)
    return _rows(connection, query.order_by(t.kobo_id.desc()).limit(limit))


def rejected(
    connection: Connection, asset_uid: str, *, after: int, limit: int, answers: bool
) -> list[Fields]:
    """Rejections in the order of ``_id``.

    :param answers: with the raw submission, which holds a respondent's answers.
    """
    t = submissions.c
    names = rejections.c.column_names
    columns = [t.kobo_id, t.reason, names, t.submission_time, t.first_seen_at]
    columns += [t.payload] if answers else []
    listed = rejections.join(
        submissions,
        (rejections.c.asset_uid == t.asset_uid) & (rejections.c.kobo_id == t.kobo_id),
    )
    mine = (rejections.c.asset_uid == asset_uid) & (rejections.c.kobo_id > after) & (t.state == "rejected")
    query = select(*columns).select_from(listed).where(mine).order_by(rejections.c.kobo_id).limit(limit)
    return _rows(connection, query)


def waiting_letters(
    connection: Connection, asset_uid: str | None, *, after: int, limit: int, answers: bool
) -> list[Fields]:
    """Dead letters that no replay has taken, the oldest first.

    :param asset_uid: those of this form, or of none that is known; None: all.
    :param answers: with the body as it came.
    """
    t = dead_letters.c
    size = func.length(t.body).label("bytes")
    columns = [t.id, t.received_at, t.source, t.reason, t.attempts, size, *([t.body] if answers else [])]
    waits = t.replayed_at.is_(None) if asset_uid is None else waits_for(asset_uid)
    query = select(*columns).where(waits, t.id > after)
    return _rows(connection, query.order_by(t.id).limit(limit))


def doubts(connection: Connection, asset_uid: str) -> dict[str, int]:
    """How many submissions are to be asked for again, by reason."""
    query: Select[Any] = select(to_fetch.c.reason, func.count()).where(to_fetch.c.asset_uid == asset_uid)
    return {row[0]: row[1] for row in connection.execute(query.group_by(to_fetch.c.reason))}


def registered(connection: Connection, asset_uid: str) -> list[Fields]:
    """Where new submissions are posted to."""
    t = registrations.c
    query = select(t.endpoint, t.way, t.registered_at, t.failures_read_until)
    return _rows(connection, query.where(t.asset_uid == asset_uid).order_by(t.endpoint))


def holder(connection: Connection, asset_uid: str) -> Fields | None:
    """Which sync holds the form now, and since when."""
    query = select(leases.c.holder, leases.c.since, leases.c.renewed_at)
    mine = (leases.c.asset_uid == asset_uid) & leases.c.holder.is_not(None)
    return next(iter(_rows(connection, query.where(mine))), None)
