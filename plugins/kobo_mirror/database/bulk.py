"""Bulk writes: one multi-row statement for many rows, compiled once; several statements in one message.

An ``executemany`` of an upsert is sent row by row on MySQL; SQLAlchemy's ``values(list)`` renders a new
statement for each page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import mysql, sqlite

from kobo_mirror.database.connecting import PACKET, SEVERAL
from kobo_mirror.database.literals import Escape, Rows, Sql, escape_of, written_rows

T = TypeVar("T")

_STATEMENT_BYTES = 3 * 2**20
_BYTES_A_CHARACTER = 4  # at most, in UTF-8; and what is escaped has one that becomes two
_AROUND = 512  # what stands before it in its message, and the protocol's own bytes
_TAIL = re.compile(r"\)(?: AS \w+)? ON (?:CONFLICT|DUPLICATE) .*", re.DOTALL)


THE_MOMENT = Sql("@moment")
"""The database's clock as it is when a message arrives that holds it; not for SQLite."""
_THE_DAY = Sql("DATE(@moment)")
READ_CLOCK = "SET @moment = UTC_TIMESTAMP(6)"

Moment = datetime | Sql


def day_of(moment: Moment) -> date | Sql:
    """The day (UTC) of a moment that is known, or of ``THE_MOMENT``."""
    return moment.date() if isinstance(moment, datetime) else _THE_DAY


class Write(NamedTuple):
    """Rows for a table: a plain INSERT, for which a row that exists is an ``IntegrityError``.

    :param key: where it exists the row is updated instead, every column but those of ``key`` and ``keep``.
    :param add: columns whose number is added to the one that is there.
    :param spare: a column that is left empty in a row which is too large for any message.
    :param note: the column that says so, after what it says anyway.
    """

    table: Table
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    key: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    spare: str = ""
    note: str = ""


class First(NamedTuple):
    """A statement at the start of the first message of a :func:`write`, with ``%s`` for its parameters."""

    text: str
    parameters: tuple[Any, ...] = ()


class _Template(NamedTuple):
    head: str
    group: str
    tail: str
    processors: tuple[tuple[int, Any], ...]


def write(connection: Connection, *writes: Write, first: First | None = None) -> None:
    """Write all of it, in this order and in as few messages as the server's limit allows.

    After an error what follows is not written; what came before is for the caller to roll back.

    :param first: sets what cells such as ``THE_MOMENT`` stand for; not for SQLite.
    """
    writes = tuple(one for one in writes if one.rows)
    templates = [_template(one._replace(rows=()), connection.dialect) for one in writes]
    if connection.dialect.name == "sqlite":
        for (head, group, tail, processors), one in zip(templates, writes, strict=True):
            ready = [_bound(row, processors) for row in one.rows]
            connection.exec_driver_sql(f"{head}{group}{tail}", ready)
        return
    driver: Any = connection.connection.dbapi_connection
    driver.encoders[Rows] = Rows.encoded
    escape = escape_of(driver)
    most = min(_STATEMENT_BYTES, packet_of(connection) // 4)
    statements = []
    for template, one in zip(templates, writes, strict=True):
        rows = _fitted(list(written_rows(one.rows, escape)), one, template, packet_of(connection), escape)
        text = f"{template.head}%s{template.tail}"
        statements += [(text, Rows(chunk)) for chunk in _cut(rows, most)]
    several = connection.info.get(SEVERAL)
    if first and not several:
        connection.exec_driver_sql(first.text, first.parameters)
        first = None
    for message in _chunks(statements, most if several else 0, lambda one: _size(one[1].encoded())):
        texts, parameters = zip(*message, strict=True)
        if first:
            texts, parameters, first = (first.text, *texts), (*first.parameters, *parameters), None
        text = "; ".join(texts)
        connection.exec_driver_sql(text, parameters, execution_options={SEVERAL: len(texts) > 1})


def packet_of(connection: Connection) -> int:
    """The largest message that the server takes, in bytes."""
    return int(connection.info.get(PACKET) or 4 * _STATEMENT_BYTES)


def room_in(packet: int, of: Write, dialect: Dialect) -> int:
    """Bytes that one row of a write may have as it stands in its message, so that the server takes it."""
    template = _template(of._replace(rows=()), dialect)
    return _room(template, packet)


def _room(template: _Template, packet: int) -> int:
    return packet - len(template.head) - len(template.tail) - _AROUND


def _fitted(rows: list[str], of: Write, template: _Template, packet: int, escape: Escape) -> Sequence[str]:
    """Written rows, those that are too large for any message without their column ``spare``."""
    room = _room(template, packet)
    if not of.spare or sum(map(len, rows)) * _BYTES_A_CHARACTER <= room:
        return rows
    for index, row in enumerate(rows):
        size = _size(row)
        if size > room:
            (rows[index],) = written_rows([_without_spare(of, of.rows[index], size, packet)], escape)
    return rows


def _without_spare(of: Write, row: tuple[Any, ...], size: int, packet: int) -> tuple[Any, ...]:
    cells = dict(zip(of.columns, row, strict=True))
    most = of.table.c[of.note].type.length  # type: ignore[attr-defined]
    cells |= {of.spare: None, of.note: noted(cells[of.note], of.spare, size, packet, most)}
    return tuple(cells.values())


def noted(reason: str | None, what: str, size: int, packet: int, most: int) -> str:
    """A reason that also says what was left out.

    :param size: bytes that were to be sent.
    :param packet: bytes that the server takes.
    :param most: characters of the sentence; of the reason as much as there is room for.
    """
    note = f"its {what} is not kept: {size} bytes are too many for the server's max_allowed_packet ({packet})"
    return f"{reason[: most - len(note) - 2]}; {note}" if reason else note


@lru_cache
def _template(of: Write, dialect: Dialect) -> _Template:
    """The statement of a write, whose rows are left out: made once, since SQLAlchemy takes 0.2 ms for it."""
    table, columns, _, key, keep, add = of[:6]
    statement: Any = sqlite.insert(table) if dialect.name == "sqlite" else mysql.insert(table)
    if key:
        incoming = statement.excluded if dialect.name == "sqlite" else statement.inserted
        moved = {name: incoming[name] for name in columns if name not in key and name not in keep}
        moved |= {name: table.c[name] + incoming[name] for name in add}
        if dialect.name == "sqlite":
            statement = statement.on_conflict_do_update(index_elements=list(key), set_=moved)
        else:
            statement = statement.on_duplicate_key_update(moved)
    head, _, rest = str(statement.compile(dialect=dialect, column_keys=list(columns))).partition(" VALUES ")
    if tuple(name.strip(' `"') for name in head[head.index("(") + 1 : -1].split(",")) != columns:
        raise AssertionError(f"{table.name}: columns must be given in the table's order")
    tail = _TAIL.search(rest)
    types = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns]
    processors = tuple((index, processor) for index, processor in enumerate(types) if processor)
    return _Template(
        f"{head} VALUES ", f"({', '.join('?' * len(columns))})", tail[0][1:] if tail else "", processors
    )


def _bound(row: tuple[Any, ...], processors: Iterable[tuple[int, Any]]) -> tuple[Any, ...]:
    cells = list(row)
    for index, processor in processors:
        cells[index] = processor(cells[index])
    return tuple(cells)


def _size(text: str) -> int:
    """Bytes, with what stands between two of them."""
    return (len(text) if text.isascii() else len(text.encode())) + 2


def _cut(rows: Sequence[str], most: int) -> Iterable[Sequence[str]]:
    """Written rows of at most ``most`` bytes together; a usual page fits by its length alone."""
    if sum(map(len, rows)) * _BYTES_A_CHARACTER + 2 * len(rows) <= most:
        return [rows]
    return _chunks(rows, most, _size)


def _chunks(items: Sequence[T], most: int, size: Callable[[T], int]) -> Iterator[Sequence[T]]:
    """Written rows, or statements, of at most ``most`` bytes together; a larger one goes alone."""
    first, together = 0, 0
    for index, item in enumerate(items):
        cost = size(item)
        if together + cost > most and index > first:
            yield items[first:index]
            first, together = index, 0
        together += cost
    if first < len(items):
        yield items[first:]
