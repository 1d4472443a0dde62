"""Cells as views show them: read from a database, and as the texts that are to be there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

Row = dict[str, Any]
NUMBERS = {"integer", "decimal"}
_MIDNIGHT = datetime(2000, 1, 1)  # noqa: DTZ001


class Spelt(str):
    """A number as text, however it is spelt."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and float(other) == float(self)

    __hash__ = str.__hash__


def rows(connection: Connection, query: str, **values: Any) -> list[Row]:
    """The rows of a query."""
    return [dict(row) for row in connection.execute(text(query), values).mappings()]


def cell_of(column: Row, parts: Mapping[str, Row]) -> Any:
    """A cell of a row that stands in parts."""
    return parts[column["table_name"]].get(column["column_name"])


def moment_of(cell: Any) -> datetime:
    """A time as a database shows it."""
    return datetime.fromisoformat(cell) if isinstance(cell, str) else cell


def text_of(cell: Any, kind: str) -> str:
    """A cell as the form would have it."""
    if kind == "boolean":
        return "OK"
    if kind == "time":
        moment = cell if isinstance(cell, str) else (_MIDNIGHT + cell).time().isoformat("milliseconds")
        return moment[:12]
    if kind == "datetime":
        return moment_of(cell).isoformat(" ", "milliseconds")
    if kind == "date":
        return cell.isoformat() if isinstance(cell, date) else str(cell)
    return Spelt(repr(cell)) if kind in NUMBERS else str(cell)


def same(found: Any, wanted: Any) -> bool:
    """Whether a view shows what it is to show."""
    return bool(wanted == found) if isinstance(wanted, Spelt) else bool(found == wanted)
