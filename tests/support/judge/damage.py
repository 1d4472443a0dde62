"""Damage: row sets that differ from a right one in one thing, which a judge and a digest must notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from msgspec import structs

from kobo_mirror.submissions.row_set import Row, RowSet

Damaged = tuple[str, RowSet]


def damages(row_set: RowSet) -> Iterator[Damaged]:
    """Every small damage of a row set, with what it is."""
    for index, row in enumerate(row_set.rows):
        for told, damaged in _rows(row):
            yield f"{row.table.name} {row.pos}: {told}", _with_row(row_set, index, damaged)
        if row.position:
            rows = (*row_set.rows[:index], *row_set.rows[index + 1 :])
            yield f"{row.table.name} {row.pos} is missing", replace(row_set, rows=rows)
            moved = _with(row, position=(*row.position[:-1], row.position[-1] + 100))
            yield f"{row.table.name} {row.pos} is moved", _with_row(row_set, index, moved)
    for index, cell in enumerate(row_set.rejected):
        others = (*row_set.rejected[:index], *row_set.rejected[index + 1 :])
        yield f"{cell.column} is not rejected", replace(row_set, rejected=others)
        for field, value in (("value", f"{cell.value}x"), ("pos", f"{cell.pos}9"), ("path", f"{cell.path}x")):
            other = cell._replace(**{field: value})
            yield f"{cell.column} has another {field}", replace(row_set, rejected=(*others, other))
    for index, file in enumerate(row_set.files):
        files = (*row_set.files[:index], *row_set.files[index + 1 :])
        yield f"{file.uid} is missing", replace(row_set, files=files)
        for changed in (
            file._replace(file_name=f"{file.file_name}x"),
            file._replace(mime_type=f"{file.mime_type}x"),
            file._replace(is_deleted=not file.is_deleted),
            file._replace(pos=f"{file.pos}9"),
            file._replace(column_name=f"{file.column_name}x"),
            file._replace(matched="guess" if file.matched == "exact" else "exact"),
        ):
            yield f"{file.uid} is another", replace(row_set, files=(*files, changed))


def _rows(row: Row) -> Iterator[tuple[str, Row]]:
    for name, cell in row.cells.items():
        yield f"{name} is NULL", _with(row, cell_of=(name, None))
        yield f"{name} is another", _with(row, cell_of=(name, _other(cell)))
        if isinstance(cell, str):
            extra = {**row.extra, "a/copy/of/it": cell}
            yield f"{name} is kept twice", _with(row, extra=extra)
    for key in row.extra:
        rest_of_extra = {other: value for other, value in row.extra.items() if other != key}
        yield f"extra lacks {key}", _with(row, extra=rest_of_extra)
        yield f"extra has another {key}", _with(row, extra={**rest_of_extra, key: [row.extra[key], "x"]})
    for column in row.table.columns:
        if column.path and column.facet == "value" and column.name not in row.cells:
            yield f"{column.name} comes from nowhere", _with(row, cell_of=(column.name, "x"))
            return


def _with(row: Row, *, cell_of: tuple[str, Any] | None = None, **changed: Any) -> Row:
    """The row with another cell in a column, or with other fields."""
    other = structs.replace(row, values=row.values.copy(), **changed)
    if cell_of:
        other.values[row.table.cell_names.index(cell_of[0])] = cell_of[1]
    return other


def _other(cell: Any) -> Any:
    """Another value of the same type; None for the one that is not true."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, str):
        return f"{cell}x"
    if isinstance(cell, int | float):
        return cell / 2 + 1 if isinstance(cell, float) else cell + 1
    if isinstance(cell, time):
        return cell.replace(microsecond=(cell.microsecond + 1000) % 1_000_000)
    step = timedelta(milliseconds=1) if isinstance(cell, datetime) else timedelta(1)
    return cell - step if isinstance(cell, date) and cell.year > 5000 else cell + step


def _with_row(row_set: RowSet, index: int, row: Row) -> RowSet:
    return replace(row_set, rows=(*row_set.rows[:index], row, *row_set.rows[index + 1 :]))
