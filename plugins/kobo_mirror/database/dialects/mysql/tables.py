"""Tables of MySQL and MariaDB: what is there, and how tables grow without a copy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy import Column, Connection, Table, literal, select, text
from sqlalchemy.exc import DBAPIError

from kobo_mirror.database.dialects.base_tables import StoredColumn, StoredTable
from kobo_mirror.database.dialects.mysql.errors import code_of
from kobo_mirror.database.sql import Declaration, Identifier, Literal, Part, Sql, run

_SECONDS = 1
_NOT_AT_ONCE = {1117, 1118, 1845, 1846, 4092, 4093}
"""Too many columns, too wide a row; a change that asks for a copy; MySQL's limits of changes without one."""
_PATIENCE = {
    "table": text("SELECT @@lock_wait_timeout"),
    "row": text("SELECT @@innodb_lock_wait_timeout"),
}
_SETTINGS = {"table": Sql("lock_wait_timeout"), "row": Sql("innodb_lock_wait_timeout")}
_AT_ONCE = Sql("ALGORITHM=INSTANT")
_TABLES = text(
    "SELECT table_name, table_type, table_comment FROM information_schema.tables "
    "WHERE table_schema = DATABASE()"
)
_COLUMNS = text(
    "SELECT table_name, column_name, column_comment, is_nullable FROM information_schema.columns "
    "WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"
)
_TYPES = text(
    "SELECT table_name, column_name, column_type, collation_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE()"
)
_WIDTH = re.compile(r"(?<=int)\(\d+\)")
_SAME = {"integer": "int", "bool": "tinyint"}
_INDEXES = text(
    "SELECT DISTINCT table_name, index_name FROM information_schema.statistics "
    "WHERE table_schema = DATABASE()"
)


@contextmanager
def quick_locks(connection: Connection) -> Iterator[None]:
    """Wait a second at most for a lock on a whole table, or on a row of a table that refers to it.

    While an ALTER waits for such a row (of the child of a foreign key), it holds the table itself.

    :param connection: the one that changes tables.
    :returns: a context for statements that change tables.
    """
    before = {name: int(connection.execute(query).scalar_one()) for name, query in _PATIENCE.items()}
    _wait(connection, dict.fromkeys(before, _SECONDS))
    try:
        yield
    finally:
        if not connection.invalidated:
            _wait(connection, before)


def _wait(connection: Connection, seconds: Mapping[str, int]) -> None:
    for name, number in seconds.items():
        run(connection, Sql("SET {} = {}").format(_SETTINGS[name], Literal(number)))


def stored_tables(connection: Connection) -> dict[str, StoredTable]:
    """Return all tables and views in the database by their names.

    :param connection: an open transaction.
    """
    columns: dict[str, dict[str, StoredColumn]] = {}
    for table, column, comment, nullable in connection.execute(_COLUMNS):
        columns.setdefault(table, {})[column] = StoredColumn(comment, nullable == "YES")
    indexes: dict[str, set[str]] = {}
    for table, index in connection.execute(_INDEXES):
        indexes.setdefault(table, set()).add(index)
    return {
        name: StoredTable({}, is_view=True)
        if kind == "VIEW"
        else StoredTable(columns.get(name, {}), frozenset(indexes.get(name, ())), comment)
        for name, kind, comment in connection.execute(_TABLES)
    }


def grow_table(
    connection: Connection, table: Table, born: Sequence[Column[Any]], told: Sequence[Column[Any]]
) -> None:
    """Add columns and declare others again by one statement, without a copy of the table unless it is empty.

    Where the table takes that not at once, the others are declared one by one before; those that ask for a
    copy stay as they are.

    :param connection: an open transaction.
    :param table: as it is to be.
    :param born: those of its columns that are added.
    :param told: those that get another comment, or may be NULL from now on.
    """
    driver = connection.dialect
    added = [Sql("ADD COLUMN {}").format(Declaration(column, driver)) for column in born]
    changed = [Sql("MODIFY COLUMN {}").format(Declaration(column, driver)) for column in told]
    if _is_altered_at_once(connection, table, *added, *changed):
        return
    for change in changed:
        _is_altered_at_once(connection, table, change)
    if added and _is_empty(connection, table):
        _alter(connection, table, *added)
    elif added:
        _alter(connection, table, *added, _AT_ONCE)


def _is_altered_at_once(connection: Connection, table: Table, *changes: Part) -> bool:
    """Return False if the change would take a copy of the table: it was not made."""
    try:
        _alter(connection, table, *changes, _AT_ONCE)
    except DBAPIError as problem:
        if not takes_no_more(problem.orig):
            raise
        return False
    return True


def rename_column(connection: Connection, table: str, old: str, new: str) -> None:
    """Rename a column: a change of the table's description alone.

    :param connection: an open transaction.
    :param table: the table's name.
    :param old: the column's name until now.
    :param new: its name from now on.
    """
    statement = Sql("ALTER TABLE {} RENAME COLUMN {} TO {}")
    run(connection, statement.format(Identifier(table), Identifier(old), Identifier(new)))


def set_comment(connection: Connection, table: Table) -> None:
    """Set the comment of a table, which no server copies a table for.

    :param connection: an open transaction.
    :param table: with the comment.
    """
    comment = Sql("COMMENT = {}").format(Literal(table.comment or ""))
    _alter(connection, table, comment, Sql("ALGORITHM=INPLACE"))  # MySQL does not take INSTANT here


def takes_no_more(problem: Any) -> bool:
    """Return True if a table cannot have a change without a copy, or not at all: see ``_NOT_AT_ONCE``.

    :param problem: the driver's error.
    """
    return code_of(problem) in _NOT_AT_ONCE


def _alter(connection: Connection, table: Table, *changes: Part) -> None:
    run(connection, Sql("ALTER TABLE {} {}").format(Identifier(table.name), Sql(", ").join(changes)))


def _is_empty(connection: Connection, table: Table) -> bool:
    return connection.execute(select(literal(1)).select_from(table).limit(1)).first() is None


def stored_types(connection: Connection) -> dict[tuple[str, str], str]:
    """Return the types of all columns in the database, each with its collation.

    :param connection: an open transaction.
    """
    rows = connection.execute(_TYPES)
    return {(table, column): _spelt(kind, collation) for table, column, kind, collation in rows}


def declared_type(column: Column[Any], driver: sqlalchemy.Dialect) -> str:
    """Return the type of a column of ours as ``stored_types`` has it.

    :param column: of a table of ours.
    :param driver: SQLAlchemy's dialect of the database.
    """
    kind = column.type.dialect_impl(driver)
    name = kind.compile(driver).partition(" ")[0]
    return _spelt(name, getattr(kind, "collation", None))


def _spelt(kind: str, collation: str | None) -> str:
    """Return a type without the width that integers may or may not show."""
    name = kind.lower()
    for spelling, same in _SAME.items():
        name = name.replace(spelling, same)
    return f"{_WIDTH.sub('', name)} {collation or ''}".rstrip()


def redeclaration(table: Table, column: Column[Any], driver: sqlalchemy.Dialect) -> Part:
    """Return the statement by which a column that is there becomes as it is declared.

    :param table: a table of ours.
    :param column: as one of its columns is to be.
    :param driver: SQLAlchemy's dialect of the database.
    """
    statement = Sql("ALTER TABLE {} MODIFY COLUMN {}")
    return statement.format(Identifier(table.name), Declaration(column, driver))
