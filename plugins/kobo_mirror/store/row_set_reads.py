"""Row sets as the tables of a form hold them: read back to be compared with what was written.

A window is ``after < id <= upto``; ``upto`` is None where it has no end. Each physical table is read by one
statement, so the caller's transaction is to see one state of the database (``snapshot``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Row,
    Select,
    Table,
    bindparam,
    select,
)

from kobo_mirror.database.exact_cells import exact
from kobo_mirror.forms import form_schema
from kobo_mirror.forms.form_schema import EXTRA, INSERTED_AT, ROWS, UPDATED_AT, FormSchema, Status, TableKind
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.submissions.files import FileRow
from kobo_mirror.submissions.row_set import digest_of, told_row

_OUT_OF_DIGESTS = (INSERTED_AT, UPDATED_AT, "question_xpath")

Key = tuple[int, ...]
"""``kobo_id``, and the positions of a row."""
Cells = dict[str, Any]
"""The cells of a row that are not NULL, by column."""


class FoundRows(NamedTuple):
    """What the tables hold of a submission.

    :param digest: 16 bytes, ``RowSet.digest()`` of the row set that was written if each cell is as written.
    :param is_whole: each part has just the rows of its table, repetitions are numbered from 1 and as many as
        the row above them says, all rows belong to one of the root, and what was moved is empty.
    """

    digest: bytes
    is_whole: bool


class _Query(NamedTuple):
    """The statement that reads a physical table, composed once: that takes longer than to run it."""

    above: Select[Any]
    between: Select[Any]
    of: Select[Any]

    @classmethod
    def by_key(cls, query: Select[Any], table: Table) -> _Query:
        ordered, kobo_id = query.order_by(*table.primary_key), table.c.kobo_id
        above = ordered.where(kobo_id > bindparam("after"))
        ids: BindParameter[Any] = bindparam("ids", expanding=True, literal_execute=False)
        return cls(above, above.where(kobo_id <= bindparam("upto")), ordered.where(kobo_id.in_(ids)))


Run = Callable[[_Query], Sequence[Row[Any]]]
"""Reads a table for the window or the ids in question."""


class _Part(NamedTuple):
    """A physical table. The columns of its query are the key, and then these in this order.

    :param answers: the columns that are in a digest but for ``extra``, ascending.
    :param counts: the columns that count repetitions.
    :param emptied: what the columns hold that were moved.
    """

    query: _Query
    answers: tuple[str, ...]
    counts: tuple[str, ...]
    emptied: tuple[int | None, ...]


class _Counted(NamedTuple):
    """A repeat, and the column of its parent that says how many repetitions a row has."""

    table: str
    parent: str
    column: str


@dataclass
class _Found:
    """What was found in the tables so far.

    :param told: the rows of each submission, in the order of the digest.
    :param keys: of the rows of each table, ascending.
    :param counts: how many repetitions rows have, by table and column, where there are any.
    :param broken: the submissions that are not whole.
    """

    told: dict[int, list[msgspec.Raw]] = field(default_factory=dict)
    keys: dict[str, list[Key]] = field(default_factory=dict)
    counts: dict[tuple[str, str], dict[Key, int]] = field(default_factory=dict)
    broken: set[int] = field(default_factory=set)


class RowSetReads:
    """Reads the row sets of one form; compiled once for a schema, and used by any number of threads.

    :param schema: by which the row sets were shaped.
    """

    def __init__(self, schema: FormSchema) -> None:
        made = physical_tables(schema)
        live = [table for table in schema.tables if table.status is not Status.MOVED]
        of_rows = [table for table in live if table.kind not in (TableKind.DECLARED, TableKind.FILES)]
        self._root = schema.root.name
        self._tables = [_Table(table, made) for table in sorted(of_rows, key=lambda table: table.name)]
        self._counted = [_counted(table, schema.tables) for table in of_rows if table.path]
        self._emptied = [
            _keys_of(made.tables[table.part_name(part)])
            for table in schema.tables
            if table.status is Status.MOVED
            for part in range(1, table.parts + 1)
        ]
        (files,) = (made.tables[t.name] for t in schema.tables if t.kind is TableKind.FILES)
        self._files = _listed(files, [name for name in FileRow._fields if name not in _OUT_OF_DIGESTS])
        self._rejected = _listed(
            rejected_cells,
            ("table_name", "pos", "column_name", "path", "value", "reason"),
            rejected_cells.c.asset_uid == schema.asset_uid,
        )

    def between(self, connection: Connection, after: int, upto: int | None) -> dict[int, FoundRows]:
        """Return what the tables hold of the submissions of a window.

        :param connection: a transaction whose statements see one state of the database; nothing is locked.
        :param after: the highest ``_id`` below the window.
        :param upto: the last ``_id`` of the window; None: no end.
        :returns: by ``_id``, ascending; whatever has rows in any table is there.
        """
        if upto is None:
            return self._read(lambda query: connection.execute(query.above, {"after": after}).all())
        window = {"after": after, "upto": upto}
        return self._read(lambda query: connection.execute(query.between, window).all())

    def of(self, connection: Connection, ids: Sequence[int]) -> dict[int, FoundRows]:
        """Return what the tables hold of some submissions.

        :param connection: a transaction whose statements see one state of the database; nothing is locked.
        :param ids: ``_id`` of each submission, not more than a page has.
        :returns: by ``_id``, ascending; those of which no table has anything are missing.
        """
        wanted = {"ids": list(ids)}
        return self._read(lambda query: connection.execute(query.of, wanted).all()) if ids else {}

    def _read(self, run: Run) -> dict[int, FoundRows]:
        found = _Found()
        for table in self._tables:
            table.read(run, found)
        for counted in self._counted:
            found.broken.update(_miscounted(counted, found))
        for query in self._emptied:
            found.broken.update(kobo_id for (kobo_id,) in run(query))
        files, rejected = _by_id(run(self._files)), _by_id(run(self._rejected))
        ids = {*found.told, *found.broken, *files, *rejected}
        found.broken |= ids.difference(kobo_id for (kobo_id,) in found.keys[self._root])
        return {
            i: FoundRows(
                digest_of(i, found.told.get(i, ()), rejected.get(i, ()), files.get(i, ())),
                i not in found.broken,
            )
            for i in sorted(ids)
        }


class _Table:
    """Reads the root or a repeat with its parts.

    :param table: is not moved.
    :param made: the physical tables.
    """

    def __init__(self, table: form_schema.Table, made: MetaData) -> None:
        self._name, self._depth = table.name, len(table.keys)
        self._first, *self._others = (
            _part(table, part, made.tables[table.part_name(part)]) for part in range(1, table.parts + 1)
        )
        self._extra = self._depth + len(self._first.answers)

    def read(self, run: Run, found: _Found) -> None:
        """Add all rows of the table that a query finds.

        :param run: runs the query.
        :param found: takes the rows, and what is broken.
        """
        depth = self._depth
        rows = run(self._first.query)
        keys: list[Key] = [row[:depth] for row in rows]
        found.keys[self._name] = keys
        self._check(self._first, rows, self._extra + 1, found)
        cells = {key: _cells(self._first.answers, row[depth:]) for key, row in zip(keys, rows, strict=True)}
        for part in self._others:
            self._join(part, run(part.query), cells, found)
        for (key, of_row), row in zip(cells.items(), rows, strict=True):
            told = told_row(self._name, key[1:], of_row, row[self._extra])
            found.told.setdefault(key[0], []).append(told)

    def _join(self, part: _Part, rows: Sequence[Row[Any]], cells: Mapping[Key, Cells], found: _Found) -> None:
        """Add the cells of a part to those of its rows."""
        depth = self._depth
        by_key: dict[Key, Row[Any]] = {row[:depth]: row for row in rows}
        found.broken.update(key[0] for key in by_key.keys() ^ cells.keys())
        for key in by_key.keys() & cells.keys():
            cells[key] |= _cells(part.answers, by_key[key][depth:])
        self._check(part, rows, depth + len(part.answers), found)

    def _check(self, part: _Part, rows: Sequence[Row[Any]], at: int, found: _Found) -> None:
        """Note the numbers of repetitions, and the rows in which a column is not empty that was moved.

        :param at: where the columns begin that are counts.
        """
        for place, name in enumerate(part.counts, at):
            counts = {row[: self._depth]: row[place] for row in rows if row[place] != 0}
            found.counts[self._name, name] = counts
        if part.emptied:
            at += len(part.counts)
            found.broken.update(row[0] for row in rows if row[at:] != part.emptied)


def _part(table: form_schema.Table, part: int, physical: Table) -> _Part:
    columns = [c for c in table.columns if c.part == part and (c.path or c.name not in _OUT_OF_DIGESTS)]
    there = [column for column in columns if column.status is not Status.MOVED]
    answers = sorted(c.name for c in there if c.facet != ROWS and (c.path or c.name != EXTRA))
    counts = [column.name for column in there if column.facet == ROWS]
    moved = [column for column in columns if column.status is Status.MOVED]
    names = (*table.keys, *answers, *([EXTRA] if part == 1 else ()), *counts, *(c.name for c in moved))
    query = select(*(exact(physical.c[name]) for name in names))
    emptied = tuple(0 if column.facet == ROWS else None for column in moved)
    return _Part(_Query.by_key(query, physical), tuple(answers), tuple(counts), emptied)


def _counted(table: form_schema.Table, tables: Iterable[form_schema.Table]) -> _Counted:
    (parent,) = (other for other in tables if other.name == table.parent)
    counting = (c for c in parent.columns if c.facet == ROWS and c.path == table.path)
    (column,) = (column.name for column in counting if column.status is not Status.MOVED)
    return _Counted(table.name, parent.name, column)


def _keys_of(table: Table) -> _Query:
    return _Query.by_key(select(table.c.kobo_id), table)


def _listed(table: Table, names: Iterable[str], *where: ColumnElement[bool]) -> _Query:
    columns: list[Column[Any]] = [table.c[name] for name in ("kobo_id", *names)]
    return _Query.by_key(select(*map(exact, columns)).where(*where), table)


def _cells(names: Iterable[str], cells: Iterable[Any]) -> Cells:
    return {name: cell for name, cell in zip(names, cells, strict=False) if cell is not None}


def _by_id(rows: Iterable[Row[Any]]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row[1:])
    return found


def _miscounted(counted: _Counted, found: _Found) -> Iterator[int]:
    """Yield the submissions in which the rows above say something else than the repetitions do."""
    there: dict[Key, int] = {}
    for key in found.keys[counted.table]:
        above, pos = key[:-1], key[-1]
        there[above] = there.get(above, 0) + 1
        if pos != there[above]:
            yield key[0]
    for key, _ in there.items() ^ found.counts[counted.parent, counted.column].items():
        yield key[0]
