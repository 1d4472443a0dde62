"""Reading: the rows of an export, a window of submissions at a time, in the order of their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    func,
    literal,
    select,
)

from kobo_mirror.database.exact_cells import exact
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.export.exported import Exported, ExportTable
from kobo_mirror.export.values import Reading, cells_of
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.form_schema import TableKind
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.tables import form_table, submissions
from kobo_mirror.views.columns import KOBO_ID
from kobo_mirror.views.values import Cell

APPROVED = "validation_status_approved"
_WINDOW = 1_000  # submissions
_AT_ONCE = 200  # rows that a driver holds
Cells = list[Any]
"""The cells of a row, in the order of the table's fields."""


@dataclass(frozen=True)
class Filters:
    """Which submissions an export has.

    :param approved_only: those whose validation status is approved.
    :param since: those that the server got on this day (UTC) or later; None: all.
    """

    approved_only: bool = False
    since: date | None = None


class Rows:
    """Reads the rows of one form; nothing is held but a window of ids and some rows.

    :param connection: a transaction whose statements see one state of the database.
    :param tables: of the export.
    :param filters: which submissions.
    :raises ConfigurationError: the form has no validation status.
    """

    def __init__(self, connection: Connection, tables: Exported, filters: Filters) -> None:
        self._connection, self._exported, self._filters = connection, tables, filters
        made = physical_tables(tables.schema)
        self._physical: Mapping[str, Table] = {
            FORM.table: form_table(FORM),
            rejected_cells.name: rejected_cells,
            **made.tables,
        }
        aliases, joined = self._joined(tables.main)
        self._first = aliases[0].c[KOBO_ID]
        conditions = list(_conditions(tables.main, aliases, filters))
        self._ids = select(self._first).select_from(joined).where(*conditions).order_by(self._first)
        self._touch_all()

    def _touch_all(self) -> None:
        """Read of every table, so that none can be changed (MySQL's error 1412) before its rows are read."""
        names = dict.fromkeys(source.name for table in self._exported.tables for source in table.sources)
        for name in names:
            self._connection.execute(select(literal(1)).select_from(self._physical[name]).limit(1)).all()

    def of(self, table: ExportTable) -> Iterator[Cells]:
        """Yield the rows of a table.

        :param table: of the export.
        :raises DatabaseError: a cell is not of its kind.
        """
        cells = list(dict.fromkeys(cell for one in table.fields for cell in cells_of(one.value)))
        reading = Reading({cell: place for place, cell in enumerate(cells)})
        reads = [reading.of(one.value) for one in table.fields]
        query = self._query(table, cells)
        for ids in self._windows():
            found = self._connection.execute(query, {"ids": ids}, execution_options={"yield_per": _AT_ONCE})
            for row in found:
                yield [read(row) for read in reads]

    def left_out(self) -> int:
        """Return how many submissions that the filters let pass do not fit the main table."""
        schema, t = self._exported.schema, submissions.c
        if schema.root.kind is not TableKind.REST:
            return 0
        query = select(func.count()).where(t.asset_uid == schema.asset_uid, t.state == "rejected")
        if self._filters.approved_only:
            query = query.where(t.validation_status == APPROVED)
        if self._filters.since is not None:
            query = query.where(t.submission_time >= datetime.combine(self._filters.since, time()))
        return self._connection.scalar(query) or 0

    def _windows(self) -> Iterator[Sequence[int]]:
        last: int | None = None
        while True:
            query = self._ids.limit(_WINDOW)
            ids = self._connection.scalars(query if last is None else query.where(self._first > last)).all()
            if ids:
                yield ids
            if len(ids) < _WINDOW:
                return
            last = ids[-1]

    def _query(self, table: ExportTable, cells: Sequence[Cell]) -> Select[Any]:
        aliases, joined = self._joined(table)
        ids: BindParameter[Any] = bindparam("ids", expanding=True)
        query = select(*(exact(aliases[cell.source].c[cell.name]) for cell in cells)).select_from(joined)
        query = query.where(aliases[0].c[KOBO_ID].in_(ids))
        if table.about_form:
            query = query.where(aliases[0].c.asset_uid == self._exported.schema.asset_uid)
        return query.order_by(*(aliases[0].c[name] for name in table.order))

    def _joined(self, table: ExportTable) -> tuple[list[FromClause], FromClause]:
        """Return the physical tables of a table, and them joined: each row of the first one."""
        aliases: list[FromClause] = [
            self._physical[source.name].alias(f"t{number}") for number, source in enumerate(table.sources, 1)
        ]
        joined = first = aliases[0]
        for source, other in zip(table.sources[1:], aliases[1:], strict=True):
            joined = joined.outerjoin(other, and_(*(other.c[key] == first.c[key] for key in source.keys)))
        return aliases, joined


def _conditions(
    main: ExportTable, aliases: Sequence[FromClause], filters: Filters
) -> Iterator[ColumnElement[bool]]:
    def column(name: str) -> ColumnElement[Any]:
        cell = main.cell(name)
        if cell is None:
            raise ConfigurationError(
                f"The table {main.name} has no column {name} yet: apply the plan that waits "
                "(`python -m kobo_mirror plan`), or leave the option out."
            )
        return aliases[cell.source].c[cell.name]

    if filters.approved_only:
        yield column("validation_status") == APPROVED
    if filters.since is not None:
        yield column("submission_time") >= datetime.combine(filters.since, time())
