"""Bulk writes: one multi-row statement for many rows, compiled once; several statements in one message.

An ``executemany`` of an upsert is sent row by row on MySQL; SQLAlchemy's ``values(list)`` renders a new
statement for each page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Dialect, Table

from kobo_mirror.database.connecting import PACKET, SEVERAL
from kobo_mirror.database.literals import CellWriter, Escape, Rows, cell_writers, escape_of, written_rows
from kobo_mirror.database.sql import Composed, Identifier, Parameter, Part, Sql, names

T = TypeVar("T")

_STATEMENT_BYTES = 3 * 2**20
_BYTES_A_CHARACTER = 4  # at most, in UTF-8; and what is escaped has one that becomes two
_AROUND = 512  # what stands before it in its message, and the protocol's own bytes
_ROW_ALIAS_SINCE = (8, 0, 19)  # of MySQL, which warns of VALUES() since then; MariaDB has no alias

THE_MOMENT = Sql("@moment")
"""The database's clock as it is when a message arrives that holds it; not for SQLite."""
_THE_DAY = Sql("DATE(@moment)")
READ_CLOCK = Sql("SET @moment = UTC_TIMESTAMP(6)")

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
    """A statement at the start of the first message of a :func:`write`.

    :param parameters: one for each ``Parameter`` in it.
    """

    statement: Part
    parameters: tuple[Any, ...] = ()


class _Template(NamedTuple):
    """The statement of a write, with parameters in place of its rows: on SQLite of one row's cells."""

    text: str
    columns: tuple[CellWriter, ...]
    processors: tuple[Callable[[Any], Any] | None, ...]


def write(connection: Connection, *writes: Write, first: First | None = None) -> None:
    """Write all of it, in this order and in as few messages as the server's limit allows.

    After an error what follows is not written; what came before is for the caller to roll back.

    :param first: sets what cells such as ``THE_MOMENT`` stand for; not for SQLite.
    :raises CellTypeError: a cell is not of its column's type; nothing was written.
    """
    dialect = connection.dialect
    writes = tuple(one for one in writes if one.rows)
    templates = [_template(one._replace(rows=()), dialect) for one in writes]
    if dialect.name == "sqlite":
        ready = [_bound(one.rows, template) for template, one in zip(templates, writes, strict=True)]
        for template, bound in zip(templates, ready, strict=True):
            connection.exec_driver_sql(template.text, bound)
        return
    driver: Any = connection.connection.dbapi_connection
    driver.encoders[Rows] = Rows.encoded
    escape = escape_of(driver)
    packet = packet_of(connection)
    most = min(_STATEMENT_BYTES, packet // 4)
    statements = []
    for template, one in zip(templates, writes, strict=True):
        rows = _written(one, template, packet, escape)
        statements += [(template.text, Rows(chunk)) for chunk in _cut(rows, most)]
    several = connection.info.get(SEVERAL)
    if first and not several:
        connection.exec_driver_sql(first.statement.text(dialect), first.parameters)
        first = None
    for message in _chunks(statements, most if several else 0, lambda one: _size(one[1].encoded())):
        texts, parameters = zip(*message, strict=True)
        if first:
            texts = (first.statement.text(dialect), *texts)
            parameters, first = (*first.parameters, *parameters), None
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
    return packet - _size(template.text) - _AROUND


def _written(of: Write, template: _Template, packet: int, escape: Escape) -> Sequence[str]:
    """Rows as they stand in a statement, those too large for any message without their column ``spare``."""
    rows = written_rows(of.rows, template.columns, escape)
    room = _room(template, packet)
    if not of.spare or sum(map(len, rows)) * _BYTES_A_CHARACTER <= room:
        return rows
    for index, row in enumerate(rows):
        size = _size(row)
        if size > room:
            spared = _without_spare(of, of.rows[index], size, packet)
            (rows[index],) = written_rows([spared], template.columns, escape)
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
    """The statement of a write, whose rows are left out; made once, since that takes 0.2 ms."""
    statement = _for_sqlite(of) if dialect.name == "sqlite" else _for_mysql(of, dialect)
    kinds = [of.table.c[name].type.dialect_impl(dialect) for name in of.columns]
    return _Template(
        statement.text(dialect),
        cell_writers(of.table, of.columns),
        tuple(kind.bind_processor(dialect) for kind in kinds),
    )


def _for_sqlite(of: Write) -> Part:
    # The row that is there has a name of its own: a table may be called "excluded".
    insert = Sql("INSERT INTO {table} AS stored ({columns}) VALUES ({cells})").format(
        table=Identifier(of.table.name),
        columns=names(of.columns),
        cells=Sql(", ").join([Parameter()] * len(of.columns)),
    )
    if not of.key:
        return insert
    return Sql("{insert} ON CONFLICT ({key}) DO UPDATE SET {moved}").format(
        insert=insert, key=names(of.key), moved=_moved(of, Sql("stored"), Sql("excluded.{}"))
    )


def _for_mysql(of: Write, dialect: Dialect) -> Part:
    table = Identifier(of.table.name)
    insert = Sql("INSERT INTO {table} ({columns}) VALUES {rows}").format(
        table=table, columns=names(of.columns), rows=Parameter()
    )
    if not of.key:
        return insert
    update = Sql("{insert} ON DUPLICATE KEY UPDATE {moved}")
    if dialect.is_mariadb or (dialect.server_version_info or ()) < _ROW_ALIAS_SINCE:  # type: ignore[attr-defined]
        return update.format(insert=insert, moved=_moved(of, table, Sql("VALUES({})")))
    if of.table.name.lower() == "incoming":
        named, incoming = Sql("{} AS incoming_row"), Sql("incoming_row.{}")
    else:
        named, incoming = Sql("{} AS incoming"), Sql("incoming.{}")
    return update.format(insert=named.format(insert), moved=_moved(of, table, incoming))


def _moved(of: Write, stored: Part, incoming: Sql) -> Composed:
    """The assignments to a row that exists.

    :param stored: what the statement calls the row.
    :param incoming: how it calls a cell of the row that was to be inserted, with ``{}`` for the column.
    """
    columns = [Identifier(name) for name in of.columns if name not in (*of.key, *of.keep, *of.add)]
    moved = [Sql("{} = {}").format(column, incoming.format(column)) for column in columns]
    moved += [
        Sql("{} = {}.{} + {}").format(column, stored, column, incoming.format(column))
        for column in map(Identifier, of.add)
    ]
    return Sql(", ").join(moved)


def _bound(rows: Sequence[tuple[Any, ...]], template: _Template) -> list[tuple[Any, ...]]:
    """Rows as the driver of SQLite takes them.

    :raises CellTypeError: a cell is not of its column's type.
    """
    bound: list[Sequence[Any]] = []
    for column, processor, cells in zip(
        template.columns, template.processors, zip(*rows, strict=True), strict=True
    ):
        column.check(cells)
        bound.append([processor(cell) for cell in cells] if processor else cells)
    return list(zip(*bound, strict=True))


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
