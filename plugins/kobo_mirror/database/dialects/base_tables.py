"""The interface of a dialect about tables: types, what is there, and how tables are made and grown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy
from sqlalchemy import Column, Connection, Table
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:
    from kobo_mirror.database.sql import Part


class ColumnTypes(NamedTuple):
    """The types of columns for which SQLAlchemy's general ones do not do; None where they do.

    :param ascii_text: makes the type of a text of at most so many ASCII characters, compared byte by byte.
    :param moment: a time in UTC to the microsecond, without a time zone.
    :param long_text: a text of any length.
    :param long_blob: bytes of any number.
    :param serial: the key that the database counts up.
    :param exact_text: makes the type of a text of at most so many characters, compared byte by byte.
    :param answer: a text of up to 16 MB, compared byte by byte.
    :param milliseconds: a time in UTC to the millisecond, without a time zone.
    :param time_of_day: a time of day to the millisecond.
    """

    ascii_text: Callable[[int], TypeEngine[str]] | None = None
    moment: TypeEngine[Any] | None = None
    long_text: TypeEngine[str] | None = None
    long_blob: TypeEngine[bytes] | None = None
    serial: TypeEngine[int] | None = None
    exact_text: Callable[[int], TypeEngine[str]] | None = None
    answer: TypeEngine[str] | None = None
    milliseconds: TypeEngine[Any] | None = None
    time_of_day: TypeEngine[Any] | None = None


class StoredColumn(NamedTuple):
    """A column as the database has it.

    :param comment: None where the database has none at all.
    :param nullable: False if it refuses NULL, as far as a column can be declared again.
    """

    comment: str | None = None
    nullable: bool = True


class StoredTable(NamedTuple):
    """A table or view as the database has it.

    :param columns: by their names, in their order.
    :param indexes: the names of its indexes.
    :param comment: None where the database has none at all.
    :param triggers: the names of its triggers, where ours have any.
    """

    columns: Mapping[str, StoredColumn]
    indexes: frozenset[str] = frozenset()
    comment: str | None = None
    is_view: bool = False
    triggers: frozenset[str] = frozenset()


def truth_value(cell: Any) -> Any:
    """Return True or False for the number that it is stored as; any other cell as it is.

    :param cell: as a driver returns it.
    """
    return bool(cell) if cell in (0, 1) else cell


class TableDialect(ABC):
    """What a kind of database answers about its tables."""

    @property
    @abstractmethod
    def types(self) -> ColumnTypes:
        """Its column types."""

    @property
    @abstractmethod
    def table_options(self) -> Mapping[str, str]:
        """Options of each table of ours, as SQLAlchemy's ``Table`` takes them for this dialect."""

    @abstractmethod
    def moment_default(self, *, moves: bool) -> str:
        """Return the DEFAULT of a column that holds the time at which its row was made.

        :param moves: the time of each change instead, where a DEFAULT can say that; see ``moving_trigger``.
        """

    @abstractmethod
    def moving_trigger(self, table: Table, column: str) -> Part | None:
        """Return the statement that makes a column hold the time of its row's last change.

        :param table: has a primary key of one column.
        :param column: one of its columns, with ``moment_default(moves=True)``.
        :returns: None where that DEFAULT does so by itself.
        """

    @abstractmethod
    def cell_reader(self, kind: type) -> Callable[[Any], Any] | None:
        """Return what turns a driver's cell, or None, into one that equals as JSON the cell that was written.

        What no write of ours makes becomes something that equals no cell of the type.

        :param kind: the type of the cells that are written, such as ``bool`` or ``time``.
        :returns: None where the driver's cells are that already.
        """

    @abstractmethod
    def migration_lock(self, connection: Connection) -> AbstractContextManager[None]:
        """Keep other processes from changing this database's tables until the context ends.

        :param connection: the one that changes them.
        :returns: a context in which tables may be changed.
        :raises DatabaseError: another process has been changing them for a minute.
        """

    @abstractmethod
    def comparable_type(self, connection: Connection, kind: TypeEngine[Any]) -> str:
        """Return a type as text that is equal for declared and stored columns of the same type.

        :param connection: to the database that the column is stored in.
        :param kind: a declared type, or one that SQLAlchemy's inspector found.
        """

    @abstractmethod
    def column_names(self, connection: Connection, tables: Collection[str]) -> dict[str, set[str]]:
        """Return the names of the columns of some tables, by the names of those that are there.

        :param connection: an open transaction.
        :param tables: the names of the tables: to read those of hundreds of forms takes a second.
        """

    @property
    @abstractmethod
    def ddl_commits(self) -> bool:
        """True if a statement that changes tables commits, so that a change of several is no transaction."""

    @abstractmethod
    def quick_locks(self, connection: Connection) -> AbstractContextManager[None]:
        """Let a statement give up after a second of waiting for a table that others use.

        Whatever comes after a statement that waits for a table waits for it, too.

        :param connection: the one that changes tables.
        :returns: a context for statements that change tables.
        """

    @abstractmethod
    def stored_tables(self, connection: Connection) -> dict[str, StoredTable]:
        """Return all tables and views in the database by their names; of views the columns are left out.

        :param connection: an open transaction.
        """

    @abstractmethod
    def grow_table(
        self, connection: Connection, table: Table, born: Sequence[Column[Any]], told: Sequence[Column[Any]]
    ) -> None:
        """Add columns to a table and declare others again, in one statement where that can be.

        A table with rows is never copied for it.

        :param connection: an open transaction.
        :param table: as it is to be.
        :param born: those of its columns that are added.
        :param told: those that get another comment, or may be NULL from now on; where that would take a copy,
            they stay as they are.
        :raises DBAPIError: the database refuses what is born; see ``takes_no_more``.
        """

    @abstractmethod
    def takes_no_more(self, problem: BaseException) -> bool:
        """Return True if a table cannot have further columns without a copy of it, or has no room for them.

        :param problem: the driver's error, about ``grow_table``.
        """

    @abstractmethod
    def where_users_are_seen(self, problem: BaseException) -> str | None:
        """Return where a person sees who uses a table, if a change has waited in vain for those who do.

        :param problem: the driver's error.
        :returns: None: it is another error.
        """

    @abstractmethod
    def set_comment(self, connection: Connection, table: Table) -> None:
        """Set the comment of a table.

        :param connection: an open transaction.
        :param table: with the comment.
        """

    @abstractmethod
    def rename_column(self, connection: Connection, table: str, old: str, new: str) -> None:
        """Rename a column, without a copy of its table.

        :param connection: an open transaction.
        :param table: the table's name.
        :param old: the column's name until now.
        :param new: its name from now on.
        :raises SchemaError: views of the database are broken, and it renames nothing while they are.
        """

    @abstractmethod
    def drop_moving_trigger(self, table: Table, column: str) -> Part | None:
        """Return the statement that drops what ``moving_trigger`` made, if it is there.

        :param table: as ``moving_trigger`` takes it.
        :param column: as ``moving_trigger`` takes it.
        :returns: None where there is no trigger.
        """

    @abstractmethod
    def moving_trigger_name(self, table: Table, column: str) -> str | None:
        """Return the name of what ``moving_trigger`` makes, None where there is no trigger.

        :param table: as ``moving_trigger`` takes it.
        :param column: as ``moving_trigger`` takes it.
        """

    @abstractmethod
    def stored_types(self, connection: Connection) -> Mapping[tuple[str, str], str]:
        """Return the types of all columns in the database, each with its collation.

        :param connection: an open transaction.
        :returns: (table, column) → a text that equals that of ``declared_type``.
        """

    @abstractmethod
    def declared_type(self, column: Column[Any], driver: sqlalchemy.Dialect) -> str:
        """Return the type of a column of ours as ``stored_types`` has it.

        :param column: of a table of ours.
        :param driver: SQLAlchemy's dialect of the database.
        """

    @property
    @abstractmethod
    def alters_keys(self) -> bool:
        """True if a table that is there can get a primary key and foreign keys."""

    @abstractmethod
    def redeclaration(self, table: Table, column: Column[Any], driver: sqlalchemy.Dialect) -> Part | None:
        """Return the statement by which a column that is there becomes as it is declared.

        :param table: a table of ours.
        :param column: as one of its columns is to be.
        :param driver: SQLAlchemy's dialect of the database.
        :returns: None where there is no such statement.
        """

    @abstractmethod
    def lacks_right(self, problem: BaseException) -> bool:
        """Return True if the user may not do this.

        :param problem: the driver's error.
        """
