"""The rows of all tables of a form: how many there are, and in which submissions there are others than told.

What is told: the totals say how many rows the root has, ``<repeat>__rows`` how many each repeat has, and a
part has one for each row of its table. How many files and rejected cells a submission has is told nowhere:
of these only rows without a submission are found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    and_,
    func,
    literal,
    select,
    union_all,
)

from kobo_mirror.forms import form_schema
from kobo_mirror.forms.form_schema import ROWS, FormSchema, Status, TableKind
from kobo_mirror.store import totals
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.tables import submissions

BEFORE_ALL = -(2**63)
"""Below every ``_id`` that a row can have, even one that no server would give."""
BEFORE_ANY = datetime(1000, 1, 1)  # noqa: DTZ001  # UTC, as DATETIME holds it
"""Before every time that a row can have."""


class TableCount(NamedTuple):
    """The rows of a table, and how many it should have, at one moment.

    :param table: its name.
    """

    table: str
    rows: int
    told: int

    @property
    def difference(self) -> int:
        """How many rows are missing (negative) or too many."""
        return self.rows - self.told


class _Pair(NamedTuple):
    """A table and the one that says how many rows it has.

    :param counted: the column that says it; None: one row for each.
    """

    table: Table
    by: Table
    counted: str | None = None


class RowSetCounts:
    """Counts the rows of one form; compiled once for a schema.

    :param schema: by which the rows are shaped.
    """

    def __init__(self, schema: FormSchema) -> None:
        self._asset_uid = schema.asset_uid
        self._has_rejected = schema.root.kind is TableKind.REST
        made = physical_tables(schema)
        self._root = made.tables[schema.root.name]
        self._pairs = [pair for table in schema.tables for pair in _pairs(schema, table, made)]
        self._emptied = [
            made.tables[table.part_name(part)]
            for table in schema.tables
            if table.status is Status.MOVED
            for part in range(1, table.parts + 1)
        ]
        (self._files,) = (made.tables[t.name] for t in schema.tables if t.kind is TableKind.FILES)

    def count_root(self, connection: Connection) -> TableCount:
        """Return how many rows the root has and what the totals say, counted in one statement.

        Beside a declared table each submission that exists has a row, else each that is applied.

        :param connection: an open transaction.
        """
        # A range, so that this index is walked and not the whole table.
        rows = select(func.count()).where(self._root.c.updated_at > BEFORE_ANY)
        told = totals.present_query if self._has_rejected else totals.applied_query
        query = select(rows.scalar_subquery(), told(self._asset_uid).scalar_subquery())
        return TableCount(self._root.name, *map(int, connection.execute(query).one()))

    def count_tables(self, connection: Connection) -> list[TableCount]:
        """Return how many rows all other tables have and what is told of them, counted in one statement.

        :param connection: an open transaction.
        """
        counted: list[tuple[str, Select[Any], Select[Any]]] = [
            (pair.table.name, _count(pair.table), _told(pair)) for pair in self._pairs
        ]
        counted += [(table.name, _count(table), select(literal(0))) for table in self._emptied]
        if not counted:
            return []
        query = select(*(one.scalar_subquery() for _, rows, told in counted for one in (rows, told)))
        numbers = [*map(int, connection.execute(query).one())]
        names = [name for name, _, _ in counted]
        return [*map(TableCount, names, numbers[::2], numbers[1::2])]

    def misplaced(self, connection: Connection, *, after: int, limit: int) -> list[int]:
        """Return submissions that have no row in the root, and rows in the root without a submission.

        :param connection: an open transaction.
        :param after: only those with a higher ``_id``.
        :param limit: at most so many.
        :returns: their ``_id``, ascending.
        """
        t, root = submissions.c, self._root
        there = t.state.in_(("applied", "rejected") if self._has_rejected else ("applied",))
        mine = and_(t.asset_uid == self._asset_uid, there)
        same = and_(mine, t.kobo_id == root.c.kobo_id)
        missing = select(t.kobo_id).select_from(submissions.outerjoin(root, t.kobo_id == root.c.kobo_id))
        orphaned = select(root.c.kobo_id).select_from(root.outerjoin(submissions, same))
        found = [
            missing.where(mine, t.kobo_id > after, root.c.kobo_id.is_(None)),
            orphaned.where(root.c.kobo_id > after, t.kobo_id.is_(None)),
        ]
        return _ids(connection, found, limit)

    def differing(self, connection: Connection, *, after: int, limit: int) -> list[int]:
        """Return submissions that have other numbers of rows than told, in any table but the root.

        :param connection: an open transaction.
        :param after: only those with a higher ``_id``.
        :param limit: at most so many.
        :returns: their ``_id``, ascending.
        """
        found = [query for pair in self._pairs for query in _differing(pair, after)]
        found += [select(table.c.kobo_id).where(table.c.kobo_id > after) for table in self._emptied]
        return _ids(connection, [*found, *self._of_none(after)], limit)

    def any_of_none(self, connection: Connection) -> bool:
        """Return True if there are files or rejected cells of a submission that has no row in the root.

        :param connection: an open transaction.
        """
        return bool(_ids(connection, self._of_none(BEFORE_ALL), 1))

    def _of_none(self, after: int) -> list[Select[Any]]:
        files, t = self._files, rejected_cells.c
        cells = _without(rejected_cells, self._root, ("kobo_id",))
        return [
            _without(files, self._root, ("kobo_id",)).where(files.c.kobo_id > after),
            cells.where(t.asset_uid == self._asset_uid, t.kobo_id > after),
        ]


def _pairs(schema: FormSchema, table: form_schema.Table, made: MetaData) -> Iterator[_Pair]:
    if table.status is Status.MOVED or table.kind is TableKind.DECLARED:
        return
    own = made.tables[table.name]
    if table.path:
        parent = next(other for other in schema.tables if other.name == table.parent)
        (count,) = (
            column
            for column in parent.columns
            if column.facet == ROWS and column.path == table.path and column.status is not Status.MOVED
        )
        yield _Pair(own, made.tables[parent.part_name(count.part)], count.name)
    for part in range(2, table.parts + 1):
        yield _Pair(made.tables[table.part_name(part)], own)


def _keys(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


def _count(table: Table) -> Select[Any]:
    return select(func.count()).where(table.c.kobo_id > BEFORE_ALL)


def _told(pair: _Pair) -> Select[Any]:
    if pair.counted is None:
        return _count(pair.by)
    return select(func.coalesce(func.sum(pair.by.c[pair.counted]), 0))


def _differing(pair: _Pair, after: int) -> Iterator[Select[Any]]:
    """Yield what finds the submissions in which a table has other rows than the other one tells."""
    table, by, counted = pair
    above = _keys(by)
    if counted is None:
        yield _without(by, table, above).where(by.c.kobo_id > after)
    else:
        of_parent = _keys(table)[: len(above)]
        grouped = [table.c[name] for name in of_parent]
        rows = select(*grouped, func.count().label("there")).where(table.c.kobo_id > after)
        found = rows.group_by(*grouped).subquery()
        same = and_(*(found.c[mine] == by.c[theirs] for mine, theirs in zip(of_parent, above, strict=True)))
        query = select(by.c.kobo_id).select_from(by.outerjoin(found, same))
        yield query.where(by.c.kobo_id > after, by.c[counted] != func.coalesce(found.c.there, 0))
    yield _without(table, by, above).where(table.c.kobo_id > after)


def _without(table: Table, other: Table, keys: Sequence[str]) -> Select[Any]:
    """Return the query of the submissions with rows that have none of their key in another table."""
    mine = _keys(table)[: len(keys)] if table is not rejected_cells else keys
    pairs = zip(mine, keys, strict=True)
    same: ColumnElement[bool] = and_(*(table.c[name] == other.c[theirs] for name, theirs in pairs))
    query = select(table.c.kobo_id).select_from(table.outerjoin(other, same))
    return query.where(other.c[keys[0]].is_(None))


def _ids(connection: Connection, queries: Sequence[Select[Any]], limit: int) -> list[int]:
    found = union_all(*queries).subquery()
    query = select(found.c.kobo_id).distinct().order_by(found.c.kobo_id).limit(limit)
    return list(connection.scalars(query))
