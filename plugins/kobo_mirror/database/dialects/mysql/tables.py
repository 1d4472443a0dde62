"""Tables of MySQL and MariaDB: what is there, and how tables grow without a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Table, text
from sqlalchemy.exc import DBAPIError

from kobo_mirror.database.dialects.base_tables import StoredTable
from kobo_mirror.database.dialects.mysql.errors import code_of
from kobo_mirror.database.sql import Declaration, Identifier, Literal, Part, Sql, run

_SECONDS = 1
_NOT_AT_ONCE = {1845, 1846, 4092, 4093}  # a change without a copy is refused, or a table has had too many
_PATIENCE = text("SELECT @@lock_wait_timeout")
_TABLES = text(
    "SELECT table_name, table_type, table_comment FROM information_schema.tables "
    "WHERE table_schema = DATABASE()"
)
_COLUMNS = text(
    "SELECT table_name, column_name, column_comment FROM information_schema.columns "
    "WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"
)
_INDEXES = text(
    "SELECT DISTINCT table_name, index_name FROM information_schema.statistics "
    "WHERE table_schema = DATABASE()"
)


@contextmanager
def quick_locks(connection: Connection) -> Iterator[None]:
    """Wait a second at most for a lock on a whole table.

    :param connection: the one that changes tables.
    :returns: a context for statements that change tables.
    """
    patience = int(connection.execute(_PATIENCE).scalar_one())
    _wait(connection, _SECONDS)
    try:
        yield
    finally:
        if not connection.invalidated:
            _wait(connection, patience)


def _wait(connection: Connection, seconds: int) -> None:
    run(connection, Sql("SET lock_wait_timeout = {}").format(Literal(seconds)))


def stored_tables(connection: Connection) -> dict[str, StoredTable]:
    """Return all tables and views in the database by their names.

    :param connection: an open transaction.
    """
    columns: dict[str, dict[str, str | None]] = {}
    for table, column, comment in connection.execute(_COLUMNS):
        columns.setdefault(table, {})[column] = comment
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
    """Add columns and set comments by one statement, without a copy of the table where that can be.

    :param connection: an open transaction.
    :param table: as it is to be.
    :param born: those of its columns that are added.
    :param told: those that get another comment.
    """
    driver = connection.dialect
    changes: list[Part] = [Sql("ADD COLUMN {}").format(Declaration(column, driver)) for column in born]
    changes += [Sql("MODIFY COLUMN {}").format(Declaration(column, driver)) for column in told]
    name = Identifier(table.name)
    try:
        at_once = Sql("ALTER TABLE {} {}, ALGORITHM=INSTANT")
        run(connection, at_once.format(name, Sql(", ").join(changes)))
    except DBAPIError as problem:
        if code_of(problem.orig) not in _NOT_AT_ONCE:
            raise
        run(connection, Sql("ALTER TABLE {} {}").format(name, Sql(", ").join(changes)))


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
    """Set the comment of a table.

    :param connection: an open transaction.
    :param table: with the comment.
    """
    statement = Sql("ALTER TABLE {} COMMENT = {}")
    run(connection, statement.format(Identifier(table.name), Literal(table.comment or "")))
