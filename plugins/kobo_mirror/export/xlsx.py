"""XLSX: a sheet a table, written row by row, so that its size needs no memory.

No library: those that there are write 16 digits of a number, and some need 17. Texts are texts, whatever they
begin with, so that no formula ever runs. What a sheet or a cell has no room for goes to a further sheet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime, time
from itertools import chain, count
from tempfile import TemporaryFile
from typing import IO, Any, Self
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.export import xlsx_parts as parts
from kobo_mirror.forms.question_types import Kind

MOST_ROWS, MOST_COLUMNS, MOST_LETTERS, LONGEST_NAME = 1_048_576, 16_384, 32_767, 31
"""Excel's limits: of a sheet, of a cell (UTF-16 units), and of a sheet's name."""
LONG_TEXTS = "long_texts"
_OF_LONG_TEXTS = tuple(
    (name, Kind.INTEGER if name in ("row", "part") else Kind.TEXT)
    for name in ("sheet", "row", "column", "part", "text")
)
_GOES_ON = " … [sheet {}]"
_MOST_BYTES = 1_800_000_000  # of a sheet: beyond 2 GiB its entry would need ZIP64, which Excel refuses
_MOST_DIGITS = 10**15  # beyond, Excel's numbers are other ones
_EPOCH, _FIRST_DAY = date(1899, 12, 30), date(1900, 3, 1)  # Excel has a 29 February 1900
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]|^'|'$")
_MICROSECONDS = 86_400_000_000


class Workbook:
    """Writes a workbook, as a context; without an error it is whole when that ends.

    :param file: open for writing bytes; it is sought in.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=4)
        self._names = list[str]()
        self.renamed = dict[str, str]()
        """Sheets that are not called as their table is, each with the table."""
        self._long: IO[bytes] | None = None

    def sheet(self, name: str, columns: Sequence[tuple[str, Kind]], rows: Iterable[Sequence[Any]]) -> int:
        """Write a table as a sheet, or as several where it has more rows than one takes.

        :param name: of the table; the sheet's is made of it.
        :param columns: names and kinds.
        :param rows: their cells.
        :returns: the number of rows.
        :raises ConfigurationError: it has more columns than a sheet takes.
        """
        if len(columns) > MOST_COLUMNS:
            raise ConfigurationError(
                f"The table {name} has {len(columns):,} columns, and Excel takes {MOST_COLUMNS:,}: "
                "export to a file that ends with .zip or .parquet.zip."
            )
        left, written = iter(rows), 0
        while True:
            sheet = self._new_name(name)
            written += self._write(sheet, columns, left)
            following = next(left, None)
            if following is None:
                return written
            left = chain([following], left)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with ExitStack() as ending:
            ending.callback(self._zip.close)
            if self._long is not None:
                ending.callback(self._long.close)
            if kind is None:
                self._end()

    def _end(self) -> None:
        """Write what is left: the texts that are longer than a cell, and the list of sheets."""
        if self._long is not None:
            self._long.seek(0)
            self.sheet(LONG_TEXTS, _OF_LONG_TEXTS, map(json.loads, self._long))
        for path, text in parts.around(self._names):
            self._zip.writestr(path, text)

    def _write(self, sheet: str, columns: Sequence[tuple[str, Kind]], rows: Iterator[Sequence[Any]]) -> int:
        letters = [_letters(place) for place in range(len(columns))]
        writers = [_CELLS[kind] for _, kind in columns]
        names = [name for name, _ in columns]
        with self._zip.open(parts.sheet_path(len(self._names)), "w") as file:
            file.write(
                parts.sheet_start(letters, [kind for _, kind in columns], is_first=len(self._names) == 1)
            )
            cells = "".join(
                [
                    _text(f"{at}1", self._fitting(name, sheet, 1, name), parts.HEADER)
                    for at, name in zip(letters, names, strict=True)
                ]
            )
            size = file.write(f'<row r="1">{cells}</row>'.encode())
            number = 1
            while number < MOST_ROWS and size < _MOST_BYTES and (row := next(rows, None)) is not None:
                number += 1
                told = list[str]()
                for at, name, write, cell in zip(letters, names, writers, row, strict=True):
                    if cell is None:
                        continue
                    is_long = type(cell) is str and len(cell) > MOST_LETTERS // 2
                    fitting = self._fitting(cell, sheet, number, name) if is_long else cell
                    told.append(write(f"{at}{number}", fitting))
                size += file.write(f'<row r="{number}">{"".join(told)}</row>\n'.encode())
            file.write(parts.SHEET_END)
        return number - 1

    def _fitting(self, text: str, sheet: str, row: int, column: str) -> str:
        """Return a text as a cell takes it; one that is too long is kept for the sheet of long texts."""
        if _units(text) <= MOST_LETTERS:
            return text
        if self._long is None:
            self._long = TemporaryFile()  # noqa: SIM115  # it is open as long as the workbook
        pieces = list(_pieces(text))
        for number, piece in enumerate(pieces, 1):
            self._long.write(json.dumps([sheet, row, column, number, piece]).encode() + b"\n")
        goes_on = _GOES_ON.format(LONG_TEXTS)
        return pieces[0][: -len(goes_on)] + goes_on

    def _new_name(self, table: str) -> str:
        """Return a name that no other sheet has, and note it."""
        base = _NOT_IN_A_NAME.sub("_", table) or "_"
        taken = {name.casefold() for name in self._names} | {"history"}
        endings = chain([""], (f"_{number}" for number in count(2)))
        names = (_cut(base, LONGEST_NAME - len(ending)) + ending for ending in endings)
        name = next(name for name in names if name.casefold() not in taken)
        self._names.append(name)
        if name != table:
            self.renamed[name] = table
        return name


def _units(text: str) -> int:
    return len(text) + sum([letter > "\uffff" for letter in text])


def _cut(text: str, most: int) -> str:
    """Return the beginning of a text that has so many UTF-16 units at most."""
    return text.encode("utf-16-le", "surrogatepass")[: most * 2].decode("utf-16-le", "ignore")


def _pieces(text: str) -> Iterator[str]:
    while text:
        piece = _cut(text, MOST_LETTERS)
        yield piece
        text = text[len(piece) :]


def _letters(place: int) -> str:
    """Return what Excel calls a column.

    >>> _letters(0), _letters(27)
    ('A', 'AB')
    """
    found, place = "", place + 1
    while place:
        place, rest = divmod(place - 1, 26)
        found = chr(65 + rest) + found
    return found


def escaped(text: str) -> str:
    """Return a text as XML, with what XML has no place for as Excel spells it: ``_x0001_``.

    :param text: of a cell or a name.
    """
    return escape(_NOT_IN_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", text))


def _text(at: str, text: str, style: int = parts.TEXT) -> str:
    return f'<c r="{at}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{escaped(text)}</t></is></c>'


def _number(at: str, text: str, style: int) -> str:
    return f'<c r="{at}" s="{style}"><v>{text}</v></c>'


def _whole(at: str, cell: int) -> str:
    return _number(at, str(cell), parts.PLAIN) if abs(cell) < _MOST_DIGITS else _text(at, str(cell))


def _decimal(at: str, cell: float) -> str:
    return _number(at, repr(cell), parts.PLAIN)


def _day(at: str, cell: date) -> str:
    if cell < _FIRST_DAY:
        return _text(at, cell.isoformat())
    return _number(at, str((cell - _EPOCH).days), parts.DATE)


def _time(at: str, cell: time) -> str:
    return _number(at, repr(_of_day(cell) / _MICROSECONDS), parts.TIME)


def _moment(at: str, cell: datetime) -> str:
    if cell.date() < _FIRST_DAY:
        return _text(at, cell.isoformat(" "))
    whole = (cell.date() - _EPOCH).days * _MICROSECONDS + _of_day(cell.time())
    return _number(at, repr(whole / _MICROSECONDS), parts.MOMENT)


def _of_day(cell: time) -> int:
    return ((cell.hour * 60 + cell.minute) * 60 + cell.second) * 1_000_000 + cell.microsecond


def _truth(at: str, cell: bool) -> str:
    return f'<c r="{at}" t="b"><v>{int(cell)}</v></c>'


_CELLS: Mapping[Kind, Callable[[str, Any], str]] = {
    Kind.INTEGER: _whole,
    Kind.DECIMAL: _decimal,
    Kind.TEXT: _text,
    Kind.KEY: _text,
    Kind.JSON: _text,
    Kind.DATE: _day,
    Kind.TIME: _time,
    Kind.DATETIME: _moment,
    Kind.BOOLEAN: _truth,
}
