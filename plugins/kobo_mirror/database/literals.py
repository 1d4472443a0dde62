"""Rows written as SQL, column by column: a page costs a few calls of the driver's escape, not one a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

Escape = Callable[[str], str]
_Way = tuple[str, Callable[[Sequence[Any], Escape], Sequence[Any]]]

# Stands between texts that are escaped together. No escape touches it, and XML forbids it, so that no answer
# should hold it; one that does shows in the number of parts.
_BETWEEN = "\x01"


class Sql(str):
    """SQL that stands where a cell would."""

    __slots__ = ()


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


def written_rows(rows: Sequence[tuple[Any, ...]], escape: Escape) -> Iterator[str]:
    """Each row as it stands after VALUES. What is the same in all of them is written once.

    Cells are None, texts, whole numbers, bytes, dates and times, SQL.
    """
    places: list[str] = []
    columns: list[Sequence[Any]] = []
    for cells in zip(*rows, strict=True):
        if cells.count(cells[0]) == len(cells):
            places.append(_literals(cells[:1], escape)[0].replace("%", "%%"))
        elif None in cells:
            places.append("%s")
            columns.append(_literals(cells, escape))
        else:
            place, write = _way_of(type(cells[0]))
            places.append(place)
            columns.append(write(cells, escape))
    template = f"({', '.join(places)})"
    shared = zip(*columns, strict=True) if columns else [()] * len(rows)
    return map(template.__mod__, shared)


def _literals(cells: Sequence[Any], escape: Escape) -> list[str]:
    """Cells of one type, some of them None, each with what it needs around it."""
    known = [cell for cell in cells if cell is not None]
    if not known:
        return ["NULL"] * len(cells)
    place, write = _way_of(type(known[0]))
    written = iter(write(known, escape))
    return ["NULL" if cell is None else place % next(written) for cell in cells]


def _texts(cells: Sequence[str], escape: Escape) -> Sequence[str]:
    parts = escape(_BETWEEN.join(cells)).split(_BETWEEN)
    return parts if len(parts) == len(cells) else [escape(cell) for cell in cells]


def _way_of(kind: type) -> _Way:
    """How cells of a type are written, or of the type that it is made from: an enumeration is text."""
    return next(_WAYS[base] for base in kind.__mro__ if base in _WAYS)


_WAYS: dict[type, _Way] = {
    Sql: ("%s", lambda cells, _: cells),
    str: ("'%s'", _texts),
    int: ("%d", lambda cells, _: cells),
    bytes: ("x'%s'", lambda cells, _: [cell.hex() for cell in cells]),
    date: ("'%s'", lambda cells, _: [cell.isoformat() for cell in cells]),
    datetime: ("'%s'", lambda cells, _: [cell.isoformat(" ") for cell in cells]),
}
