"""DDL: tables made and grown by looking at what is there, so that a later process finishes what one began.

Where statements about tables commit by themselves (``Dialect.ddl_commits``), what is written between them is
committed step by step, under the migration lock; elsewhere all of it is one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Column, Connection, Engine, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable, ExecutableDDLElement
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from kobo_mirror.database.column_types import MomentDefault
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.dialects.base import Dialect
from kobo_mirror.database.dialects.base_tables import StoredTable
from kobo_mirror.database.errors import database_errors, is_collision
from kobo_mirror.database.sql import Identifier, Part, Sql, run
from kobo_mirror.errors import FullTableError, TablesRefusedError

T = TypeVar("T")
_PAUSE = wait_random(0.2, 1.0)  # seconds, in which those who wait behind a change get through


class Born(NamedTuple):
    """What a change has added to the database.

    :param table: the name of a table.
    :param columns: the names of its new columns, all of them if the table is new.
    :param is_new: the table was made.
    """

    table: str
    columns: tuple[str, ...]
    is_new: bool


@contextmanager
def changing_tables(engine: Engine) -> Iterator[TableChanges]:
    """Keep other processes from changing tables, and yield what changes them.

    :param engine: made by ``open_engine``.
    :returns: a context; where statements about tables do not commit, an error undoes all of it.
    :raises DatabaseError: another process has been changing them for a minute, or the database cannot take
        it.
    """
    dialect = dialect_of(engine)
    patience = engine.get_execution_options().get("patience", 20.0)
    with (
        database_errors(),
        engine.connect() as connection,
        dialect.migration_lock(connection),
        dialect.quick_locks(connection),
    ):
        try:
            if dialect.ddl_commits:
                connection.commit()  # the lock's own transaction; the lock stays
            yield TableChanges(connection, patience)
            connection.commit()
        except BaseException:
            connection.rollback()  # else the lock could not be given back
            raise


class TableChanges:
    """Changes of tables by one process at a time.

    :param connection: holds the migration lock.
    :param patience: seconds that a lock or a collision may take.
    """

    def __init__(self, connection: Connection, patience: float) -> None:
        self._connection = connection
        self._dialect: Dialect = dialect_of(connection)
        self._retrying = _collisions_tried_again(patience)

    def step(self, work: Callable[[Connection], T]) -> T:
        """Run work in a transaction of its own where statements about tables commit, again if it collides.

        :param work: what to do in the transaction; may be called several times.
        :returns: what the last call of ``work`` returned.
        """
        if not self._dialect.ddl_commits:
            return work(self._connection)
        result: T = self._retrying(self._committed, work)
        return result

    def _committed(self, work: Callable[[Connection], T]) -> T:
        with self._connection.begin():
            return work(self._connection)

    def make(self, table: Table, stored: StoredTable | None) -> Born | None:
        """Make a table as it is declared, or add what it lacks: columns, indexes, comments, its trigger.

        :param table: as it is to be.
        :param stored: as it is; None: it is not there.
        :returns: what was added, or None.
        :raises FullTableError: it holds rows, and takes no further columns without a copy.
        :raises TablesRefusedError: the database refuses it, or it was in use for as long as our patience.
        """
        if stored is None:
            rights = ("CREATE", "REFERENCES") if table.foreign_key_constraints else ("CREATE",)
            self._change(table.name, rights, partial(_execute, statement=CreateTable(table)))
            born = tuple(column.name for column in table.columns)
        else:
            born = self._grow(table, stored)
        self._index(table, stored)
        self._follow(table, is_grown=bool(born))
        return Born(table.name, born, stored is None) if born else None

    def drop(self, table: Table) -> None:
        """Drop a table, if it is there.

        :param table: no other table refers to it.
        :raises TablesRefusedError: the database refuses it.
        """
        self._change(table.name, ("DROP",), partial(_execute, statement=DropTable(table, if_exists=True)))

    def _grow(self, table: Table, stored: StoredTable) -> tuple[str, ...]:
        born = [column for column in table.columns if column.name not in stored.columns]
        told = [column for column in table.columns if _is_told_otherwise(column, stored)]
        if born or told:
            grow = partial(self._dialect.grow_table, table=table, born=born, told=told)
            self._change(table.name, ("ALTER",), grow)
        if stored.comment is not None and stored.comment != (table.comment or ""):
            self._change(table.name, ("ALTER",), partial(self._dialect.set_comment, table=table))
        return tuple(column.name for column in born)

    def _index(self, table: Table, stored: StoredTable | None) -> None:
        for index in table.indexes:
            if stored is None or index.name not in stored.indexes:
                self._change(table.name, ("INDEX",), partial(_execute, statement=CreateIndex(index)))

    def _follow(self, table: Table, *, is_grown: bool) -> None:
        """Have columns hold the time of their row's last change, of all columns that are there now."""
        for column in moving_columns(table):
            drop = self._dialect.drop_moving_trigger(table, column.name) if is_grown else None
            for statement in filter(None, (drop, self._dialect.moving_trigger(table, column.name))):
                self._change(table.name, ("TRIGGER",), partial(run, statement=statement))

    def make_view(self, name: str, select: Callable[[Dialect], Part], *, replaces: bool) -> None:
        """Make a view, or make it anew, and see that it can be read.

        :param name: of the view; none that is another's.
        :param select: makes what it shows.
        :param replaces: whether it takes the place of one of ours; else that is refused.
        :raises TablesRefusedError: the database refuses it, or it was in use for as long as our patience.
        """
        making = self._dialect.making_view(Identifier(name), select(self._dialect), replaces=replaces)
        for statement in making:
            self._change(name, ("CREATE VIEW", "DROP"), partial(run, statement=statement), "view")
        try:
            self._change(name, ("SELECT",), partial(_read_nothing, view=name), "view")
        except TablesRefusedError:
            self.drop_view(name)
            raise

    def drop_view(self, name: str) -> None:
        """Drop a view, if it is there.

        :param name: of a view of ours.
        :raises TablesRefusedError: the database refuses it.
        """
        statement = Sql("DROP VIEW IF EXISTS {}").format(Identifier(name))
        self._change(name, ("DROP",), partial(run, statement=statement), "view")

    def _change(
        self, name: str, rights: tuple[str, ...], work: Callable[[Connection], object], noun: str = "table"
    ) -> None:
        try:
            self.step(work)
        except DBAPIError as problem:
            if problem.connection_invalidated:
                raise
            raise self._refused(f"{noun} {name}", rights, problem.orig) from None

    def _refused(self, what: str, rights: tuple[str, ...], raised: Any) -> TablesRefusedError:
        refused = f"The {what} could not be made or changed: "
        if seen := self._dialect.where_users_are_seen(raised):
            return TablesRefusedError(
                f"{refused}it, or a table that a foreign key binds to it, is in use by a transaction that "
                f"stays open. Commit or end that one ({seen}), or let the next sync try again."
            )
        if self._dialect.takes_no_more(raised) and "ALTER" in rights:
            sentence = f"{refused}{self._dialect.explain(raised)}."
            return FullTableError(sentence, table=what.removeprefix("table "))
        grant = ""
        if self._dialect.lacks_right(raised):
            database = self._dialect.quoted_name(self._connection.engine.url.database or "")
            grant = f" (GRANT {', '.join(rights)} ON {database}.* TO its user)"
        return TablesRefusedError(f"{refused}{self._dialect.explain(raised)}{grant}.")


def change_in_turn(connection: Connection, work: Callable[[Connection], None]) -> None:
    """Do what changes tables; a lock on one is waited for a second at a time, as what comes later waits, too.

    :param connection: an open transaction that holds the migration lock.
    :param work: what changes tables; it is done again from its beginning after a lock that others kept.
    :raises DBAPIError: what the database refuses, or a lock that was kept for as long as our patience.
    """
    patience = connection.engine.get_execution_options().get("patience", 20.0)
    with dialect_of(connection).quick_locks(connection):
        _collisions_tried_again(patience)(work, connection)


def _collisions_tried_again(patience: float) -> Retrying:
    return Retrying(
        retry=retry_if_exception(is_collision), wait=_PAUSE, stop=stop_after_delay(patience), reraise=True
    )


def _execute(connection: Connection, statement: ExecutableDDLElement) -> None:
    connection.execute(statement)


def _read_nothing(connection: Connection, view: str) -> None:
    run(connection, Sql("SELECT * FROM {} LIMIT 0").format(Identifier(view))).close()


def moving_columns(table: Table) -> list[Column[Any]]:
    """Return the columns that hold the time of their row's last change.

    :param table: as it is declared.
    """
    return [column for column in table.columns if _moves(column)]


def lacks_trigger(connection: Connection, table: Table, stored: StoredTable) -> bool:
    """Return True if a table lacks the trigger by which a column holds the time of a row's last change.

    :param connection: to its database.
    :param table: as it was made.
    :param stored: as it is.
    """
    dialect = dialect_of(connection)
    wanted = (dialect.moving_trigger_name(table, column.name) for column in moving_columns(table))
    return any(name is not None and name not in stored.triggers for name in wanted)


def lacks_index(table: Table, stored: StoredTable) -> bool:
    """Return True if a table lacks an index.

    :param table: as it was made.
    :param stored: as it is.
    """
    return any(index.name not in stored.indexes for index in table.indexes)


def _moves(column: Column[Any]) -> bool:
    default = getattr(column.server_default, "arg", None)
    return isinstance(default, MomentDefault) and default.moves


def _is_told_otherwise(column: Column[Any], stored: StoredTable) -> bool:
    """Return True if a column that is there has another comment, or must not be NULL though it may."""
    there = stored.columns.get(column.name)
    if there is None:
        return False
    is_commented = there.comment is None or there.comment == (column.comment or "")
    return not is_commented or (bool(column.nullable) and not there.nullable)
