"""Rejected cells: answers that the columns of a form cannot hold, counted by column, and read in pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnClause,
    Connection,
    Select,
    and_,
    case,
    column,
    func,
    inspect,
    null,
    or_,
    select,
    table,
)

from kobo_mirror.forms.form_schema import TableKind
from kobo_mirror.store import catalog_tables, totals
from kobo_mirror.store.catalog import PART
from kobo_mirror.store.row_counts import BEFORE_ALL

_IN_A_HUNDRED = 100  # rows that may have one rejected cell
_AT_ONCE = 50  # tables that one statement counts


class ColumnRejections(NamedTuple):
    """The rejected cells of a column.

    :param table: the physical table, a part included.
    :param path: of its question; empty if the catalog lacks the column.
    :param label: of its question, in the form's first language, or None.
    :param cells: how many; ``submissions``: of how many submissions.
    :param home: the table that the part belongs to, or the table itself.
    :param home_kind: a ``TableKind``; None if the catalog lacks the table.
    """

    table: str
    column: str
    path: str
    label: str | None
    cells: int
    submissions: int
    home: str
    home_kind: str | None


class ColumnShare(NamedTuple):
    """A column, how many of its cells are rejected, and of how many rows."""

    table: str
    column: str
    cells: int
    rows: int


class RejectedColumns(NamedTuple):
    """The columns of a form that have rejected cells.

    :param found: all of them, as ``rejected_cells_by_column`` returns them.
    :param often: those of ``rejected_shares``.
    """

    found: Sequence[ColumnRejections] = ()
    often: Sequence[ColumnShare] = ()


NONE_REJECTED = RejectedColumns()


class CellPlace(NamedTuple):
    """The place of a rejected cell in the order of their key."""

    kobo_id: int
    key_hash: bytes


class RejectedCellRow(NamedTuple):
    """A rejected cell with its question.

    :param place: where the next page goes on.
    :param pos: the positions of its row, joined by ``-``; empty for the root.
    :param label: of its question, in the form's first language, or None.
    :param kind: of the column, a ``question_types.Kind``; None if the catalog lacks the column.
    :param reason: in English, the end of a sentence that starts with "the answer".
    :param value: the start of the answer, if it was asked for.
    """

    place: CellPlace
    kobo_id: int
    table: str
    pos: str
    column: str
    path: str
    label: str | None
    kind: str | None
    reason: str
    value: str | None


def rejected_cells_by_column(connection: Connection, asset_uid: str) -> list[ColumnRejections]:
    """Return the columns of a form that have rejected cells, those with the most first.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    """
    return _by_column(connection, [asset_uid]).get(asset_uid, [])


def _by_column(connection: Connection, asset_uids: Collection[str]) -> dict[str, list[ColumnRejections]]:
    cell, c = catalog_tables.rejected_cells.c, catalog_tables.columns.c
    own, whole = catalog_tables.tables.alias("own"), catalog_tables.tables.alias("whole")
    counts = (
        select(
            cell.asset_uid,
            cell.table_name,
            cell.column_name,
            func.count().label("cells"),
            func.count(cell.kobo_id.distinct()).label("submissions"),
        )
        .where(cell.asset_uid.in_(asset_uids))
        .group_by(cell.asset_uid, cell.table_name, cell.column_name)
        .subquery()
    )
    name = counts.c.table_name
    home = case((own.c.kind == PART, own.c.parent_table), else_=name)
    joined = (
        counts.outerjoin(
            catalog_tables.columns, and_(c.table_name == name, c.column_name == counts.c.column_name)
        )
        .outerjoin(own, own.c.table_name == name)
        .outerjoin(whole, whole.c.table_name == home)
    )
    query = select(
        counts.c.asset_uid, name, counts.c.column_name, func.coalesce(c.path, ""), c.label, counts.c.cells,
        counts.c.submissions, home, whole.c.kind,
    ).select_from(joined)  # fmt: skip
    found: dict[str, list[ColumnRejections]] = {}
    for key, *row in connection.execute(query.order_by(counts.c.cells.desc(), name, counts.c.column_name)):
        found.setdefault(key, []).append(ColumnRejections(*row))
    return found


def rejected_shares(
    connection: Connection, asset_uid: str, found: Sequence[ColumnRejections] | None = None
) -> list[ColumnShare]:
    """Return the columns with over 1 % of the rows of their table as rejected cells, the highest share first.

    The rows of a root are those that the totals hold. Of any other table no more rows are counted than tell
    whether there are a hundred for each rejected cell.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param found: of ``rejected_cells_by_column``, if they have been read.
    """
    found = rejected_cells_by_column(connection, asset_uid) if found is None else found
    return _shares(connection, {asset_uid: found})[asset_uid]


def _shares(
    connection: Connection, found: Mapping[str, Sequence[ColumnRejections]]
) -> dict[str, list[ColumnShare]]:
    most: dict[_Home, int] = {}
    for asset_uid, columns in found.items():
        for one in columns:
            home = _Home(asset_uid, one.home, one.home_kind)
            most[home] = max(one.cells, most.get(home, 0))
    rows = _rows_up_to(connection, {home: cells * _IN_A_HUNDRED for home, cells in most.items()})
    return {
        asset_uid: sorted(
            (
                ColumnShare(one.table, one.column, one.cells, rows[one.home])
                for one in columns
                if one.cells * _IN_A_HUNDRED > rows.get(one.home, one.cells * _IN_A_HUNDRED)
            ),
            key=lambda share: share.cells / (share.rows or 1),
            reverse=True,
        )
        for asset_uid, columns in found.items()
    }


def rejected_columns(connection: Connection, asset_uid: str) -> RejectedColumns:
    """Return the columns with rejected cells, and those in which there are many.

    It takes about a second for 200,000 rejected cells, or for 100,000 rows of a wide repeat.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    """
    return rejected_columns_of(connection, [asset_uid])[asset_uid]


def rejected_columns_of(connection: Connection, asset_uids: Collection[str]) -> dict[str, RejectedColumns]:
    """Return what ``rejected_columns`` does for each of some forms, in few statements.

    :param connection: an open transaction.
    :param asset_uids: the form keys.
    """
    found = _by_column(connection, asset_uids)
    shares = _shares(connection, found)
    return {key: RejectedColumns(found.get(key, ()), shares.get(key, ())) for key in asset_uids}


class _Home(NamedTuple):
    """A table that has columns with rejected cells.

    :param kind: as the catalog has it.
    """

    asset_uid: str
    name: str
    kind: str | None


def _rows_up_to(connection: Connection, most: Mapping[_Home, int]) -> dict[str, int]:
    """Return how many rows tables have, counted up to a number; what the database lacks is left out."""
    told = {TableKind.MAIN.value: totals.applied_query, TableKind.REST.value: totals.present_query}
    to_count = [home.name for home in most if home.kind not in told]
    there = set(inspect(connection).get_table_names()) if to_count else set()
    queries = {
        home.name: told[home.kind](home.asset_uid) if home.kind in told else _count_up_to(home.name, number)
        for home, number in most.items()
        if home.kind in told or home.name in there
    }
    rows: dict[str, int] = {}
    for first in range(0, len(queries), _AT_ONCE):
        some = dict(islice(queries.items(), first, first + _AT_ONCE))
        counts = connection.execute(select(*(query.scalar_subquery() for query in some.values()))).one()
        rows |= zip(some, map(int, counts), strict=True)
    return rows


def _count_up_to(name: str, number: int) -> Select[Any]:
    kobo_id: ColumnClause[int] = column("kobo_id")
    some = select(kobo_id).select_from(table(name, kobo_id)).where(kobo_id > BEFORE_ALL).limit(number)
    return select(func.count()).select_from(some.subquery())


def rejected_cells(
    connection: Connection, asset_uid: str, *, after: CellPlace | None = None, limit: int, shown: int = 0
) -> list[RejectedCellRow]:
    """Return rejected cells in the order of ``_id``; those of one submission in that of their key.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param after: only those after this place.
    :param limit: at most so many.
    :param shown: so many characters of each answer, which a respondent gave; 0: no answers.
    """
    cells = catalog_tables.rejected_cells
    t, c = cells.c, catalog_tables.columns.c
    same = and_(c.table_name == t.table_name, c.column_name == t.column_name)
    value = func.substr(t.value, 1, shown) if shown else null()
    query = (
        select(
            t.key_hash, t.kobo_id, t.table_name, t.pos, t.column_name, t.path, c.label, c.kind, t.reason,
            value,
        )
        .select_from(cells.outerjoin(catalog_tables.columns, same))
        .where(t.asset_uid == asset_uid)
    )  # fmt: skip
    if after is not None:
        later = or_(t.kobo_id > after.kobo_id, t.key_hash > after.key_hash)
        query = query.where(t.kobo_id >= after.kobo_id, later)
    rows = connection.execute(query.order_by(t.kobo_id, t.key_hash).limit(limit))
    return [RejectedCellRow(CellPlace(told[0], bytes(key_hash)), *told) for key_hash, *told in rows]
