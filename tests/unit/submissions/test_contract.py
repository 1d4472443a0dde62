"""Each row of the contract's table is what a document becomes (docs/architecture.md)."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import ROWS
from kobo_mirror.submissions.row_set import RowSet
from kobo_mirror.submissions.shaper import Shaper
from tests.support.judge.verdict import faults
from tests.unit.submissions.contract import numbers, shapes, system, texts, times, versions
from tests.unit.submissions.contract.forms import schema_of
from tests.unit.submissions.contract.table import Case

ROWS_OF_THE_TABLE = [
    case for part in (numbers, times, texts, shapes, versions, system) for case in part.CASES
]


def place(table: str, pos: str) -> str:
    """A row as the table names it."""
    return f"{table.removeprefix('f__').removeprefix('kobo_records__')} {pos}" if pos else ""


def homes(row_set: RowSet) -> dict[str, Any]:
    """What a row set holds, as the table writes it."""
    rows: dict[str, Any] = {}
    for row in row_set.rows:
        cells = {name: cell for name, cell in row.cells.items() if cell is not None}
        rows[place(row.table.name, row.pos)] = cells | ({"extra": row.extra} if row.extra else {})
    return {
        "root": rows.pop(""),
        "rows": rows,
        "rejected": {
            f"{place(r.table, r.pos)}.{r.column}".removeprefix("."): (r.value, r.reason)
            for r in row_set.rejected
        },
        "files": {
            f.uid: (
                None if f.table_name is None else place(f.table_name, f.pos or ""), f.column_name,
                f.file_name, f.mime_type, f.is_deleted, f.matched,
            )
            for f in row_set.files
        },
    }  # fmt: skip


def id_of(row: Case) -> str:
    return f"{row.form}: {row.why}"


@pytest.mark.parametrize("row", ROWS_OF_THE_TABLE, ids=id_of)
def test_a_document_goes_where_the_table_says(row: Case) -> None:
    row_set = Shaper(schema_of(row.form)).shape({"_id": 1, **row.answers})
    expected = {"root": row.root, "rows": row.rows, "rejected": row.rejected, "files": row.files}
    assert homes(row_set) == expected
    for cell, found in zip(_sorted(expected), _sorted(homes(row_set)), strict=True):
        assert (type(cell), repr(cell)) == (type(found), repr(found)) or isinstance(cell, dict)


@pytest.mark.parametrize("row", ROWS_OF_THE_TABLE, ids=id_of)
def test_each_list_is_counted_in_the_row_where_it_stands(row: Case) -> None:
    schema = schema_of(row.form)
    row_set = Shaper(schema).shape({"_id": 1, **row.answers})
    for found in row_set.rows:
        columns = {column.name: column.path for column in found.table.columns if column.facet == ROWS}
        assert {columns[name]: number for name, number in found.counts.items()} == {
            path: len(rows) for path, rows in found.rows.items()
        }


@pytest.mark.parametrize("row", ROWS_OF_THE_TABLE, ids=id_of)
def test_the_judge_of_generated_documents_agrees_with_the_table(row: Case) -> None:
    schema, document = schema_of(row.form), {"_id": 1, **row.answers}
    assert faults(schema, document, Shaper(schema).shape(document)) == []


def test_the_table_is_long_enough_and_says_each_reason_once() -> None:
    rows = {(row.form, row.why, repr(row.answers)) for row in ROWS_OF_THE_TABLE}
    assert len(rows) == len(ROWS_OF_THE_TABLE) >= 180


def _sorted(homes_: dict[str, Any]) -> list[Any]:
    """All cells in the order of their places: 1, 1.0 and True, 0.0 and -0.0 are equal in Python alone."""
    rows = {"": homes_["root"], **homes_["rows"]}
    return [cells[name] for _, cells in sorted(rows.items()) for name in sorted(cells)]


def test_what_stands_in_a_part_is_told_with_the_parts_name() -> None:
    """A table that is too wide for one row of MySQL has its last columns in a part."""
    rows = [{"type": "text", "name": f"q{number}"} for number in range(250)]
    asked = [*rows, {"type": "integer", "name": "last"}, {"type": "image", "name": "photo"}]
    schema = derive("aForm", "f", [read_version("v1", {"survey": asked})])
    files = [{"uid": "f1", "media_file_basename": "a.png"}]
    document = {"_id": 1, "q249": "x", "last": "many", "photo": "a.png", "_attachments": files}
    row_set = Shaper(schema).shape(document)
    (row,), (cell,), (file,) = row_set.rows, row_set.rejected, row_set.files
    assert (row.table.name, row.cells) == ("f", {"q249": "x", "photo": "a.png"})
    assert (cell.table, cell.pos, cell.column) == ("f__2", "", "last")
    assert (file.table_name, file.pos, file.column_name) == ("f__2", "", "photo")
    assert faults(schema, document, row_set) == []
