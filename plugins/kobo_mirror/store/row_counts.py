"""The rows of a form's tables: how many there are, and which are missing or should not be there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection, Table, func, literal, select, union_all

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store import totals
from kobo_mirror.store.row_set_counts import BEFORE_ALL, RowSetCounts, TableCount
from kobo_mirror.store.tables import form_table, forms, submissions

__all__ = [
    "BEFORE_ALL",
    "TableCount",
    "correct_totals",
    "count_rows",
    "differing",
    "differs_below_the_root",
    "largest_difference",
    "misplaced_declared",
    "misplaced_in_root",
    "totals_differ",
]

_SCHEMAS_IN_USE = 8


def count_rows(connection: Connection, mirror: Mirror, *, whole: bool = False) -> list[TableCount]:
    """Count the rows of a form's tables, and how many there should be.

    Between two statements a delivery would look like a difference, so each count is one with what it is
    compared with.

    :param connection: an open transaction.
    :param mirror: the form and its tables.
    :param whole: count all tables, not only the declared table and the root.
    :returns: a count for each table.
    """
    found = [_count_declared(connection, form_table(mirror.form), mirror.asset_uid)] if mirror.form else []
    if mirror.schema:
        counts = _counts_of(mirror.schema)
        found.append(counts.count_root(connection))
        found += counts.count_tables(connection) if whole else []
    return found


def _count_declared(connection: Connection, table: Table, asset_uid: str) -> TableCount:
    # A range, so that the index of kobo_id is walked: MySQL would read the whole table for a bare count.
    rows = select(func.count()).select_from(table).where(table.c.kobo_id > BEFORE_ALL).scalar_subquery()
    applied = totals.applied_query(asset_uid).scalar_subquery()
    return TableCount(table.name, *map(int, connection.execute(select(rows, applied)).one()))


@lru_cache(_SCHEMAS_IN_USE)
def _counts_of(schema: FormSchema) -> RowSetCounts:
    return RowSetCounts(schema)


def largest_difference(counts: Sequence[TableCount]) -> int:
    """Return by how many rows the table is wrong that is wrong by most: negative for too few, 0 for none.

    :param counts: of the form's tables.
    """
    return max((count.difference for count in counts), key=abs, default=0)


def misplaced_declared(connection: Connection, mirror: Mirror, *, after: int, limit: int) -> list[int]:
    """Return submissions without a row of the declared table that they should have, and rows without one.

    :param connection: an open transaction.
    :param mirror: the form and its tables.
    :param after: only those with a higher ``_id``.
    :param limit: at most so many.
    :returns: their ``_id``, ascending; empty without such a table.
    """
    if mirror.form is None:
        return []
    t, table = submissions.c, form_table(mirror.form)
    asset_uid = mirror.asset_uid
    same = (t.asset_uid == asset_uid) & (t.kobo_id == table.c.kobo_id) & (t.state == "applied")
    missing = select(t.kobo_id).select_from(submissions.outerjoin(table, t.kobo_id == table.c.kobo_id))
    missing = missing.where(t.asset_uid == asset_uid, t.kobo_id > after)
    missing = missing.where(t.state == "applied", table.c.kobo_id.is_(None))
    orphaned = select(table.c.kobo_id).select_from(table.outerjoin(submissions, same))
    orphaned = orphaned.where(table.c.kobo_id > after, t.kobo_id.is_(None))
    found = union_all(missing, orphaned).subquery()
    query = select(found.c.kobo_id).order_by(found.c.kobo_id).limit(limit)
    return list(connection.execute(query).scalars())


def misplaced_in_root(connection: Connection, mirror: Mirror, *, after: int, limit: int) -> list[int]:
    """Return submissions without the root row that they should have, and root rows without a submission.

    :param connection: an open transaction.
    :param mirror: the form and its tables.
    :param after: only those with a higher ``_id``.
    :param limit: at most so many.
    :returns: their ``_id``, ascending; empty without derived tables.
    """
    if mirror.schema is None:
        return []
    return _counts_of(mirror.schema).misplaced(connection, after=after, limit=limit)


def differing(connection: Connection, mirror: Mirror, *, after: int, limit: int) -> list[int]:
    """Return submissions that have other numbers of rows than told, in derived tables below the root.

    :param connection: an open transaction.
    :param mirror: the form and its tables.
    :param after: only those with a higher ``_id``.
    :param limit: at most so many.
    :returns: their ``_id``, ascending.
    """
    if mirror.schema is None:
        return []
    return _counts_of(mirror.schema).differing(connection, after=after, limit=limit)


def differs_below_the_root(connection: Connection, mirror: Mirror) -> bool:
    """Return True if a derived table below the root has other rows than told, or rows of no submission.

    :param connection: an open transaction.
    :param mirror: the form and its tables.
    """
    if mirror.schema is None:
        return False
    counts = _counts_of(mirror.schema)
    differ = any(count.difference for count in counts.count_tables(connection))
    return differ or counts.any_of_none(connection)


def totals_differ(connection: Connection, mirror: Mirror) -> bool:
    """Return True if the totals are not what a count of the ledger gives.

    :param connection: an open transaction.
    :param mirror: the form and its tables.
    """
    return any(totals.shortfall(connection, mirror.asset_uid).values())


def correct_totals(connection: Connection, mirror: Mirror) -> None:
    """Set the totals to what the ledger holds; every writer waits until the transaction ends.

    :param connection: an open transaction.
    :param mirror: the form and its tables.
    """
    mine = forms.c.form_table == mirror.table
    connection.execute(select(literal(1)).where(mine).with_for_update())
    totals.recount(connection, mirror.asset_uid)
