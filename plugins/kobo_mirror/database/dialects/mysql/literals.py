"""Rows written as SQL, column by column.

The texts of a column are escaped and quoted together, by a few calls a column and not by one a cell, and NULL
is put between them afterwards. That takes 30 us for a row of 200 columns of which a third has values, and 16
us for one of 60 that nearly all have them; with quotes put around each cell it took 46 and 24 us. How a cell
is written is decided by the type that its column is declared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time
from itertools import repeat
from typing import Any

from sqlalchemy import Column, Table

from kobo_mirror.database.cells import CellCheck
from kobo_mirror.database.sql import Sql

Escape = Callable[[str], str]

# Joins texts that are escaped together. No driver escapes it, and XML forbids it, so that no answer should
# hold it; if one does, there are more parts than texts.
_BETWEEN = "\x01"
_ESCAPED = "\\'\"\0\n\r\x1a"
"""The characters that drivers escape, first the one that they may escape the others with."""


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

    What it makes of each character is asked once. To look for these few in a long text and to replace those
    that are there takes a tenth of PyMySQL's time at most, which goes through it letter by letter.

    :param driver: a connection of PyMySQL or mysqlclient.
    """
    escaped = [(letter, driver.escape_string(letter)) for letter in _ESCAPED]
    texts = [(letter, text if isinstance(text, str) else text.decode()) for letter, text in escaped]
    replaced = [(letter, text) for letter, text in texts if text != letter]

    def escape(text: str) -> str:
        for letter, instead in replaced:
            if letter in text:
                text = text.replace(letter, instead)
        return text

    return escape


_Write = Callable[[Sequence[Any], Escape], Sequence[str]]
"""Returns values of a type as they stand in rows."""


def _texts(values: Sequence[str], escape: Escape) -> Sequence[str]:
    texts = _quoted(escape(_BETWEEN.join(values)))
    return texts if len(texts) == len(values) else ["".join(("'", escape(value), "'")) for value in values]


def _quoted(joined: str, before: str = "'") -> list[str]:
    between = f"'{_BETWEEN}{before}"
    return f"{before}{joined.replace(_BETWEEN, between)}'".split(_BETWEEN)


def _in_quotes(text_of: Callable[[Any], str], before: str = "'") -> _Write:
    """Return what writes values between quotes, whose texts need no escape."""
    return lambda values, _: _quoted(_BETWEEN.join(map(text_of, values)), before)


_LITERALS: dict[type, _Write] = {
    str: _texts,
    int: lambda values, _: [*map(int.__repr__, values)],
    bool: lambda values, _: [*map(int.__repr__, values)],
    bytes: _in_quotes(bytes.hex, "x'"),
    float: lambda values, _: [repr(value + 0.0) for value in values],
    date: _in_quotes(date.isoformat),
    time: _in_quotes(time.isoformat),
    datetime: _in_quotes(datetime.isoformat),
}


class CellWriter(CellCheck):
    """Writes the cells of a column by the type that it is declared with.

    :param column: of a table.
    :raises CellTypeError: cells of its type cannot be written.
    """

    __slots__ = ("_write",)

    def __init__(self, column: Column[Any]) -> None:
        super().__init__(column)
        self._write = _LITERALS[self._type]

    def write(self, cells: Sequence[Any], escape: Escape) -> str | Sequence[str]:
        """Return the cells of a column as they stand in rows; where all are equal, the text of each.

        :param cells: None, SQL, or values of the column's type; at least one.
        :param escape: the driver's.
        :raises CellTypeError: a cell is of another type.
        """
        values = [cell for cell in cells if cell is not None]
        if not values:
            return "NULL"
        kinds = {*map(type, values)}
        if Sql in kinds:
            return self._beside_sql(cells, escape)
        self._check(kinds, values)
        if len(values) < len(cells):
            text_of_next = iter(self._write(values, escape)).__next__
            return ["NULL" if cell is None else text_of_next() for cell in cells]
        if values[0] == values[-1] and values.count(values[0]) == len(values):
            return self._write(values[:1], escape)[0]
        return self._write(values, escape)

    def _beside_sql(self, cells: Sequence[Any], escape: Escape) -> str | Sequence[str]:
        if cells.count(cells[0]) == len(cells):
            return str(cells[0].raw)
        written = self.write([None if type(cell) is Sql else cell for cell in cells], escape)
        texts = repeat(written) if isinstance(written, str) else written
        return [cell.raw if type(cell) is Sql else text for cell, text in zip(cells, texts, strict=False)]


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
    count, equal = len(rows), ""
    pieces: list[Iterable[str]] = []
    for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
        written = column.write(cells, escape)
        if isinstance(written, str):
            equal = f"{equal}, {written}" if equal else written
            continue
        if equal:
            pieces.append(repeat(equal, count))
            equal = ""
        pieces.append(written)
    if equal:
        pieces.append(repeat(equal, count))
    return [f"({row})" for row in map(", ".join, zip(*pieces, strict=True))]
