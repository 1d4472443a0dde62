"""Bulk writes to MySQL and MariaDB: multi-row statements, several of them in one message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import sqlalchemy
from sqlalchemy import Column, Connection

from kobo_mirror.database.bulk import Delete, First, Write, assignments, kept_with_table, noted
from kobo_mirror.database.dialects import dialect_named, dialect_of
from kobo_mirror.database.dialects.mysql.connecting import PACKET, SEVERAL
from kobo_mirror.database.dialects.mysql.literals import (
    CellWriter,
    Escape,
    Rows,
    cell_writers,
    escape_of,
    written_rows,
)
from kobo_mirror.database.sql import Identifier, Literal, Parameter, Part, Sql, names

T = TypeVar("T")

_STATEMENT_BYTES = 3 * 2**20
_BYTES_A_CHARACTER = 4  # at most, in UTF-8; an escaped character is two of one byte each
_AROUND = 512  # bytes of a message before the statement, the protocol's own included
_AROUND_A_CELL = 40  # bytes, at most: a number, a date, or the quotes and comma of a text
_ROW_ALIAS_SINCE = (8, 0, 19)  # of MySQL, which warns of VALUES() since then; MariaDB has no alias


class _Template(NamedTuple):
    """The statement of a write, with one parameter in place of its rows."""

    text: str
    columns: tuple[CellWriter, ...]


def write_messages(connection: Connection, writes: Sequence[Write | Delete], first: First | None) -> None:
    """Write and delete rows; see ``Dialect.write``.

    :param connection: an open transaction.
    :param writes: none of them is without rows.
    :param first: a statement at the start of the first message.
    :raises CellTypeError: a cell is not of its column's type; nothing was written.
    """
    dialect = dialect_of(connection)
    driver: Any = connection.connection.dbapi_connection
    driver.encoders[Rows] = Rows.encoded
    escape = escape_of(driver)
    packet = packet_of(connection)
    most = min(_STATEMENT_BYTES, packet // 4)
    statements = []
    rows: Sequence[str]
    for one in writes:
        if isinstance(one, Delete):
            text, rows = _deletion(one._replace(rows=())), [*map(str, one.rows)]
        else:
            template = _template(one._replace(rows=()), connection.dialect)
            text, rows = template.text, _written(one, template, packet, escape)
        statements += [(text, Rows(chunk)) for chunk in _cut(rows, most)]
    several = connection.info.get(SEVERAL)
    if first and not several:
        connection.exec_driver_sql(first.statement.text(dialect), first.parameters)
        first = None
    for message in _chunks(statements, most if several else 0, _size_of_statement):
        texts, parameters = zip(*message, strict=True)
        if first:
            texts = (first.statement.text(dialect), *texts)
            parameters, first = (*first.parameters, *parameters), None
        message_text = "; ".join(texts)
        connection.exec_driver_sql(message_text, parameters, execution_options={SEVERAL: len(texts) > 1})


def first_statement(cell: Column[Any], row: Mapping[Column[Any], str | bytes | None]) -> First:
    """Return the statement that reads clock and cell and locks the row; see ``Dialect.first_statement``.

    :param cell: the column to read.
    :param row: the columns of the same table by which the row is found, with their values.
    """
    parameters = tuple(value.hex() if isinstance(value, bytes) else value for value in row.values())
    return First(_read_cell(cell, tuple(row)), parameters)


@lru_cache
def _read_cell(cell: Column[Any], given: tuple[Column[Any], ...]) -> Part:
    # MariaDB has no FOR SHARE. Drivers mark bytes in ways of their own, hence UNHEX.
    found = [_equals(column).format(Identifier(column.name), Parameter()) for column in given]
    return Sql(
        "SET @moment = UTC_TIMESTAMP(6), "
        "@cell = (SELECT {cell} FROM {table} WHERE {found} LOCK IN SHARE MODE)"
    ).format(cell=Identifier(cell.name), table=Identifier(cell.table.name), found=Sql(" AND ").join(found))


def _equals(column: Column[Any]) -> Sql:
    """Return how a cell is compared with a parameter; where it may be NULL, NULL equals NULL."""
    sign = "<=>" if column.nullable else "="
    return Sql(f"{{}} {sign} UNHEX({{}})" if column.type.python_type is bytes else f"{{}} {sign} {{}}")


def packet_of(connection: Connection) -> int:
    """Return the bytes of the largest message that the server takes.

    :param connection: made by an engine of ours.
    """
    return int(connection.info.get(PACKET) or 4 * _STATEMENT_BYTES)


def room_of(connection: Connection, of: Write) -> int:
    """Return the bytes that one row may have as it stands in its message, so that the server takes it.

    :param connection: made by an engine of ours.
    :param of: the write that the row is to be part of.
    """
    return _room(_template(of._replace(rows=()), connection.dialect), packet_of(connection))


def size_of(connection: Connection, of: Write, row: Sequence[Any]) -> int:
    """Return the bytes of a row as it stands in its message.

    :param connection: made by an engine of ours.
    :param of: the write that the row is to be part of.
    :param row: the cells of its first columns; of those that are left out each counts as a short one.
    """
    columns = cell_writers(of.table, of.columns[: len(row)])
    (text,) = written_rows([tuple(row)], columns, escape_of(connection.connection.dbapi_connection))
    return len(text.encode()) + (len(of.columns) - len(row)) * _AROUND_A_CELL


def _room(template: _Template, packet: int) -> int:
    return packet - _size(template.text) - _AROUND


def _written(of: Write, template: _Template, packet: int, escape: Escape) -> Sequence[str]:
    """Return rows as they stand in a statement, those too large for any message without ``Write.spare``."""
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


@kept_with_table
def _template(of: Write, server: sqlalchemy.Dialect) -> _Template:
    """Return the statement of a write whose rows are left out; kept, since to make it takes 0.2 ms.

    :param server: an engine's own: it knows the server's version.
    """
    return _Template(
        _statement(of, server).text(dialect_named(server.name)), cell_writers(of.table, of.columns)
    )


@kept_with_table
def _deletion(of: Delete) -> str:
    """Return the statement that deletes rows, with one parameter in place of the numbers.

    For a list after IN, a server reads a whole table that is small, and waits for the rows that others hold.
    """
    equal = Sql("gone.{} = {}")
    found = [equal.format(Identifier(name), Literal(value)) for name, value in of.of]
    statement = Sql(
        "DELETE gone FROM JSON_TABLE('[{numbers}]', '$[*]' COLUMNS(number BIGINT PATH '$')) AS given "
        "STRAIGHT_JOIN {table} AS gone FORCE INDEX (PRIMARY) ON {found}"
    )
    found.append(Sql("gone.{} = given.number").format(Identifier(of.column)))
    composed = statement.format(
        numbers=Parameter(), table=Identifier(of.table.name), found=Sql(" AND ").join(found)
    )
    return composed.text(dialect_named("mysql"))


def _statement(of: Write, server: Any) -> Part:
    table = Identifier(of.table.name)
    insert = Sql("INSERT INTO {table} ({columns}) VALUES {rows}").format(
        table=table, columns=names(of.columns), rows=Parameter()
    )
    if not of.key:
        return insert
    update = Sql("{insert} ON DUPLICATE KEY UPDATE {moved}")
    if server.is_mariadb or (server.server_version_info or ()) < _ROW_ALIAS_SINCE:
        return update.format(insert=insert, moved=assignments(of, table, Sql("VALUES({})")))
    if of.table.name.lower() == "incoming":
        named, incoming = Sql("{} AS incoming_row"), Sql("incoming_row.{}")
    else:
        named, incoming = Sql("{} AS incoming"), Sql("incoming.{}")
    return update.format(insert=named.format(insert), moved=assignments(of, table, incoming))


def _size_of_statement(statement: tuple[str, Rows]) -> int:
    text, rows = statement
    return _size(text) + _size(rows.encoded())


def _size(text: str) -> int:
    """Return the bytes of a text, with the two of what stands between it and the next."""
    return (len(text) if text.isascii() else len(text.encode())) + 2


def _cut(rows: Sequence[str], most: int) -> Iterable[Sequence[str]]:
    """Yield written rows of at most ``most`` bytes together; a usual page fits by its length alone."""
    if sum(map(len, rows)) * _BYTES_A_CHARACTER + 2 * len(rows) <= most:
        return [rows]
    return _chunks(rows, most, _size)


def _chunks(items: Sequence[T], most: int, size: Callable[[T], int]) -> Iterator[Sequence[T]]:
    """Yield written rows, or statements, of at most ``most`` bytes together; a larger one goes alone."""
    first, together = 0, 0
    for index, item in enumerate(items):
        cost = size(item)
        if together + cost > most and index > first:
            yield items[first:index]
            first, together = index, 0
        together += cost
    if first < len(items):
        yield items[first:]
