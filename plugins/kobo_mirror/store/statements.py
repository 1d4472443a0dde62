"""Bulk writes: one multi-row statement for many rows, compiled once.

An ``executemany`` of an upsert is sent row by row on MySQL; SQLAlchemy's ``values(list)`` renders a new
statement for each page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import mysql, sqlite

from kobo_mirror.store.database import PACKET
from kobo_mirror.store.literals import Rows, escape_of, written_rows

_STATEMENT_BYTES = 3 * 2**20
_TAIL = re.compile(r"\)(?: AS \w+)? ON (?:CONFLICT|DUPLICATE) .*", re.DOTALL)


class _Template(NamedTuple):
    head: str
    group: str
    tail: str
    processors: tuple[tuple[int, Any], ...]


def insert_rows(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Plain INSERT: a row that exists is an ``IntegrityError``, which tells that a race was lost."""
    _send(connection, _template(table, columns, (), (), connection.dialect), rows)


def upsert_rows(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    *,
    key: tuple[str, ...],
    keep: tuple[str, ...] = (),
) -> None:
    """INSERT, and where ``key`` exists UPDATE of every column but those of ``key`` and ``keep``."""
    _send(connection, _template(table, columns, key, keep, connection.dialect), rows)


@lru_cache
def _template(
    table: Table, columns: tuple[str, ...], key: tuple[str, ...], keep: tuple[str, ...], dialect: Dialect
) -> _Template:
    moved = [name for name in columns if name not in key and name not in keep]
    statement: Any
    if dialect.name == "sqlite":
        statement = sqlite.insert(table)
        if key:
            statement = statement.on_conflict_do_update(
                index_elements=list(key), set_={n: statement.excluded[n] for n in moved}
            )
    else:
        statement = mysql.insert(table)
        if key:
            statement = statement.on_duplicate_key_update({n: statement.inserted[n] for n in moved})
    head, _, rest = str(statement.compile(dialect=dialect, column_keys=list(columns))).partition(" VALUES ")
    if tuple(name.strip(' `"') for name in head[head.index("(") + 1 : -1].split(",")) != columns:
        raise AssertionError(f"{table.name}: columns must be given in the table's order")
    tail = _TAIL.search(rest)
    types = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns]
    processors = tuple((index, processor) for index, processor in enumerate(types) if processor)
    return _Template(
        f"{head} VALUES ", f"({', '.join('?' * len(columns))})", tail[0][1:] if tail else "", processors
    )


def _send(connection: Connection, template: _Template, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        ready = [_bound(row, template.processors) for row in rows]
        connection.exec_driver_sql(f"{template.head}{template.group}{template.tail}", ready)
        return
    driver: Any = connection.connection.dbapi_connection
    driver.encoders[Rows] = Rows.encoded
    most = min(_STATEMENT_BYTES, connection.info.get(PACKET, 4 * _STATEMENT_BYTES) // 4)
    statement = f"{template.head}%s{template.tail}"
    for chunk in _chunks(list(written_rows(rows, escape_of(driver))), most):
        connection.exec_driver_sql(statement, (Rows(chunk),))


def _bound(row: tuple[Any, ...], processors: Iterable[tuple[int, Any]]) -> tuple[Any, ...]:
    cells = list(row)
    for index, processor in processors:
        cells[index] = processor(cells[index])
    return tuple(cells)


def _chunks(rows: Sequence[str], most: int = _STATEMENT_BYTES) -> Iterator[Sequence[str]]:
    """Written rows of at most ``most`` bytes together; a larger one goes alone."""
    first, size = 0, 0
    for index, row in enumerate(rows):
        cost = (len(row) if row.isascii() else len(row.encode())) + 2
        if size + cost > most and index > first:
            yield rows[first:index]
            first, size = index, 0
        size += cost
    if first < len(rows):
        yield rows[first:]
