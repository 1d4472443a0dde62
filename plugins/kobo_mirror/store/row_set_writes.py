"""Row sets as the statements that write them to the tables of a form, whatever these held before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, select

from kobo_mirror.database.bulk import Delete, Moment, Write
from kobo_mirror.forms import form_schema
from kobo_mirror.forms.form_schema import (
    EXTRA,
    INSERTED_AT,
    OF_THE_ROW,
    ROWS,
    UPDATED_AT,
    FormSchema,
    TableKind,
)
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.decide import Stored
from kobo_mirror.store.form_locks import HeldForm
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.rows_to_write import HeldByMessage
from kobo_mirror.submissions.files import FileRow
from kobo_mirror.submissions.row_set import RejectedCell, Row, RowSet

_KEY = "kobo_id"

Cells = tuple[Any, ...]


class Change(NamedTuple):
    """A submission to write.

    :param rows: by the names of physical tables, each with the cells that its write begins with.
    :param inserted_at: when the submission was first seen.
    :param may_exist: the tables may hold rows of it: it is known, or its first try collided.
    :param moves: ``updated_at`` moves, since its row set is another one than before.
    """

    kobo_id: int
    rows: Mapping[str, Sequence[Cells]]
    inserted_at: Moment
    may_exist: bool
    moves: bool


class _Filled(NamedTuple):
    """What the rows of a physical table consist of, beside the keys.

    :param name: of the table.
    :param write: without rows.
    :param pick: returns those cells of a row that this table has, in the order of the write; None: all.
    :param counts: the columns that count repetitions.
    :param has_extra: ``extra`` follows.
    """

    name: str
    write: Write
    pick: Callable[[Sequence[Any]], Cells] | None
    counts: tuple[str, ...]
    has_extra: bool

    def cells(self, kobo_id: int, row: Row) -> Cells:
        """Return the cells of a row; a column that was moved is NULL."""
        picked = self.pick(row.values) if self.pick else row.values
        counts = [row.counts.get(name, 0) for name in self.counts] if self.counts else ()
        extra = (row.extra_text,) if self.has_extra else ()
        return (kobo_id, *row.position, *picked, *counts, *extra)


class FormWrites:
    """Writes row sets of one form; compiled once for a schema, and used by any number of threads.

    :param schema: by which the row sets are shaped.
    """

    def __init__(self, schema: FormSchema) -> None:
        self._asset_uid = schema.asset_uid
        self._root = schema.root.name
        tables = physical_tables(schema)
        self._filled: dict[str, list[_Filled]] = {}
        for table in schema.tables:
            if table.kind not in (TableKind.DECLARED, TableKind.FILES):
                parts = range(1, table.parts + 1)
                self._filled[table.name] = [
                    _filled(table, part, tables.tables[table.part_name(part)]) for part in parts
                ]
        (files,) = (tables.tables[t.name] for t in schema.tables if t.kind is TableKind.FILES)
        of_files = Write(files, (_KEY, *FileRow._fields), ())
        of_rejected = Write(rejected_cells, tuple(rejected_cells.columns.keys()), ())
        filled = {part.write.table.name: part.write for parts in self._filled.values() for part in parts}
        in_order = [table for table in tables.sorted_tables if table is not files]
        self._writes = (*(filled[table.name] for table in in_order), of_files, of_rejected)
        of_root = {part.write.table.name for part in self._filled[self._root]}
        self._lists = [table for table in (files, *reversed(in_order)) if table.name not in of_root]
        self._singles = [table for table in reversed(in_order) if table.name in of_root]
        self._files = files.name

    @property
    def writes(self) -> Sequence[Write]:
        """A write without rows for each table, parents before what refers to them."""
        return self._writes

    def change_of(
        self,
        row_set: RowSet,
        row_digest: bytes,
        stored: Stored | None,
        held: HeldForm | HeldByMessage,
        *,
        may_exist: bool = False,
    ) -> Change | None:
        """Return what is to be written of a submission, or None if its rows are what they should be.

        :param row_set: of the submission, shaped by this schema.
        :param row_digest: 16 bytes, of the rows that are written.
        :param stored: what the ledger holds of it; None without a row.
        :param held: the form's epoch and the database's clock.
        :param may_exist: look for rows of it although the ledger has none: an earlier try collided.
        """
        moves = stored is None or stored.row_digest != row_digest
        if stored is None:
            inserted_at: Moment = held.moment
        elif moves or stored.document_digest is None or stored.epoch != held.epoch:
            inserted_at, may_exist = stored.first_seen_at, True
        else:
            return None
        return Change(row_set.kobo_id, self._rows(row_set), inserted_at, may_exist, moves)

    def _rows(self, row_set: RowSet) -> dict[str, list[Cells]]:
        found: dict[str, list[Cells]] = {}
        for row in row_set.rows:
            for part in self._filled[row.table.name]:
                found.setdefault(part.name, []).append(part.cells(row_set.kobo_id, row))
        if row_set.files:
            found[self._files] = [(row_set.kobo_id, *file) for file in row_set.files]
        if row_set.rejected:
            key = (self._asset_uid, row_set.kobo_id)
            found[rejected_cells.name] = [(*key, _key_hash(cell), *cell) for cell in row_set.rejected]
        return found

    def statements(self, connection: Connection, changes: Sequence[Change]) -> list[Write | Delete]:
        """Return what writes row sets, for one ``write`` after the ledger's rows.

        Only where submissions may have rows is anything read, or deleted.

        :param connection: the transaction that has locked the ledger's rows.
        :param changes: of different submissions, ascending by ``_id``.
        """
        there = [change.kobo_id for change in changes if change.may_exist]
        deletes = [*self._rejected(connection, there), *(Delete(t, _KEY, there) for t in self._lists)]
        return [*deletes, *self._of_root(changes), *self._others(changes)]

    def _of_root(self, changes: Sequence[Change]) -> Iterator[Write]:
        """Yield the writes of the root's own row: where the row set is as before, its time stays."""
        write = self._writes[0]
        for moves, touch in ((True, write.touch), (False, ())):
            rows = [(*c.rows[self._root][0], c.inserted_at) for c in changes if c.moves is moves]
            yield write._replace(rows=rows, touch=touch)

    def _others(self, changes: Sequence[Change]) -> Iterator[Write]:
        for write in self._writes[1:]:
            name = write.table.name
            yield write._replace(rows=[*chain.from_iterable(c.rows.get(name, ()) for c in changes)])

    def removals(self, connection: Connection, ids: Sequence[int]) -> list[Write | Delete]:
        """Return what deletes all rows of submissions, for one ``write``.

        :param connection: the transaction that has locked the ledger's rows.
        :param ids: ``_id`` of each submission.
        """
        mine = (Delete(table, _KEY, ids) for table in (*self._lists, *self._singles))
        return [*self._rejected(connection, ids), *mine]

    def _rejected(self, connection: Connection, ids: Sequence[int]) -> list[Delete]:
        """Return what deletes rejected cells, of those submissions alone that have any."""
        if not ids:
            return []
        t = rejected_cells.c
        query = select(t.kobo_id).distinct().where(t.asset_uid == self._asset_uid, t.kobo_id.in_(ids))
        found = sorted(connection.scalars(query))
        return [Delete(rejected_cells, _KEY, found, of=(("asset_uid", self._asset_uid),))]


def _filled(table: form_schema.Table, part: int, physical: Table) -> _Filled:
    columns = [column for column in table.columns if column.part == part]
    system = {column.name for column in columns if not column.path and column.name in OF_THE_ROW}
    counts = tuple(column.name for column in columns if column.facet == ROWS)
    here = {column.name for column in columns}
    places = [place for place, name in enumerate(table.cell_names) if name in here]
    answers = tuple(table.cell_names[place] for place in places)
    of_row = tuple(name for name in (EXTRA, INSERTED_AT) if name in system)
    names = (*table.keys, *answers, *counts, *of_row)
    key = () if table.path else table.keys
    keep, touch = (tuple({name} & system) for name in (INSERTED_AT, UPDATED_AT))
    write = Write(physical, names, (), key=key, keep=keep, touch=touch)
    pick = _picking(places) if len(places) < len(table.cell_names) else None
    return _Filled(physical.name, write, pick, counts, EXTRA in system)


def _picking(places: Sequence[int]) -> Callable[[Sequence[Any]], Cells]:
    """Return what picks the values at some places, as a tuple.

    :param places: ascending.
    """
    if not places:
        return lambda values: ()
    first, end = places[0], places[-1] + 1
    if len(places) == end - first:
        return lambda values: tuple(values[first:end])
    return itemgetter(*places)


def _key_hash(cell: RejectedCell) -> bytes:
    text = json.dumps((cell.table, cell.pos, cell.column))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
