"""The types that cells of a row may have: those that their columns are declared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from math import isfinite
from operator import attrgetter
from types import NoneType
from typing import Any

from sqlalchemy import Column, Double, Float

from kobo_mirror.errors import KoboMirrorError

CELL_TYPES: tuple[type, ...] = (str, int, bool, bytes, float, date, time, datetime)
_TIMES = (datetime, time)
_zone_of = attrgetter("tzinfo")


class CellTypeError(KoboMirrorError):
    """A cell is of another type than its column: what made the row does not know the declaration."""


class CellCheck:
    """Checks the cells of a column by the type that it is declared with.

    :param column: of a table.
    :raises CellTypeError: cells of its type cannot be written.
    """

    __slots__ = ("_column", "_type")

    def __init__(self, column: Column[Any]) -> None:
        self._column = column
        self._type = _python_type(column)
        if self._type not in CELL_TYPES:
            raise CellTypeError(
                f"No row can be written for {self._name}: its type {type(column.type).__name__} has no "
                "literals yet, see literals.py."
            )

    @property
    def _name(self) -> str:
        return f"{self._column.table.name}.{self._column.name}"

    def check(self, cells: Sequence[Any]) -> None:
        """Refuse cells that are neither None nor of the column's type.

        An enumeration is what it is made from. A time has no time zone, which the database would drop, and a
        number is finite.

        :param cells: of one column.
        :raises CellTypeError: one of them is of another type.
        """
        values = [cell for cell in cells if cell is not None]
        self._check({*map(type, values)}, values)

    def _check(self, kinds: Iterable[type], values: Sequence[Any]) -> None:
        """Refuse values of a column, whose types are known, where the database would not keep one."""
        for kind in kinds:
            if kind is not self._type and _base_of(kind) is not self._type:
                raise self._unfit(kind.__name__)
        if self._type in _TIMES and any(map(_zone_of, values)):
            raise self._unfit(f"{self._type.__name__} with a time zone")
        if self._type is float and not all(map(isfinite, values)):
            raise self._unfit("float without a finite value")

    def _unfit(self, kind: str) -> CellTypeError:
        return CellTypeError(
            f"A row holds a cell of the type {kind} for {self._name}, a column of the type "
            f"{self._type.__name__}: this is a fault of Kobo Mirror, please report it."
        )


def _python_type(column: Column[Any]) -> type:
    if isinstance(column.type, Float) and not isinstance(column.type, Double):
        return NoneType  # it may be of single precision
    try:
        return column.type.python_type
    except NotImplementedError:  # as of a type that SQLAlchemy does not know
        return NoneType


def _base_of(kind: type) -> type | None:
    """Return the nearest type that cells may have: not int for bool, nor date for datetime."""
    return next((base for base in kind.__mro__ if base in CELL_TYPES), None)
