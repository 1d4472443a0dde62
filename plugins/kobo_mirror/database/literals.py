"""Rows written as SQL, column by column: a page costs a few calls of the driver's escape, not one a cell.

How a cell is written is decided by the type that its column is declared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from itertools import repeat
from operator import attrgetter
from types import NoneType
from typing import Any, NamedTuple

from sqlalchemy import Column, Table

from kobo_mirror.database.sql import Sql
from kobo_mirror.errors import KoboMirrorError

Escape = Callable[[str], str]

# Stands between texts that are escaped together. No escape touches it, and XML forbids it, so that no answer
# should hold it; one that does shows in the number of parts.
_BETWEEN = "\x01"


class CellTypeError(KoboMirrorError):
    """A cell is of another type than its column: what made the row does not know the declaration."""


class Rows:
    """Rows as they stand in a statement: the driver puts them there, unchanged, in place of one parameter.

    So they stay out of logs and errors, as every parameter of ours does.
    """

    __slots__ = ("_text",)

    def __init__(self, rows: Sequence[str]) -> None:
        self._text = ", ".join(rows)

    def encoded(self, _: object = None) -> str:
        """What stands in the statement; called as drivers call an encoder."""
        return self._text


def escape_of(driver: Any) -> Escape:
    """How a connection of PyMySQL or mysqlclient escapes what stands between quotes."""

    def escape(text: str) -> str:
        escaped: str | bytes = driver.escape_string(text)
        return escaped if isinstance(escaped, str) else escaped.decode()

    return escape


class _Literal(NamedTuple):
    """How the values of a type are written: each as ``write`` gives it, between ``before`` and ``after``."""

    before: str
    write: Callable[[Sequence[Any], Escape], Sequence[str]]
    after: str


Written = tuple[str, Sequence[str], str]
"""A column: what stands before the cells in all rows, each cell's own text, and what stands behind them all.

Cells that are all the same are the first of these, and have no texts of their own.
"""


def _texts(cells: Sequence[str], escape: Escape) -> Sequence[str]:
    texts = escape(_BETWEEN.join(cells)).split(_BETWEEN)
    return texts if len(texts) == len(cells) else [escape(cell) for cell in cells]


_LITERALS: dict[type, _Literal] = {
    str: _Literal("'", _texts, "'"),
    int: _Literal("", lambda cells, _: [*map(int.__repr__, cells)], ""),
    bool: _Literal("", lambda cells, _: [*map(int.__repr__, cells)], ""),
    bytes: _Literal("x'", lambda cells, _: [*map(bytes.hex, cells)], "'"),
    date: _Literal("'", lambda cells, _: [*map(date.isoformat, cells)], "'"),
    datetime: _Literal("'", lambda cells, _: [*map(datetime.isoformat, cells)], "'"),
}
_zone_of = attrgetter("tzinfo")


class CellWriter:
    """Writes the cells of a column by the type that it is declared with.

    :raises CellTypeError: cells of that type cannot be written.
    """

    __slots__ = ("_column", "_literal", "_type")

    def __init__(self, column: Column[Any]) -> None:
        self._column = column
        self._type = _python_type(column)
        if self._type not in _LITERALS:
            raise CellTypeError(
                f"No row can be written for {self._name}: its type {type(column.type).__name__} has no "
                "literals yet, see literals.py."
            )
        self._literal = _LITERALS[self._type]

    @property
    def _name(self) -> str:
        return f"{self._column.table.name}.{self._column.name}"

    def check(self, cells: Sequence[Any]) -> None:
        """Refuse cells that are neither None nor of the column's type.

        An enumeration is what it is made from. A time has no time zone: the database would drop it.

        :raises CellTypeError: one of them is of another type.
        """
        for kind in {*map(type, cells)} - {NoneType}:
            if _base_of(kind) is not self._type:
                raise self._unfit(kind.__name__)
        self._check_zones([cell for cell in cells if cell is not None])

    def _check_zones(self, cells: Sequence[Any]) -> None:
        if self._type is datetime and any(map(_zone_of, cells)):
            raise self._unfit("datetime with a time zone")

    def _unfit(self, kind: str) -> CellTypeError:
        return CellTypeError(
            f"A row holds a cell of the type {kind} for {self._name}, a column of the type "
            f"{self._type.__name__}: this is a fault of Kobo Mirror, please report it."
        )

    def write(self, cells: Sequence[Any], escape: Escape) -> Written:
        """Write cells as they stand in rows.

        :raises CellTypeError: a cell is neither None, nor SQL, nor of the column's type.
        """
        if cells.count(cells[0]) == len(cells):
            if isinstance(cells[0], int):  # True equals 1
                self.check(cells)
            return self._one(cells[0], escape), (), ""
        before, write, after = self._literal
        kinds = [*map(type, cells)]
        if kinds.count(self._type) == len(cells):
            self._check_zones(cells)
            return before, write(cells, escape), after
        values = [cell for cell in cells if cell is not None and type(cell) is not Sql]
        self.check(values)
        texts = iter([f"{before}{text}{after}" for text in write(values, escape)])
        if Sql not in kinds:
            return "", ["NULL" if cell is None else next(texts) for cell in cells], ""
        return "", [_standing(cell) or next(texts) for cell in cells], ""

    def _one(self, cell: Any, escape: Escape) -> str:
        if standing := _standing(cell):
            return standing
        if type(cell) is not self._type or self._type is datetime:
            self.check((cell,))
        before, write, after = self._literal
        return f"{before}{write((cell,), escape)[0]}{after}"


def _standing(cell: Any) -> str | None:
    """What stands for a cell that is no value."""
    return "NULL" if cell is None else cell.raw if type(cell) is Sql else None


def _python_type(column: Column[Any]) -> type:
    try:
        return column.type.python_type
    except NotImplementedError:  # as of a type that SQLAlchemy does not know
        return NoneType


def _base_of(kind: type) -> type | None:
    """The nearest type that has a way to be written: not int for bool, nor date for datetime."""
    return next((base for base in kind.__mro__ if base in _LITERALS), None)


def cell_writers(table: Table, columns: tuple[str, ...]) -> tuple[CellWriter, ...]:
    """The writers of a table's columns, in the order in which these are named.

    :raises CellTypeError: cells of one of their types cannot be written.
    """
    return tuple(CellWriter(table.c[name]) for name in columns)


def written_rows(rows: Sequence[tuple[Any, ...]], columns: Iterable[CellWriter], escape: Escape) -> list[str]:
    """Each row as it stands after VALUES.

    Cells are None, values of their column's type, SQL.

    :raises CellTypeError: a cell is of another type.
    """
    count = len(rows)
    pieces: list[Iterable[str]] = []
    between = "("
    for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
        before, texts, after = column.write(cells, escape)
        between += before
        if texts:
            pieces += (repeat(between, count), texts)
            between = after
        between += ", "
    pieces.append(repeat(f"{between.removesuffix(', ')})", count))
    return [*map("".join, zip(*pieces, strict=True))]
