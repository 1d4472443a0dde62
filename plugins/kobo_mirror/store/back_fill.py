"""Back-fill: a part that was born later gets a row for each row of its table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Select, Table, and_, func, insert, select

from kobo_mirror.database.engine import read, transact
from kobo_mirror.forms.form_schema import FormSchema, TableKind
from kobo_mirror.store.applied_schemas import hold_schema
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.row_counts import BEFORE_ALL
from kobo_mirror.store.row_set_counts import BEFORE_ANY

AT_ONCE = 2_000
"""Rows of a transaction, for which every writer of the form waits."""


class _Part(NamedTuple):
    """A part, and the table whose rows it is to have."""

    part: Table
    of: Table


def back_fill(engine: Engine, schema: FormSchema, lease: Lease, *, at_once: int = AT_ONCE) -> int:
    """Give each part one row for each row of its table; only keys are written. Safe to repeat.

    Where no row is missing, the rows are counted in one statement, and nothing is locked.

    :param engine: made by ``open_engine``.
    :param schema: the form's, as it was applied.
    :param lease: the right to pull the form.
    :param at_once: rows in a transaction; all of one submission go together.
    :returns: how many rows were missing.
    :raises LeaseError: another sync has the form.
    :raises SchemaError: another schema was applied meanwhile.
    :raises DatabaseError: the database cannot take it now; the next call goes on.
    """
    parts = list(_parts(schema))
    lacking = read(engine, partial(_lacking, parts=parts)) if parts else []
    return sum(_fill(engine, one, schema, lease, at_once) for one in lacking)


def _parts(schema: FormSchema) -> Iterator[_Part]:
    made = physical_tables(schema)
    for table in schema.tables:
        if table.kind is not TableKind.DECLARED:
            for part in range(2, table.parts + 1):
                yield _Part(made.tables[table.part_name(part)], made.tables[table.name])


def _lacking(connection: Connection, parts: list[_Part]) -> list[_Part]:
    """Return the parts that have another number of rows than their table."""
    tables = list(dict.fromkeys(table for one in parts for table in one))
    counted = [_count(table).scalar_subquery() for table in tables]  # one statement: writers are at work
    rows = dict(zip(tables, connection.execute(select(*counted)).one(), strict=True))
    return [one for one in parts if rows[one.part] != rows[one.of]]


def _count(table: Table) -> Select[Any]:
    """Return the query that counts rows by a range, so that an index is walked: the narrow one of a root."""
    moved = table.c.get("updated_at")
    return select(func.count()).where(table.c.kobo_id > BEFORE_ALL if moved is None else moved > BEFORE_ANY)


def _fill(engine: Engine, one: _Part, schema: FormSchema, lease: Lease, at_once: int) -> int:
    filled, after = 0, BEFORE_ALL
    while True:
        window = read(engine, partial(_next_window, one=one, after=after, at_once=at_once))
        if window is None:
            return filled
        filled += transact(engine, partial(_fill_window, one=one, window=window, schema=schema, lease=lease))
        after = window[1]


def _next_window(connection: Connection, one: _Part, after: int, at_once: int) -> tuple[int, int] | None:
    """Return the ids of the next rows that are missing: the first one, and the last one to write at once."""
    key = one.of.c.kobo_id
    first = connection.scalar(_missing(one, key).where(key > after).order_by(key).limit(1))
    if first is None:
        return None
    window = select(key).where(key >= first).order_by(key).limit(at_once).subquery()
    return first, int(connection.execute(select(func.max(window.c.kobo_id))).scalar_one())


def _fill_window(
    connection: Connection, one: _Part, window: tuple[int, int], schema: FormSchema, lease: Lease
) -> int:
    """Insert the keys that are missing while no writer is at the form.

    :returns: how many there were.
    """
    hold_schema(connection, schema, lease, exclusively=True)
    keys = [one.of.c[column.name] for column in one.part.primary_key]
    missing = _missing(one, *keys).where(one.of.c.kobo_id.between(*window))
    names = [key.name for key in keys]
    return connection.execute(insert(one.part).from_select(names, missing)).rowcount


def _missing(one: _Part, *columns: Any) -> Select[Any]:
    same = and_(*(column == one.of.c[column.name] for column in one.part.primary_key))
    return select(*columns).select_from(one.of.outerjoin(one.part, same)).where(one.part.c.kobo_id.is_(None))
