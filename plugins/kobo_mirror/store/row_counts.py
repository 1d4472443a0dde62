"""The rows of the form table: how many there are, and which are missing or should not be there."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, literal, select, union_all

from kobo_mirror.forms.declared_form import Mirror
from kobo_mirror.store import totals
from kobo_mirror.store.tables import form_table, forms, submissions

BEFORE_ALL = -(2**63)
"""Below every ``_id`` that a row can have, even one that no server would give."""


class RowCount(NamedTuple):
    """Rows of the form table, and submissions that the totals hold as applied, at one moment."""

    rows: int
    applied: int

    @property
    def difference(self) -> int:
        """How many rows are missing (negative) or too many."""
        return self.rows - self.applied


def count_rows(connection: Connection, mirror: Mirror) -> RowCount:
    """Count rows and applied submissions in one statement.

    Between two statements a delivery would look like a difference.

    :param connection: an open transaction.
    :param mirror: the form and its table.
    :returns: both counts.
    """
    table = form_table(mirror.form)
    # A range, so that the index of kobo_id is walked: MySQL would read the whole table for a bare count.
    rows = select(func.count()).select_from(table).where(table.c.kobo_id > BEFORE_ALL).scalar_subquery()
    applied = totals.applied_query(mirror.asset_uid).scalar_subquery()
    return RowCount(*map(int, connection.execute(select(rows, applied)).one()))


def misplaced(connection: Connection, mirror: Mirror, *, after: int, limit: int) -> list[int]:
    """Return submissions whose row is missing, and rows that no applied submission has.

    :param connection: an open transaction.
    :param mirror: the form and its table.
    :param after: only those with a higher ``_id``.
    :param limit: at most so many.
    :returns: their ``_id``, ascending.
    """
    table = form_table(mirror.form)
    t = submissions.c
    same = (t.asset_uid == mirror.asset_uid) & (t.kobo_id == table.c.kobo_id) & (t.state == "applied")
    missing = select(t.kobo_id).select_from(submissions.outerjoin(table, t.kobo_id == table.c.kobo_id))
    missing = missing.where(t.asset_uid == mirror.asset_uid, t.kobo_id > after)
    missing = missing.where(t.state == "applied", table.c.kobo_id.is_(None))
    orphaned = select(table.c.kobo_id).select_from(table.outerjoin(submissions, same))
    orphaned = orphaned.where(table.c.kobo_id > after, t.kobo_id.is_(None))
    found = union_all(missing, orphaned).subquery()
    query = select(found.c.kobo_id).order_by(found.c.kobo_id).limit(limit)
    return list(connection.execute(query).scalars())


def totals_differ(connection: Connection, mirror: Mirror) -> bool:
    """Return True if the totals are not what a count of the ledger gives.

    :param connection: an open transaction.
    :param mirror: the form and its table.
    """
    return any(totals.shortfall(connection, mirror.asset_uid).values())


def correct_totals(connection: Connection, mirror: Mirror) -> None:
    """Set the totals to what the ledger holds; every writer waits until the transaction ends.

    :param connection: an open transaction.
    :param mirror: the form and its table.
    """
    mine = forms.c.form_table == mirror.form.table
    connection.execute(select(literal(1)).where(mine).with_for_update())
    totals.recount(connection, mirror.asset_uid)
