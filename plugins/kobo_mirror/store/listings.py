"""Lists that a person is shown beside the state of a mirror, in pages: each is read by key."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, case, func, select

from kobo_mirror.store.dead_letters import waits_for
from kobo_mirror.store.tables import dead_letters, forms, rejections, server_counts, submissions

Fields = dict[str, Any]
"""A row by the names of its columns."""


def _rows(connection: Connection, query: Select[Any]) -> list[Fields]:
    return [row._asdict() for row in connection.execute(query)]


class BoundForm(NamedTuple):
    """A form table and the form that it mirrors."""

    form_table: str
    server: str
    asset_uid: str


def bound_forms(connection: Connection) -> list[BoundForm]:
    """Return the forms that this database mirrors, in the order of their tables' names.

    :param connection: an open transaction.
    """
    t = forms.c
    rows = connection.execute(select(t.form_table, t.server, t.asset_uid).order_by(t.form_table))
    return [BoundForm(*row) for row in rows]


class NamedForm(NamedTuple):
    """A form that this database mirrors, as people know it.

    :param form_table: its declared table or its root.
    :param name: as KoboToolbox shows it; empty: not known yet.
    :param newest: when its submission with the highest ``_id`` was submitted (UTC); None: there is none, or
        it was deleted.
    """

    asset_uid: str
    server: str
    form_table: str
    name: str
    newest: datetime | None


def named_forms(connection: Connection) -> list[NamedForm]:
    """Return the forms that this database mirrors, as people know them.

    :param connection: an open transaction.
    """
    t, one = forms.c, submissions.c
    at = case((one.state != "deleted", one.submission_time))
    newest = select(at).where(one.asset_uid == t.asset_uid)
    newest = newest.order_by(one.asset_uid.desc(), one.kobo_id.desc()).limit(1)
    query = select(t.asset_uid, t.server, t.form_table, func.coalesce(t.name, ""), newest.scalar_subquery())
    return [NamedForm(*row) for row in connection.execute(query)]


def name_of(connection: Connection, asset_uid: str) -> str:
    """Return a form's name as KoboToolbox shows it; empty: it is not known yet.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    """
    return connection.scalar(select(forms.c.name).where(forms.c.asset_uid == asset_uid)) or ""


def first_bound(connection: Connection) -> BoundForm | None:
    """Return the form that this database has mirrored for the longest, or None.

    :param connection: an open transaction.
    """
    t = forms.c
    query = select(t.form_table, t.server, t.asset_uid).order_by(t.bound_at, t.form_table).limit(1)
    row = connection.execute(query).one_or_none()
    return BoundForm(*row) if row else None


class Standing(NamedTuple):
    """How far the mirror of a form is.

    :param table: its declared table or its root.
    :param submissions: how many the server had when it was last asked; 0 if it never was.
    :param asked_at: when that was (UTC); None: never.
    :param is_let_go: it is mirrored no longer, and its tables stay.
    :param is_discovered: nothing but ``discover`` chose it when that was last told; None: it never was.
    """

    table: str
    server: str
    asset_uid: str
    submissions: int
    asked_at: datetime | None
    is_let_go: bool = False
    is_discovered: bool | None = None


def standings(connection: Connection) -> list[Standing]:
    """Return how far the mirror of each form is, in the order of their tables' names.

    :param connection: an open transaction.
    """
    t, count = forms.c, server_counts.c
    counted = forms.outerjoin(server_counts, count.asset_uid == t.asset_uid)
    number = func.coalesce(count.submissions, 0)
    cells = t.form_table, t.server, t.asset_uid, number, count.counted_at, t.let_go_at.is_not(None)
    query = select(*cells, t.is_discovered).select_from(counted).order_by(t.form_table)
    return [Standing(*row) for row in connection.execute(query)]


def table_of(connection: Connection, server: str, asset_uid: str) -> str | None:
    """Return the name of a form's declared table or root, or None while it has none.

    :param connection: an open transaction.
    :param server: address of its server.
    :param asset_uid: the form key.
    """
    t = forms.c
    return connection.scalar(select(t.form_table).where(t.asset_uid == asset_uid, t.server == server))


def rejected_submissions(
    connection: Connection, asset_uid: str, *, after: int, limit: int, answers: bool
) -> list[Fields]:
    """Return rejections in the order of ``_id``.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param after: only those with a higher ``_id``.
    :param limit: at most so many.
    :param answers: with the raw submission (``payload``), which holds a respondent's answers.
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


def waiting_dead_letters(
    connection: Connection, asset_uid: str | None, *, after: int, limit: int, answers: bool
) -> list[Fields]:
    """Return dead letters that no replay has taken, the oldest first.

    :param connection: an open transaction.
    :param asset_uid: those of this form, or of no form that is known; None: all.
    :param after: only those with a higher id.
    :param limit: at most so many.
    :param answers: with the body as it came, which may hold a respondent's answers.
    """
    t = dead_letters.c
    size = func.length(t.body).label("bytes")
    columns = [t.id, t.received_at, t.source, t.reason, t.attempts, size, *([t.body] if answers else [])]
    waits = t.replayed_at.is_(None) if asset_uid is None else waits_for(asset_uid)
    query = select(*columns).where(waits, t.id > after)
    return _rows(connection, query.order_by(t.id).limit(limit))
