"""Read back: the rows of a form as anybody finds them who knows its tables by the catalog alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, text

from kobo_mirror.submissions.row_set import RowSet

Key = tuple[int, ...]
_CLOCKS = ("inserted_at", "updated_at")
_WITH_ROWS = ("main", "rest", "repeat")
_POSITION = re.compile(r"pos(_[0-9]+)?")


class Found(NamedTuple):
    """What the tables hold.

    :param rows: by table and key; a part's cells are among those of its table, NULL is left out.
    :param files: every cell.
    :param rejected: every cell but the form key and the hash.
    """

    rows: dict[tuple[str, Key], dict[str, Any]]
    files: set[tuple[Any, ...]]
    rejected: set[tuple[Any, ...]]


def wanted(row_sets: Iterable[RowSet]) -> Found:
    """What the tables are to hold after these were written."""
    found = Found({}, set(), set())
    for row_set in row_sets:
        for row in row_set.rows:
            cells = {**row.cells, "extra": row.extra_text, **{k: n for k, n in row.counts.items() if n}}
            kept = {name: cell for name, cell in cells.items() if cell is not None}
            found.rows[row.table.name, (row_set.kobo_id, *row.position)] = kept
        found.files.update((row_set.kobo_id, *file) for file in row_set.files)
        found.rejected.update((row_set.kobo_id, *cell) for cell in row_set.rejected)
    return found


def read_back(engine: Engine, form_key: str) -> Found:
    """Read all tables of a form.

    A part has one row for each row of its table, and each count of a repeat is that of its rows.
    """
    with engine.connect() as connection:
        query = "SELECT * FROM kobo_tables WHERE asset_uid = :key AND kind <> 'view'"
        tables = _select(connection, query, key=form_key)
        columns: dict[str, list[Mapping[str, Any]]] = {}
        query = "SELECT * FROM kobo_columns WHERE asset_uid = :key ORDER BY position"
        for column in _select(connection, query, key=form_key):
            columns.setdefault(column["table_name"], []).append(column)
        rejected = _select(
            connection, "SELECT * FROM kobo_rejected_cells WHERE asset_uid = :key", key=form_key
        )
        contents = {t["table_name"]: _contents(connection, columns[t["table_name"]]) for t in tables}
    found = Found({}, set(), {tuple(row.values())[1:2] + tuple(row.values())[3:] for row in rejected})
    for table in (t for t in tables if t["kind"] in _WITH_ROWS):
        for key, cells in contents[table["table_name"]].items():
            found.rows[table["table_name"], key] = dict(cells)
    for part in (t for t in tables if t["kind"] == "part"):
        of = part["parent_table"]
        assert contents[part["table_name"]].keys() == contents[of].keys(), part["table_name"]
        for key, cells in contents[part["table_name"]].items():
            found.rows[of, key] |= cells
    for table in (t for t in tables if t["kind"] == "repeat" and t["status"] != "moved"):
        _check_counts(table, contents)
    (files,) = (t["table_name"] for t in tables if t["kind"] == "files")
    names = [column["column_name"] for column in columns[files]]
    for (kobo_id, *_), cells in contents[files].items():
        found.files.add((kobo_id, *(cells.get(name) for name in names if name != "kobo_id")))
    return found


def _check_counts(table: Mapping[str, Any], contents: Mapping[str, dict[Any, dict[str, Any]]]) -> None:
    """The row above says how many rows each repeat has, and these are numbered from 1."""
    numbers: dict[Any, list[int]] = {}
    for *above, pos in contents[table["table_name"]]:
        numbers.setdefault(tuple(above), []).append(pos)
    told = {key: cells.get(table["rows_column"], 0) for key, cells in contents[table["rows_table"]].items()}
    assert {key: sorted(pos) for key, pos in numbers.items()} == {
        key: list(range(1, count + 1)) for key, count in told.items() if count
    }


def _contents(connection: Connection, columns: list[Mapping[str, Any]]) -> dict[Any, dict[str, Any]]:
    """The rows of a table by their keys, without clocks; a count of nothing is left out as NULL is."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    table = columns[0]["table_name"]
    is_key = [_is_key(column) for column in columns]
    names = ", ".join(quote(column["column_name"]) for column in columns)
    rows = connection.exec_driver_sql(f"SELECT {names} FROM {quote(table)}").all()
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        key = tuple(cell for cell, of_key in zip(row, is_key, strict=True) if of_key)
        cells = {}
        for column, cell in zip(columns, row, strict=True):
            name = column["column_name"]
            is_number = _is_key(column) and name != "uid"
            is_none = cell is None or (column["facet"] == "rows" and column["path"] and cell == 0)
            if name in _CLOCKS or is_number or is_none:
                continue
            assert column["status"] != "moved", name
            cells[name] = _READ[column["kind"]](cell)
        assert found.setdefault(key, cells) is cells
    return found


def _is_key(column: Mapping[str, Any]) -> bool:
    """Whether it is part of the primary key: the file's own ``pos`` is a text."""
    name = str(column["column_name"])
    is_pos = _POSITION.fullmatch(name) and column["kind"] == "integer"
    return not column["path"] and (name in ("kobo_id", "uid") or bool(is_pos))


def _select(connection: Connection, query: str, **values: Any) -> list[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(text(query), values).mappings()]


def _time(cell: Any) -> time:
    if isinstance(cell, str):
        return time.fromisoformat(cell)
    return cell if isinstance(cell, time) else (datetime(2026, 1, 2) + cell).time()  # noqa: DTZ001  # midnight


def _day(cell: Any) -> date:
    return date.fromisoformat(cell) if isinstance(cell, str) else cell


def _moment(cell: Any) -> datetime:
    return datetime.fromisoformat(cell) if isinstance(cell, str) else cell


_READ: Mapping[str, Callable[[Any], Any]] = {
    "integer": int,
    "decimal": float,
    "text": str,
    "key": str,
    "json": str,
    "date": _day,
    "time": _time,
    "datetime": _moment,
    "boolean": bool,
}
