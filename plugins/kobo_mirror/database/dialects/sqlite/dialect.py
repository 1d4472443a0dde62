"""The dialect of SQLite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import Column, Connection, Integer, Table, bindparam, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.types import TypeEngine

from kobo_mirror.database.bulk import Delete, First, Write, assignments, kept_with_table
from kobo_mirror.database.cells import CellCheck
from kobo_mirror.database.dialects import dialect_named
from kobo_mirror.database.dialects.base import ColumnTypes, Dialect
from kobo_mirror.database.dialects.base_tables import StoredColumn, StoredTable, truth_value
from kobo_mirror.database.dialects.sqlite.connecting import Connecting
from kobo_mirror.database.dialects.sqlite.refusals import MEANING
from kobo_mirror.database.dialects.sqlite.renaming import rename_column
from kobo_mirror.database.dialects.sqlite.views import SQLiteViews
from kobo_mirror.database.sql import Declaration, Identifier, Parameter, Part, Sql, names, run

_STORED_MOMENT = Sql("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))")
_TABLES = text("SELECT count(*) FROM sqlite_master")
_COLUMNS = text(
    "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type='table'"
)
_COLUMNS_OF = text(f"{_COLUMNS.text} AND m.name IN :tables").bindparams(bindparam("tables", expanding=True))
_TYPES = text(
    "SELECT m.name, p.name, p.type FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type='table'"
)

_OTHERS = text("SELECT type, name, tbl_name FROM sqlite_master WHERE type IN ('view', 'index', 'trigger')")
_MOMENT_LENGTH, _TIME_LENGTH, _DATE_LENGTH = 26, 15, 10  # characters, as SQLAlchemy spells them
_NO_FRACTION = ".000000"


def _moment(cell: Any) -> Any:
    if cell is None:
        return None
    if type(cell) is not str or len(cell) != _MOMENT_LENGTH or cell[_DATE_LENGTH] != " ":
        return f"no time: {cell!r}"
    return f"{cell[:_DATE_LENGTH]}T{cell[_DATE_LENGTH + 1 :]}".removesuffix(_NO_FRACTION)


def _time_of_day(cell: Any) -> Any:
    if cell is None:
        return None
    if type(cell) is not str or len(cell) != _TIME_LENGTH:
        return f"no time: {cell!r}"
    return cell.removesuffix(_NO_FRACTION)


_READERS: Mapping[type, Callable[[Any], Any]] = {bool: truth_value, datetime: _moment, time: _time_of_day}


class _SQLite(SQLiteViews, Dialect):
    """SQLite, with Python's own driver."""

    names = ("sqlite",)
    drivers = ("sqlite3",)
    is_file = True
    takes_first = False
    ddl_commits = False
    alters_keys = False
    parameter = "?"
    clock = "kobo_now()"
    types = ColumnTypes(serial=Integer())
    table_options: Mapping[str, str] = MappingProxyType({})

    def describe(self, connection: Connection) -> str:
        connection.execute(_TABLES)
        return f"the SQLite file {connection.engine.url.database}"

    def statement_text(self, raw: str) -> str:
        return raw

    def quoted_name(self, name: str) -> str:
        return '"{}"'.format(name.replace('"', '""'))

    def quoted_text(self, text: str) -> str:
        return "'{}'".format(text.replace("'", "''"))

    def connector(self, url: URL, *, named: str, in_greenlets: bool, several: bool) -> Connecting:
        return Connecting(url, named=named, in_greenlets=in_greenlets)

    def missing_file(self, url: URL) -> str | None:
        name = url.database or ""
        is_none = name in ("", ":memory:") or name.startswith("file:")
        return None if is_none or Path(name).exists() else name

    def begin_snapshot(self, connection: Connection) -> None:
        pass  # a transaction sees the state of its first SELECT until it ends

    def write(self, connection: Connection, writes: Sequence[Write | Delete], first: First | None) -> None:
        for statement, rows in [_ready(one, connection.dialect) for one in writes]:
            connection.exec_driver_sql(statement, rows)

    def first_statement(self, cell: Column[Any], row: Mapping[Column[Any], str | bytes | None]) -> None:
        return None

    def max_message_bytes(self, connection: Connection) -> None:
        return None

    def max_row_bytes(self, connection: Connection, of: Write) -> None:
        return None

    def row_bytes(self, connection: Connection, of: Write, row: Sequence[Any]) -> int:
        return sum(len(str(cell).encode()) for cell in row if cell is not None)

    def lacks_table_or_column(self, problem: BaseException) -> bool:
        said = str(problem)
        return said.startswith(("no such table", "no such column")) or "has no column named" in said

    def explain(self, problem: BaseException) -> str:
        said = str(problem)
        for phrase, todo in MEANING.items():
            if phrase in said:
                return f"SQLite says '{phrase}': {todo}"
        return f"look up {getattr(problem, 'sqlite_errorname', None) or type(problem).__name__}"

    def is_collision(self, problem: DBAPIError) -> bool:
        is_locked = isinstance(problem, OperationalError) and "locked" in str(problem.orig)
        return isinstance(problem, IntegrityError) or is_locked

    def took_nothing(self, problem: BaseException) -> bool:
        return False

    def moment_default(self, *, moves: bool) -> str:
        return _STORED_MOMENT.raw

    def moving_trigger(self, table: Table, column: str) -> Part:
        # As on MySQL, the moment moves only where another value changes.
        (key,) = table.primary_key
        cells = [Identifier(other.name) for other in table.columns if other.name != column]
        is_changed = Sql("NEW.{column} IS NOT OLD.{column}")
        return Sql(
            "CREATE TRIGGER IF NOT EXISTS {trigger} AFTER UPDATE ON {table} FOR EACH ROW "
            "WHEN NEW.{moment} = OLD.{moment} AND ({changed}) "
            "BEGIN UPDATE {table} SET {moment} = {now} WHERE {key} = NEW.{key}; END"
        ).format(
            trigger=_trigger_of(table, column),
            table=Identifier(table.name),
            moment=Identifier(column),
            key=Identifier(key.name),
            changed=Sql(" OR ").join(is_changed.format(column=cell) for cell in cells),
            now=_STORED_MOMENT,
        )

    def cell_reader(self, kind: type) -> Callable[[Any], Any] | None:
        return _READERS.get(kind)

    def migration_lock(self, connection: Connection) -> AbstractContextManager[None]:
        return nullcontext()  # its transaction lets no other writer in

    def comparable_type(self, connection: Connection, kind: TypeEngine[Any]) -> str:
        return ""  # any column takes any value, so types say nothing

    def column_names(self, connection: Connection, tables: Collection[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for table, column in connection.execute(_COLUMNS_OF, {"tables": sorted(tables)}):
            found.setdefault(table, set()).add(column)
        return found

    def quick_locks(self, connection: Connection) -> AbstractContextManager[None]:
        return nullcontext()

    def stored_tables(self, connection: Connection) -> dict[str, StoredTable]:
        columns: dict[str, dict[str, StoredColumn]] = {}
        for table, column in connection.execute(_COLUMNS):
            columns.setdefault(table, {})[column] = StoredColumn()
        found = {name: StoredTable(there) for name, there in columns.items()}
        for kind, name, table in connection.execute(_OTHERS):
            if kind == "view":
                found[name] = StoredTable({}, is_view=True)
            elif kind == "trigger" and table in found:
                found[table] = found[table]._replace(triggers=found[table].triggers | {name})
            elif table in found:
                found[table] = found[table]._replace(indexes=found[table].indexes | {name})
        return found

    def grow_table(
        self, connection: Connection, table: Table, born: Sequence[Column[Any]], told: Sequence[Column[Any]]
    ) -> None:
        for column in born:
            statement = Sql("ALTER TABLE {} ADD COLUMN {}")
            declared = Declaration(column, connection.dialect)
            run(connection, statement.format(Identifier(table.name), declared))

    def set_comment(self, connection: Connection, table: Table) -> None:
        pass  # it has no comments

    def rename_column(self, connection: Connection, table: str, old: str, new: str) -> None:
        rename_column(connection, table, old, new)

    def takes_no_more(self, problem: BaseException) -> bool:
        return False  # a column is added at once, to a table of any size

    def where_users_are_seen(self, problem: BaseException) -> None:
        return None  # who changes tables has the whole file to itself by then

    def drop_moving_trigger(self, table: Table, column: str) -> Part:
        return Sql("DROP TRIGGER IF EXISTS {}").format(_trigger_of(table, column))

    def moving_trigger_name(self, table: Table, column: str) -> str:
        return _trigger_of(table, column).name

    def stored_types(self, connection: Connection) -> Mapping[tuple[str, str], str]:
        return {(table, column): kind for table, column, kind in connection.execute(_TYPES)}

    def declared_type(self, column: Column[Any], driver: sqlalchemy.Dialect) -> str:
        return column.type.compile(driver)

    def redeclaration(self, table: Table, column: Column[Any], driver: sqlalchemy.Dialect) -> None:
        return None  # a column is declared once

    def lacks_right(self, problem: BaseException) -> bool:
        return False


def _trigger_of(table: Table, column: str) -> Identifier:
    return Identifier(f"{table.name}_{column}")


class _Template(NamedTuple):
    """The statement of a write for one row's cells, and what each column's cells go through."""

    text: str
    columns: tuple[CellCheck, ...]
    processors: tuple[Callable[[Any], Any] | None, ...]


def _ready(one: Write | Delete, dialect: sqlalchemy.Dialect) -> tuple[str, list[tuple[Any, ...]]]:
    """Return the statement for one row, and each row as the driver takes it."""
    if isinstance(one, Delete):
        return _deletion(one._replace(rows=())), [(*dict(one.of).values(), row) for row in one.rows]
    template = _template(one._replace(rows=()), dialect)
    return template.text, _bound(one.rows, template)


@kept_with_table
def _deletion(of: Delete) -> str:
    equal = Sql("{} = {}")
    found = [equal.format(Identifier(name), Parameter()) for name in (*dict(of.of), of.column)]
    statement = Sql("DELETE FROM {} WHERE {}")
    composed = statement.format(Identifier(of.table.name), Sql(" AND ").join(found))
    return composed.text(dialect_named("sqlite"))


@kept_with_table
def _template(of: Write, dialect: sqlalchemy.Dialect) -> _Template:
    """Return the statement of a write whose rows are left out; kept, since to make it takes 0.2 ms."""
    kinds = [of.table.c[name].type.dialect_impl(dialect) for name in of.columns]
    return _Template(
        _statement(of).text(dialect_named("sqlite")),
        tuple(CellCheck(of.table.c[name]) for name in of.columns),
        tuple(kind.bind_processor(dialect) for kind in kinds),
    )


def _statement(of: Write) -> Part:
    # The row that is there has a name of its own: a table may be called "excluded".
    insert = Sql("INSERT INTO {table} AS stored ({columns}) VALUES ({cells})").format(
        table=Identifier(of.table.name),
        columns=names(of.columns),
        cells=Sql(", ").join([Parameter()] * len(of.columns)),
    )
    if not of.key:
        return insert
    return Sql("{insert} ON CONFLICT ({key}) DO UPDATE SET {moved}").format(
        insert=insert, key=names(of.key), moved=assignments(of, Sql("stored"), Sql("excluded.{}"))
    )


def _bound(rows: Sequence[tuple[Any, ...]], template: _Template) -> list[tuple[Any, ...]]:
    """Return rows as the driver takes them.

    :raises CellTypeError: a cell is not of its column's type.
    """
    bound: list[Sequence[Any]] = []
    for column, processor, cells in zip(
        template.columns, template.processors, zip(*rows, strict=True), strict=True
    ):
        column.check(cells)
        bound.append([processor(cell) for cell in cells] if processor else cells)
    return list(zip(*bound, strict=True))


DIALECT = _SQLite()
