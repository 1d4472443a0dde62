"""Values: what a column of an export shows, made in Python of the cells of a row, so that none is rounded.

They are those of the views (``kobo_mirror.views.values``), whose SQL some databases forbid or cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from functools import singledispatchmethod
from operator import itemgetter
from typing import Any
from uuid import UUID

from kobo_mirror.errors import DatabaseError
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.views import values
from kobo_mirror.views.values import Cell, Value

_EXACT_IN_A_DOUBLE = 2**53
Row = Sequence[Any]
"""The cells of a row, as the database gives them."""
Read = Callable[[Row], Any]
"""Returns what a column shows of a row, None for NULL."""


def kind_of(value: Value) -> Kind:
    """Return what a value is.

    :param value: of a column that is not about words or places.
    """
    match value:
        case Cell():
            return value.kind
        case values.AsNumber():
            return Kind.DECIMAL
        case values.Local():
            return Kind.DATETIME
        case values.First():
            kinds = {kind_of(one) for one in value.of}
            return kinds.pop() if len(kinds) == 1 else Kind.TEXT
        case values.Beside():
            return next((kind_of(one) for _, one in value.pairs if one is not None), Kind.TEXT)
        case _:
            return Kind.TEXT


def cells_of(value: Value) -> Iterator[Cell]:
    """Yield the cells that a value is made of.

    :param value: of a column.
    """
    match value:
        case Cell():
            yield value
        case values.RowKey():
            yield from value.parts
        case values.First():
            for one in value.of:
                yield from cells_of(one)
        case values.Beside():
            for cell, beside in value.pairs:
                yield cell
                if beside is not None:
                    yield from cells_of(beside)
        case values.Local():
            yield from (value.moment, value.offset)
        case values.Uuid() | values.AsText() | values.AsNumber() | values.Label() | values.Labels():
            yield from cells_of(value.of)
        case _:
            raise TypeError(f"An export has no {type(value).__name__}.")


class Reading:
    """Makes values of rows.

    :param places: of each cell in a row.
    """

    def __init__(self, places: Mapping[Cell, int]) -> None:
        self._places = places

    def of(self, value: Value) -> Read:
        """Return what reads a value of a row; it raises ``DatabaseError`` where a cell is not of its kind.

        :param value: of a column.
        """
        read: Read = self._of(value)
        return read

    @singledispatchmethod
    def _of(self, value: Value) -> Read:
        raise TypeError(f"An export has no {type(value).__name__}.")

    @_of.register
    def _(self, value: Cell) -> Read:
        return _converted(self._places[value], value, _CONVERT[value.kind])

    @_of.register
    def _(self, value: values.Uuid) -> Read:
        return _converted(self._places[value.of], value.of, lambda cell: str(UUID(bytes=cell)))

    @_of.register
    def _(self, value: values.RowKey) -> Read:
        places = [self._places[part] for part in value.parts]
        return lambda row: "-".join([str(row[place]) for place in places if row[place] not in (None, "")])

    @_of.register
    def _(self, value: values.AsText) -> Read:
        return _on(self._of(value.of), _SPELT.get(value.of.kind, str))

    @_of.register
    def _(self, value: values.AsNumber) -> Read:
        return _on(self._of(value.of), lambda n: float(n) if abs(n) <= _EXACT_IN_A_DOUBLE else None)

    @_of.register
    def _(self, value: values.Label) -> Read:
        labels = dict(value.labels)
        return _on(self._of(value.of), lambda text: labels.get(text, text))

    @_of.register
    def _(self, value: values.Labels) -> Read:
        labels = dict(value.labels)
        return _on(
            self._of(value.of),
            lambda text: "; ".join([labels.get(word, word) for word in text.split(" ") if word]),
        )

    @_of.register
    def _(self, value: values.First) -> Read:
        reads = [self._of(one) for one in value.of]

        def first(row: Row) -> Any:
            return next((found for read in reads if (found := read(row)) is not None), None)

        return first

    @_of.register
    def _(self, value: values.Beside) -> Read:
        pairs = [
            (self._places[cell], None if beside is None else self._of(beside)) for cell, beside in value.pairs
        ]

        def beside_first(row: Row) -> Any:
            read = next((read for place, read in pairs if row[place] is not None), None)
            return read(row) if read else None

        return beside_first

    @_of.register
    def _(self, value: values.Local) -> Read:
        moment, offset = self._of(value.moment), self._of(value.offset)

        def local(row: Row) -> Any:
            found = moment(row)
            if found is None:
                return None
            with suppress(OverflowError):  # it would be a year that databases do not have
                return found + timedelta(minutes=offset(row) or 0)
            return None

        return local


def _on(read: Read, make: Callable[[Any], Any]) -> Read:
    def made(row: Row) -> Any:
        found = read(row)
        return None if found is None else make(found)

    return made


def _converted(place: int, cell: Cell, convert: Callable[[Any], Any] | None) -> Read:
    if convert is None:
        return itemgetter(place)

    def read(row: Row) -> Any:
        found = row[place]
        if found is None:
            return None
        try:
            return convert(found)
        except (TypeError, ValueError):
            raise DatabaseError(
                f"The column {cell.name} holds what is no {cell.kind.value}, which another program wrote: "
                "`python -m kobo_mirror verify --full --repair` mends it."
            ) from None

    return read


def _whole(cell: Any) -> int:
    if type(cell) is not int:
        raise TypeError
    return cell


def _number(cell: Any) -> float:
    if not isinstance(cell, float | int):
        raise TypeError
    return float(cell)


def _truth(cell: Any) -> bool:
    if not isinstance(cell, bool):
        raise TypeError
    return cell


def _text(cell: Any) -> str:
    if not isinstance(cell, str):
        raise TypeError
    return cell


def _day(cell: Any) -> date:
    return cell if type(cell) is date else date.fromisoformat(cell)


def _moment(cell: Any) -> datetime:
    return cell if type(cell) is datetime else datetime.fromisoformat(cell)


def _time_of_day(cell: Any) -> time:
    return cell if type(cell) is time else time.fromisoformat(cell)


_CONVERT: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.INTEGER: _whole,
    Kind.DECIMAL: _number,
    Kind.TEXT: _text,
    Kind.KEY: _text,
    Kind.JSON: _text,
    Kind.DATE: _day,
    Kind.TIME: _time_of_day,
    Kind.DATETIME: _moment,
    Kind.BOOLEAN: _truth,
}
_SPELT: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.DECIMAL: lambda number: repr(number).removesuffix(".0"),
    Kind.TIME: lambda cell: cell.isoformat("milliseconds"),
    Kind.DATETIME: lambda cell: cell.isoformat(" ", "milliseconds"),
    Kind.BOOLEAN: lambda cell: "OK" if cell else None,
}
"""A cell as a text, as the views spell it; a date and a whole number are spelt by ``str``."""
