"""What is in the tables of a form, by its catalog.

Rows are counted by index, but each of them: it takes a second for 200,000 rows of a wide repeat. Where that
is asked for again and again, the answer is to be kept for a while.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    and_,
    column,
    func,
    inspect,
    select,
    table,
)

from kobo_mirror.database.column_types import MOMENT
from kobo_mirror.forms.form_schema import Status, TableKind
from kobo_mirror.store import catalog_tables
from kobo_mirror.store.catalog import CLAIMED, PART, VIEW
from kobo_mirror.store.row_counts import BEFORE_ALL
from kobo_mirror.store.tables import forms

_BEFORE_ANY = datetime(1000, 1, 1)  # noqa: DTZ001  # UTC, as DATETIME holds it
_ROOTS = (TableKind.MAIN, TableKind.REST)
_ORDER: Mapping[str, int] = {
    kind: place
    for place, kind in enumerate(
        (TableKind.DECLARED, TableKind.MAIN, TableKind.REST, TableKind.REPEAT, TableKind.FILES)
    )
}


class TableSummary(NamedTuple):
    """A table of a form, together with its parts.

    :param kind: a ``TableKind``.
    :param path: of the repeat whose rows it has; empty for all others.
    :param label: of that repeat, in the form's first language, or None.
    :param status: ``active``, ``removed`` or ``moved``.
    :param rows: None: they were not counted, or the database lacks the table.
    """

    name: str
    kind: str
    path: str = ""
    label: str | None = None
    status: str = "active"
    rows: int | None = None


def described_tables(connection: Connection, asset_uid: str) -> list[TableSummary]:
    """Return the tables of a form without their numbers of rows; nothing is counted.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :returns: tables with a row for each submission first, then in reading order, each repeat after the table
        that its rows stand in; the table of files last. A form without a catalog has its form table alone.
    """
    t, c = catalog_tables.tables.c, catalog_tables.columns.c
    counted = and_(c.table_name == t.rows_table, c.column_name == t.rows_column)
    query = (
        select(t.table_name, t.kind, t.path, t.label, t.status, t.parent_table, c.position)
        .select_from(catalog_tables.tables.outerjoin(catalog_tables.columns, counted))
        .where(t.asset_uid == asset_uid, t.kind.not_in((PART, VIEW)))
    )
    rows = connection.execute(query).all()
    made = [row for row in rows if row.status != CLAIMED or row.kind == TableKind.DECLARED]
    names = {row.table_name for row in made}
    below: dict[str | None, list[Any]] = {}
    for row in sorted(made, key=_among_siblings):
        below.setdefault(row.parent_table if row.parent_table in names else None, []).append(row)
    found = [_summary(row) for row in _in_reading_order(below, None)]
    bound = connection.scalar(select(forms.c.form_table).where(forms.c.asset_uid == asset_uid))
    if bound and bound not in {row.table_name for row in rows}:
        found.insert(0, TableSummary(bound, TableKind.DECLARED.value))
    return found


def _summary(row: Any) -> TableSummary:
    """Return a table that is there, as a declared one is, whatever is being made beside it."""
    status = Status.ACTIVE.value if row.status == CLAIMED else row.status
    return TableSummary(row.table_name, row.kind, row.path, row.label, status)


def _among_siblings(row: Any) -> tuple[int, bool, int, str]:
    return _ORDER.get(row.kind, len(_ORDER)), row.position is None, row.position or 0, row.table_name


def _in_reading_order(below: Mapping[str | None, Sequence[Any]], parent: str | None) -> Iterator[Any]:
    for row in below.get(parent, ()):
        yield row
        yield from _in_reading_order(below, row.table_name)


def tables_of(connection: Connection, asset_uid: str) -> list[TableSummary]:
    """Return the tables of a form with their rows, counted by index in one statement.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :returns: as ``described_tables`` orders them.
    """
    described = described_tables(connection, asset_uid)
    there = set(inspect(connection).get_table_names()) if described else set()
    counted = [one.name for one in described if one.name in there]
    if not counted:
        return described
    counts = [_count(one.name, one.kind).scalar_subquery() for one in described if one.name in there]
    rows = dict(zip(counted, map(int, connection.execute(select(*counts)).one()), strict=True))
    return [one._replace(rows=rows.get(one.name)) for one in described]


def _count(name: str, kind: str) -> Select[Any]:
    """Return the query that counts a table by the narrowest index it has; a range, so that it is walked."""
    walked, least = (
        (column("updated_at", MOMENT), _BEFORE_ANY) if kind in _ROOTS else (column("kobo_id"), BEFORE_ALL)
    )
    return select(func.count()).select_from(table(name, walked)).where(walked > least)
