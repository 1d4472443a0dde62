"""Bulk writes: many rows for a table as data, and the one function that has them written.

Dialects write them: an ``executemany`` of an upsert is sent row by row on MySQL, and SQLAlchemy's
``values(list)`` renders a new statement for each page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import wraps
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

from sqlalchemy import Connection, Table

from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.sql import Clock, Composed, Identifier, Part, Sql

_KEPT_STATEMENTS = 512  # of a table at most; one that forms share has some for each form
THE_MOMENT = Sql("@moment")
"""In place of a cell: the database's clock, as a ``First`` has read it."""
THE_CELL = Sql("@cell")
"""In place of a cell: the one that a ``First`` has read, see ``Dialect.first_statement``."""
_Made = TypeVar("_Made")
_Further = TypeVarTuple("_Further")
_THE_DAY = Sql("DATE(@moment)")

Moment = datetime | Sql
"""A time that is known (UTC, without a time zone), or ``THE_MOMENT``."""


def day_of(moment: Moment) -> date | Sql:
    """Return the day (UTC) of a moment.

    :param moment: a time that is known, or ``THE_MOMENT``.
    """
    return moment.date() if isinstance(moment, datetime) else _THE_DAY


class Write(NamedTuple):
    """Rows for a table: a plain INSERT, for which a row that exists is an ``IntegrityError``.

    :param table: the table; its columns' types decide how cells are written.
    :param columns: names of the columns, in the order of the cells.
    :param rows: a tuple of cells each.
    :param key: names of a unique key's columns; where a row with this key exists it is updated instead, every
        column but those of ``key`` and ``keep``.
    :param keep: names of columns that an update leaves as they are.
    :param add: names of columns whose number an update adds to the one that is there.
    :param touch: names of other columns, which an update sets to the database's clock.
    :param spare: a column that is left empty in a row which is too large for any message.
    :param note: the column that says so, after what it says anyway.
    """

    table: Table
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    key: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    touch: tuple[str, ...] = ()
    spare: str = ""
    note: str = ""


class Delete(NamedTuple):
    """Rows of a table to delete: each is found by the primary key, and no other row is locked.

    :param table: the table.
    :param column: the column of its primary key that ``rows`` are of.
    :param rows: numbers.
    :param of: the columns before that one in the key, each with the one value that it has.
    """

    table: Table
    column: str
    rows: Sequence[int]
    of: tuple[tuple[str, str], ...] = ()


class First(NamedTuple):
    """A statement at the start of the first message of a :func:`write`.

    :param statement: sets ``THE_MOMENT``, and what else cells stand for.
    :param parameters: one for each ``Parameter`` in it, in their order.
    """

    statement: Part
    parameters: tuple[Any, ...] = ()


def write(connection: Connection, *writes: Write | Delete, first: First | None = None) -> None:
    """Write and delete rows of several tables, in the order given and in as few messages as can be.

    After an error what follows is not written; what came before is for the caller to roll back.

    :param connection: an open transaction.
    :param writes: those without rows are left out.
    :param first: sets what cells such as ``THE_MOMENT`` stand for, where the dialect ``takes_first``.
    :raises CellTypeError: a cell is not of its column's type; nothing was written.
    """
    dialect_of(connection).write(connection, [one for one in writes if one.rows], first)


def kept_with_table(make: Callable[[Any, *_Further], _Made]) -> Callable[[Any, *_Further], _Made]:
    """Return a function that keeps what is made of a write or a delete with its table.

    Both are let go together: a process that works on hundreds of forms keeps the tables of some.

    :param make: is given a write or a delete without rows, and what else it depends on.
    :returns: it makes nothing twice.
    """

    @wraps(make)
    def kept(of: Any, *further: *_Further) -> _Made:
        made: dict[Any, _Made] = of.table.info.setdefault(kept, {})
        key = (of, *further)
        try:
            return made[key]
        except KeyError:
            if len(made) >= _KEPT_STATEMENTS:
                made.clear()
            return made.setdefault(key, make(of, *further))

    return kept


def assignments(of: Write, stored: Part, incoming: Sql) -> Composed:
    """Return the assignments of an upsert to a row that exists.

    :param of: a write with a key.
    :param stored: what the statement calls the row that is there.
    :param incoming: how it calls a cell of the row that was to be inserted, with ``{}`` for the column.
    """
    columns = [Identifier(name) for name in of.columns if name not in (*of.key, *of.keep, *of.add)]
    moved = [Sql("{} = {}").format(column, incoming.format(column)) for column in columns]
    moved += [
        Sql("{} = {}.{} + {}").format(column, stored, column, incoming.format(column))
        for column in map(Identifier, of.add)
    ]
    moved += [Sql("{} = {}").format(column, Clock()) for column in map(Identifier, of.touch)]
    return Sql(", ").join(moved)


def noted(reason: str | None, what: str, size: int, packet: int, most: int) -> str:
    """Return a reason that also says what was left out.

    :param reason: what there is to say anyway, if anything.
    :param what: such as ``payload``.
    :param size: bytes that were to be sent.
    :param packet: bytes that the server takes.
    :param most: characters of the sentence; of the reason as much as there is room for.
    """
    note = f"its {what} is not kept: {size} bytes are too many for the server's max_allowed_packet ({packet})"
    return f"{reason[: most - len(note) - 2]}; {note}" if reason else note
