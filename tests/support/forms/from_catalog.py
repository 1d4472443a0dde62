"""A form's schema and row sets, read by the catalog alone."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, inspect, select

from kobo_mirror import tolerant_json
from kobo_mirror.forms.form_schema import (
    ROWS,
    ChoiceRow,
    Column,
    FormSchema,
    Status,
    Table,
    TableKind,
)
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.store.catalog_tables import choices, columns, tables
from kobo_mirror.submissions.files import FileRow
from kobo_mirror.submissions.row_set import RejectedCell, Row, RowSet
from tests.support.forms.read_back import Found

Told = Mapping[str, Any]
_ROOTS = ("main", "rest")
_PART = re.compile(r".*__([0-9]+)")


def schema_in_catalog(engine: Engine, form_key: str, file_questions: Collection[str]) -> FormSchema:
    """The schema that the catalog tells of; the birth of columns is not told, so they are in reading order.

    :param file_questions: the paths that any version asks a file at, which the catalog does not tell either.
    """
    with engine.connect() as connection:

        def told(table: Any) -> list[Told]:
            return [
                dict(row)
                for row in connection.execute(
                    select(table).where(table.c.asset_uid == form_key).order_by(*table.primary_key)
                ).mappings()
            ]

        rows = [row for row in told(tables) if row["kind"] != "view"]
        cells, names = told(columns), told(choices)
    by_name = {row["table_name"]: row for row in rows}
    whole = sorted((row for row in rows if row["kind"] != "part"), key=lambda row: row["kind"] not in _ROOTS)
    made = tuple(_table(row, by_name, cells, file_questions) for row in whole)
    declared = [column for table in made if table.kind is TableKind.DECLARED for column in table.columns]
    return FormSchema(
        form_key,
        made,
        repeats=tuple(sorted({row["path"] for row in whole if row["kind"] == "repeat"})),
        declared={column.path: column.name for column in declared if column.path},
        choices=tuple(_choice(row) for row in names),
    )


def _table(row: Told, by_name: Mapping[str, Told], cells: list[Told], files: Collection[str]) -> Table:
    chain: list[str] = []
    above: Told | None = row
    while above is not None and above["path"]:
        chain.insert(0, above["path"])
        above = by_name.get(above["parent_table"])
    bare = Table(
        name=row["table_name"], kind=TableKind(row["kind"]), columns=(), path=row["path"],
        chain=tuple(chain), parent=row["parent_table"], status=Status(row["status"]),
    )  # fmt: skip
    parts = {bare.name: 1} | {
        name: int(_number(name))
        for name, told in by_name.items()
        if told["kind"] == "part" and told["parent_table"] == bare.name
    }
    mine = [cell for cell in cells if cell["table_name"] in parts]
    assert {(cell["table_name"], cell["column_name"]) for cell in mine} >= {
        (part, key) for part in parts for key in bare.keys
    }
    born = [
        _column(cell, parts[cell["table_name"]], len(bare.keys), files)
        for cell in sorted(mine, key=lambda cell: int(cell["position"]))
        if cell["path"] or cell["column_name"] not in bare.keys
    ]
    return Table(**{**{name: getattr(bare, name) for name in _FIELDS}, "columns": tuple(born)})


_FIELDS = ("name", "kind", "path", "chain", "parent", "status")


def _number(part: str) -> str:
    found = _PART.fullmatch(part)
    assert found, part
    return found[1]


def _column(cell: Told, part: int, keys: int, files: Collection[str]) -> Column:
    return Column(
        name=cell["column_name"], path=cell["path"], facet=cell["facet"], kind=Kind(cell["kind"]), part=part,
        position=cell["position"] - keys, question_type=cell["question_type"], list_name=cell["list_name"],
        labels=json.loads(cell["labels"] or "{}"), first_version=cell["first_version"],
        last_version=cell["last_version"], status=Status(cell["status"]), names_file=cell["path"] in files,
    )  # fmt: skip


def _choice(row: Told) -> ChoiceRow:
    labels = json.loads(row["labels"] or "{}")
    told = (row["list_name"], row["name"], row["position"], labels, row["first_version"], row["last_version"])
    return ChoiceRow(
        **dict(
            zip(
                ("list_name", "name", "position", "labels", "first_version", "last_version"),
                told,
                strict=True,
            )
        )
    )


def check_tables_are_there(engine: Engine, schema: FormSchema) -> None:
    """The database has just the tables and columns that the catalog tells of."""
    found = inspect(engine)
    told = {
        table.part_name(part): {*table.keys, *(c.name for c in table.columns if c.part == part)}
        for table in schema.tables
        for part in range(1, table.parts + 1)
    }
    prefix = next(t.name for t in schema.tables if t.kind is TableKind.FILES).removesuffix("files")
    names = found.get_table_names()
    assert told.keys() >= {name for name in names if name.startswith(prefix)}
    assert {name: {c["name"] for c in found.get_columns(name)} for name in told if name in names} == told


def row_sets(schema: FormSchema, found: Found) -> dict[int, RowSet]:
    """The row set of each submission, its root first; what belongs to no root stands by itself.

    :param found: what was read by the same catalog.
    """
    by_name = {table.name: table for table in schema.tables}
    rows: dict[int, list[Row]] = {}
    for (name, (kobo_id, *position)), cells in found.rows.items():
        rows.setdefault(kobo_id, []).append(_row(by_name[name], tuple(position), cells))
    ids = {*rows, *(row[0] for row in (*found.files, *found.rejected))}
    return {
        kobo_id: RowSet(
            kobo_id,
            tuple(sorted(rows.get(kobo_id, ()), key=lambda row: (len(row.position), row.position))),
            tuple(RejectedCell(*cell) for of, *cell in found.rejected if of == kobo_id),
            tuple(_files(found, kobo_id)),
        )
        for kobo_id in ids
    }


def _row(table: Table, position: tuple[int, ...], cells: Told) -> Row:
    counts = {c.name for c in table.columns if c.facet == ROWS and c.path}
    text = cells.get("extra")
    held = {name: cell for name, cell in cells.items() if name not in counts and name != "extra"}
    assert held.keys() <= set(table.cell_names), "a table has columns that the schema does not have"
    row = Row(table, position, [held.get(name) for name in table.cell_names])
    row.extra = tolerant_json.loads(text.encode()) if text else {}
    assert row.extra_text == text, "extra is not written as JSON of ours"
    row.counts = {name: cell for name, cell in cells.items() if name in counts}
    return row


def _files(found: Found, kobo_id: int) -> Iterator[FileRow]:
    for of, *cells in sorted(found.files, key=repr):
        if of == kobo_id:
            yield FileRow(*cells)
