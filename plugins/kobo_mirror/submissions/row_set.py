"""RowSet: all rows of one submission over all tables of its form, and what no column holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from kobo_mirror import tolerant_json
from kobo_mirror.forms.form_schema import Table
from kobo_mirror.submissions.answers import Cell
from kobo_mirror.submissions.files import FileRow
from kobo_mirror.submissions.hashing import hash16

ToldRow = tuple[str, tuple[int, ...], Mapping[str, Any], str | None]
"""What a digest is made of a row, see :func:`told_row`."""

_encode = msgspec.json.Encoder(order="sorted").encode
_encode_in_order = msgspec.json.Encoder().encode
_table_of = attrgetter("table.name")
_NOTHING: Any = MappingProxyType({})
"""Of a row that has no extra, no counts or no rows in it; a page has ten thousand such rows."""


class RejectedCell(NamedTuple):
    """An answer that its column cannot hold: the cell is NULL, and this is kept.

    :param table: the physical table, a part included.
    :param pos: the positions of its row, joined by ``-``; empty for the root.
    :param value: the answer; what is no text that can be stored is ASCII JSON.
    """

    table: str
    pos: str
    column: str
    path: str
    value: str
    reason: str


class Row(msgspec.Struct):
    """A row while it is filled.

    :param position: of the repetitions around it, the outermost first, and its own; empty for the root.
    :param values: a cell for each of ``Table.cell_names``, in their order; None is NULL.
    :param extra: what no column holds: path → value as sent.
    :param counts: of the repetitions in it, by the column that has their number; no column: there are none.
    :param rows: the repetitions in it, by the path of their repeat.
    """

    table: Table
    position: tuple[int, ...]
    values: list[Cell]
    extra: dict[str, Any] = _NOTHING
    counts: dict[str, int] = _NOTHING
    rows: dict[str, list[Row]] = _NOTHING

    @classmethod
    def empty(cls, table: Table, position: tuple[int, ...] = ()) -> Row:
        """Return a row without cells.

        :param table: the table of the row.
        :param position: as the class has it.
        """
        return cls(table, position, [None] * len(table.cell_names))

    def keep(self, path: str, value: Any) -> None:
        """Keep in ``extra`` what no column holds.

        :param path: under which it stood.
        :param value: as sent.
        """
        if not self.extra:
            self.extra = {}
        self.extra[path] = value

    def rows_in(self, path: str) -> list[Row]:
        """Return the repetitions in it, to add to them.

        :param path: of their repeat.
        """
        if not self.rows:
            self.rows = {}
        return self.rows.setdefault(path, [])

    @property
    def cells(self) -> dict[str, Cell]:
        """Its cells by column, without those that are NULL."""
        named = zip(self.table.cell_names, self.values, strict=True)
        return {name: cell for name, cell in named if cell is not None}

    @property
    def pos(self) -> str:
        """Its position as a text, such as ``3-1``."""
        return "-".join(map(str, self.position))

    @property
    def extra_text(self) -> str | None:
        """What the column ``extra`` holds: canonical ASCII JSON, or NULL."""
        return tolerant_json.dumps(self.extra).decode() if self.extra else None

    def all_rows(self) -> list[Row]:
        """Return this row, and after each the repetitions in it, in the order of their paths."""
        found = [self]
        for path in sorted(self.rows):
            for row in self.rows[path]:
                if row.rows:
                    found += row.all_rows()
                else:
                    found.append(row)
        return found


@dataclass(frozen=True)
class RowSet:
    """All rows of one submission.

    :param kobo_id: ``_id``.
    :param rows: the root first, each repetition after the row that it stands in.
    :param rejected: in the order of tables, positions and columns.
    :param files: in the order of the server.
    """

    kobo_id: int
    rows: tuple[Row, ...]
    rejected: tuple[RejectedCell, ...] = ()
    files: tuple[FileRow, ...] = ()

    def digest(self) -> bytes:
        """Return 16 bytes that differ when the rows do.

        Neither does a column that is born and has no answer here change it, nor the question that the server
        names for a file, nor the order of the files. The numbers of repetitions follow from the rows.
        """
        rows = [
            (row.table.name, row.position, row.table.told_cells(*row.values), row.extra_text)
            for row in sorted(self.rows, key=_table_of)  # those of one table ascend by position already
        ]
        others = _told_others(self.rejected, [file[:-1] for file in self.files])
        return hash16(_encode_in_order((self.kobo_id, rows, others)))


def told_row(
    table: str, position: tuple[int, ...], cells: Mapping[str, Any], extra: str | None
) -> msgspec.Raw:
    """Return what a digest is made of a row, as JSON.

    :param table: its name.
    :param position: its numbers in the repeats that it is in, from 1; empty in the root.
    :param cells: those that are not NULL, by column; times may be ISO texts.
    :param extra: what the column ``extra`` holds.
    """
    return msgspec.Raw(_encode((table, position, cells, extra)))


def digest_of(
    kobo_id: int,
    rows: Sequence[msgspec.Raw | ToldRow],
    rejected: Iterable[tuple[Any, ...]],
    files: Iterable[tuple[Any, ...]],
) -> bytes:
    """Return the digest of a row set of which only this is known, 16 bytes.

    :param kobo_id: ``_id``.
    :param rows: what ``told_row`` is given, or what it returned, ascending by table and position.
    :param rejected: as ``RejectedCell``, in any order.
    :param files: as ``FileRow``, without ``question_xpath``, in any order.
    """
    return hash16(_encode((kobo_id, rows, _told_others(rejected, files))))


def _told_others(*kinds: Iterable[tuple[Any, ...]]) -> list[list[msgspec.Raw]]:
    return [[*map(msgspec.Raw, sorted(map(_encode, cells)))] for cells in kinds]
