"""The dialect of MySQL and MariaDB. Where the two differ, a connection tells which of them it leads to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Any

import sqlalchemy
from sqlalchemy import Column, Connection, Table, bindparam, func, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from kobo_mirror.database.bulk import Delete, First, Write
from kobo_mirror.database.dialects.base import ColumnTypes, Dialect
from kobo_mirror.database.dialects.base_tables import StoredTable, truth_value
from kobo_mirror.database.dialects.mysql import errors, messages, tables
from kobo_mirror.database.dialects.mysql.connecting import Connecting
from kobo_mirror.database.dialects.mysql.refusals import COLLISIONS, LACKS_RIGHT, LOCK_WAIT, READ_ONLY
from kobo_mirror.database.dialects.mysql.views import MySQLViews
from kobo_mirror.database.sql import Part
from kobo_mirror.errors import DatabaseError

_MIGRATION_SECONDS = 60
_MOMENT = "CURRENT_TIMESTAMP(6)"
_MIDNIGHT = datetime(2000, 1, 1)  # noqa: DTZ001  # of any day
_EXACT: Mapping[str, str] = {"charset": "utf8mb4", "collation": "utf8mb4_bin"}
_VERSION = text("SELECT VERSION()")
_SNAPSHOT = (
    text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"),  # of the next transaction alone
    text("START TRANSACTION WITH CONSISTENT SNAPSHOT"),
)
_COLUMNS_OF = text(
    "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name IN :tables"
).bindparams(bindparam("tables", expanding=True))


def _ascii_text(length: int) -> TypeEngine[str]:
    return mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")


def _exact_text(length: int) -> TypeEngine[str]:
    return mysql.VARCHAR(length, **_EXACT)


def _time_of_day(cell: Any) -> Any:
    """Read a TIME, which may be anything from -838 to 838 hours."""
    if not isinstance(cell, timedelta):
        return cell
    return str(cell) if cell.days else (_MIDNIGHT + cell).time()


_READERS: Mapping[type, Callable[[Any], Any]] = {bool: truth_value, time: _time_of_day}


class _MySQL(MySQLViews, Dialect):
    """MySQL and MariaDB, with PyMySQL or mysqlclient."""

    names = ("mysql", "mariadb")
    drivers = ("pymysql", "MySQLdb")
    is_file = False
    takes_first = True
    ddl_commits = True
    alters_keys = True
    parameter = "%s"
    clock = "UTC_TIMESTAMP(6)"
    types = ColumnTypes(
        ascii_text=_ascii_text,
        moment=mysql.DATETIME(fsp=6),
        long_text=mysql.LONGTEXT(),
        long_blob=mysql.LONGBLOB(),
        exact_text=_exact_text,
        answer=mysql.MEDIUMTEXT(**_EXACT),
        milliseconds=mysql.DATETIME(fsp=3),
        time_of_day=mysql.TIME(fsp=3),
    )
    table_options = MappingProxyType(
        {
            "mysql_charset": "utf8mb4",
            "mariadb_charset": "utf8mb4",
            "mysql_engine": "InnoDB",
            "mariadb_engine": "InnoDB",
        }
    )

    def describe(self, connection: Connection) -> str:
        number, _, rest = str(connection.execute(_VERSION).scalar_one()).partition("-")
        kind = "MariaDB" if "mariadb" in rest.lower() else "MySQL"
        return f"{kind} {number}, database {connection.engine.url.database}"

    def statement_text(self, raw: str) -> str:
        return raw.replace("%", "%%")  # both drivers format statements with %

    def quoted_name(self, name: str) -> str:
        return self.statement_text(f"`{name.replace('`', '``')}`")

    def quoted_text(self, text: str) -> str:
        # Our sessions have no NO_BACKSLASH_ESCAPES in their sql_mode.
        quoted = text.replace("'", "''").replace("\\", "\\\\")
        return self.statement_text(f"'{quoted}'")

    def connector(self, url: URL, *, named: str, in_greenlets: bool, several: bool) -> Connecting:
        return Connecting(url, named=named, in_greenlets=in_greenlets, several=several)

    def missing_file(self, url: URL) -> str | None:
        return None

    def begin_snapshot(self, connection: Connection) -> None:
        # Not READ ONLY: a proxy may lead that to a replica, which is behind.
        for statement in _SNAPSHOT:
            connection.execute(statement)

    def write(self, connection: Connection, writes: Sequence[Write | Delete], first: First | None) -> None:
        messages.write_messages(connection, writes, first)

    def first_statement(self, cell: Column[Any], row: Mapping[Column[Any], str | bytes | None]) -> First:
        return messages.first_statement(cell, row)

    def max_message_bytes(self, connection: Connection) -> int:
        return messages.packet_of(connection)

    def max_row_bytes(self, connection: Connection, of: Write) -> int:
        return messages.room_of(connection, of)

    def row_bytes(self, connection: Connection, of: Write, row: Sequence[Any]) -> int:
        return messages.size_of(connection, of, row)

    def lacks_table_or_column(self, problem: BaseException) -> bool:
        return errors.lacks_table_or_column(problem)

    def explain(self, problem: BaseException) -> str:
        return errors.explain(problem)

    def is_collision(self, problem: DBAPIError) -> bool:
        return errors.code_of(problem.orig) in COLLISIONS

    def took_nothing(self, problem: BaseException) -> bool:
        return errors.code_of(problem) in READ_ONLY

    def moment_default(self, *, moves: bool) -> str:
        return f"{_MOMENT} ON UPDATE {_MOMENT}" if moves else _MOMENT

    def moving_trigger(self, table: Table, column: str) -> None:
        return None

    def cell_reader(self, kind: type) -> Callable[[Any], Any] | None:
        return _READERS.get(kind)

    @contextmanager
    def migration_lock(self, connection: Connection) -> Iterator[None]:
        name = f"kobo_mirror {connection.engine.url.database}"[:64]
        if connection.execute(select(func.get_lock(name, _MIGRATION_SECONDS))).scalar_one() != 1:
            raise DatabaseError(
                "Another process has been changing the database's tables for a minute: try again."
            )
        try:
            yield
        finally:
            if not connection.invalidated:  # a lock ends with its session
                connection.execute(select(func.release_lock(name)))

    def comparable_type(self, connection: Connection, kind: TypeEngine[Any]) -> str:
        # Integers may or may not show a width, texts a collation; only a text's length matters.
        name = kind.compile(connection.dialect).partition(" ")[0].upper()
        return name if name.startswith(("VARCHAR", "BINARY")) else name.partition("(")[0]

    def column_names(self, connection: Connection, tables: Collection[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for table, column in connection.execute(_COLUMNS_OF, {"tables": sorted(tables)}):
            found.setdefault(table, set()).add(column)
        return found

    def quick_locks(self, connection: Connection) -> AbstractContextManager[None]:
        return tables.quick_locks(connection)

    def stored_tables(self, connection: Connection) -> dict[str, StoredTable]:
        return tables.stored_tables(connection)

    def grow_table(
        self, connection: Connection, table: Table, born: Sequence[Column[Any]], told: Sequence[Column[Any]]
    ) -> None:
        tables.grow_table(connection, table, born, told)

    def set_comment(self, connection: Connection, table: Table) -> None:
        tables.set_comment(connection, table)

    def rename_column(self, connection: Connection, table: str, old: str, new: str) -> None:
        tables.rename_column(connection, table, old, new)

    def takes_no_more(self, problem: BaseException) -> bool:
        return tables.takes_no_more(problem)

    def where_users_are_seen(self, problem: BaseException) -> str | None:
        is_wait = errors.code_of(problem) == LOCK_WAIT
        return "SHOW PROCESSLIST shows it, often as a connection that sleeps" if is_wait else None

    def drop_moving_trigger(self, table: Table, column: str) -> None:
        return None

    def moving_trigger_name(self, table: Table, column: str) -> None:
        return None

    def stored_types(self, connection: Connection) -> Mapping[tuple[str, str], str]:
        return tables.stored_types(connection)

    def declared_type(self, column: Column[Any], driver: sqlalchemy.Dialect) -> str:
        return tables.declared_type(column, driver)

    def redeclaration(self, table: Table, column: Column[Any], driver: sqlalchemy.Dialect) -> Part:
        return tables.redeclaration(table, column, driver)

    def lacks_right(self, problem: BaseException) -> bool:
        return errors.code_of(problem) in LACKS_RIGHT


DIALECT = _MySQL()
