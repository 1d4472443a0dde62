"""Rows written as SQL, column by column.

A page costs a few calls of the driver's escape in that way, not one a cell. How a cell is written is decided
by the type that its column is declared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time
from itertools import repeat
from types import NoneType
from typing import Any, NamedTuple

from sqlalchemy import Column, Table

from kobo_mirror.database.cells import CellCheck
from kobo_mirror.database.sql import Sql

Escape = Callable[[str], str]

# Joins texts that are escaped together. No driver escapes it, and XML forbids it, so that no answer should
# hold it; if one does, there are more parts than texts.
_BETWEEN = "\x01"


class Rows:
    """Rows as they stand in a statement: the driver puts them there, unchanged, in place of one parameter.

    So they stay out of logs and errors, as every parameter of ours does.

    :param rows: as ``written_rows`` returns them.
    """

    __slots__ = ("_text",)

    def __init__(self, rows: Sequence[str]) -> None:
        self._text = ", ".join(rows)

    def encoded(self, _: object = None) -> str:
        """Return what stands in the statement; the signature is that of a driver's encoders."""
        return self._text


def escape_of(driver: Any) -> Escape:
    """Return the function by which a driver escapes a text between quotes.

    :param driver: a connection of PyMySQL or mysqlclient.
    """

    def escape(text: str) -> str:
        escaped: str | bytes = driver.escape_string(text)
        return escaped if isinstance(escaped, str) else escaped.decode()

    return escape


class _Literal(NamedTuple):
    """How the values of a type are written.

    :param before: what stands before each.
    :param write: makes the text of each.
    :param after: what stands behind each.
    """

    before: str
    write: Callable[[Sequence[Any], Escape], Sequence[str]]
    after: str


Written = tuple[str, Sequence[str], str]
"""A column: what stands before the cell in each row, each cell's text, what stands behind it in each row.

Where all cells are equal, their text is the first of these, and there are no others.
"""


def _texts(cells: Sequence[str], escape: Escape) -> Sequence[str]:
    texts = escape(_BETWEEN.join(cells)).split(_BETWEEN)
    return texts if len(texts) == len(cells) else [escape(cell) for cell in cells]


_LITERALS: dict[type, _Literal] = {
    str: _Literal("'", _texts, "'"),
    int: _Literal("", lambda cells, _: [*map(int.__repr__, cells)], ""),
    bool: _Literal("", lambda cells, _: [*map(int.__repr__, cells)], ""),
    bytes: _Literal("x'", lambda cells, _: [*map(bytes.hex, cells)], "'"),
    float: _Literal("", lambda cells, _: [repr(cell + 0.0) for cell in cells], ""),
    date: _Literal("'", lambda cells, _: [*map(date.isoformat, cells)], "'"),
    time: _Literal("'", lambda cells, _: [*map(time.isoformat, cells)], "'"),
    datetime: _Literal("'", lambda cells, _: [*map(datetime.isoformat, cells)], "'"),
}


class CellWriter(CellCheck):
    """Writes the cells of a column by the type that it is declared with.

    :param column: of a table.
    :raises CellTypeError: cells of its type cannot be written.
    """

    __slots__ = ("_literal",)

    def __init__(self, column: Column[Any]) -> None:
        super().__init__(column)
        self._literal = _LITERALS[self._type]

    def write(self, cells: Sequence[Any], escape: Escape) -> Written:
        """Return the cells of a column as they stand in rows.

        :param cells: None, SQL, or values of the column's type; at least one.
        :param escape: the driver's.
        :raises CellTypeError: a cell is of another type.
        """
        if cells.count(cells[0]) == len(cells):
            if isinstance(cells[0], int | float):  # True equals 1, and 1.0 does
                self.check(cells)
            return self._one(cells[0], escape), (), ""
        before, write, after = self._literal
        kinds = [*map(type, cells)]
        typed = kinds.count(self._type)
        if typed == len(cells):
            self._check_values(cells)
            return before, write(cells, escape), after
        if typed + kinds.count(NoneType) == len(cells):
            values = [cell for cell in cells if cell is not None]
            self._check_values(values)
            texts = iter(write(values, escape))
            return "", ["NULL" if cell is None else f"{before}{next(texts)}{after}" for cell in cells], ""
        values = [cell for cell in cells if cell is not None and type(cell) is not Sql]
        self.check(values)
        texts = iter(write(values, escape))
        return "", [_standing(cell) or f"{before}{next(texts)}{after}" for cell in cells], ""

    def _one(self, cell: Any, escape: Escape) -> str:
        if standing := _standing(cell):
            return standing
        if type(cell) is self._type:
            self._check_values((cell,))
        else:
            self.check((cell,))
        before, write, after = self._literal
        return f"{before}{write((cell,), escape)[0]}{after}"


def _standing(cell: Any) -> str | None:
    """Return what is written for a cell that is no value, None for a value."""
    return "NULL" if cell is None else cell.raw if type(cell) is Sql else None


def cell_writers(table: Table, columns: tuple[str, ...]) -> tuple[CellWriter, ...]:
    """Return the writers of some columns, in their order.

    :param table: has the columns.
    :param columns: their names.
    :raises CellTypeError: cells of one of their types cannot be written.
    """
    return tuple(CellWriter(table.c[name]) for name in columns)


def written_rows(rows: Sequence[tuple[Any, ...]], columns: Iterable[CellWriter], escape: Escape) -> list[str]:
    """Return each row as it stands after VALUES.

    :param rows: cells are None, SQL, or values of their column's type; at least one row.
    :param columns: the writer of each cell of a row.
    :param escape: the driver's.
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
