"""Columns read so that a cell equals, as JSON, the one that was written, and no other one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, type_coerce
from sqlalchemy.types import UserDefinedType

from kobo_mirror.database.dialects import dialect_of_type


class _Exact(UserDefinedType[Any]):
    """A type whose cells are read by ``Dialect.cell_reader``.

    SQLAlchemy's own types read a cell that another program wrote as something else: a truth value of 2 as
    True, 25:00 as 01:00, and they raise for a date that is none.

    :param kind: the type of the cells that are written.
    """

    cache_ok = True

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def result_processor(self, dialect: sqlalchemy.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        return dialect_of_type(dialect).cell_reader(self.kind)


def exact(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column as an expression whose cells are those that were written, ready for JSON.

    Times are ISO texts, or become the same ones in JSON.

    :param column: of a table, or of an alias of one.
    """
    return type_coerce(column, _Exact(column.type.python_type))
