"""Targets: the columns that an answer goes to, and the rows that it stands in, by the question's path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from kobo_mirror.forms.form_schema import ROWS, VALUE, Column, Status, Table
from kobo_mirror.forms.question_types import FACETS, POINT_FACETS, Kind
from kobo_mirror.submissions.answers import READERS, READERS_OF_STORABLE, TIMED_READERS, Cell, Timed


class Target(NamedTuple):
    """A column that holds an answer, with its facets; each by its place among ``Table.cell_names``.

    :param column: its name.
    :param table: the physical table.
    :param place: of the column.
    :param narrowed: what does not fit is NULL here: a column beside it holds every answer.
    :param read: turns a text into the cell; None: ``read_timed`` does, and gives the offset, too.
    :param offset: of a time's offset, or None.
    :param numbers: of a point's numbers, or none.
    :param names_file: the answer may be the name of an attachment.
    :param read_storable: as ``read``, for a storable text; None: that is the cell.
    """

    column: str
    table: str
    place: int
    narrowed: bool
    read: Callable[[str], Cell] | None
    read_timed: Callable[[str], Timed] | None
    offset: int | None
    numbers: tuple[int, ...]
    names_file: bool
    read_storable: Callable[[str], Cell] | None

    def usual(self, *, of_storable: bool) -> Usual | None:
        """Return how most answers are written: into one column, or one with the offset from UTC beside it.

        :param of_storable: the answers are known to be storable.
        :returns: None if an answer may become more cells.
        """
        if self.read_timed is not None:
            return (self.place, self.read_timed, self.offset) if self.offset is not None else None
        if self.read is None or self.numbers:
            return None
        return self.place, self.read_storable if of_storable else self.read, None


Usual = tuple[int, Callable[[str], Any] | None, int | None]
"""A place of a row, what reads a text into its cell (None: the text is the cell), and that of the offset.

With one of the offset, what is read is a ``Timed``.
"""


class Place(NamedTuple):
    """What a key of a submission is by the schema.

    :param chain: the repeats that it stands in, the outermost first.
    :param targets: the columns of its question; none: it is no question.
    :param is_repeat: it is the path of a repeat: a list there is rows.
    """

    path: str
    chain: tuple[str, ...]
    targets: tuple[Target, ...] = ()
    is_repeat: bool = False


class Targets:
    """Where the answers that stand in a table's rows go.

    :param table: with its parts.
    """

    def __init__(self, table: Table) -> None:
        there = [column for column in table.columns if column.path and column.status is not Status.MOVED]
        by_path: dict[str, dict[str, list[Column]]] = {}
        for column in there:
            if column.facet != ROWS:
                by_path.setdefault(column.path, {}).setdefault(column.facet, []).append(column)
        places = {name: place for place, name in enumerate(table.cell_names)}
        self.of: Mapping[str, tuple[Target, ...]] = {
            path: tuple(_targets(table, places, facets)) for path, facets in by_path.items()
        }
        self.places: Mapping[str, int] = places
        self.counts: Mapping[str, str] = {c.path: c.name for c in there if c.facet == ROWS}
        self.usual = self._usual(of_storable=False)
        self.usual_storable = self._usual(of_storable=True)
        self.files = [target for targets in self.of.values() for target in targets if target.names_file]

    def _usual(self, *, of_storable: bool) -> Mapping[str, Usual]:
        """Return the questions of one column, by path."""
        alone = {
            path: only[0].usual(of_storable=of_storable) for path, only in self.of.items() if len(only) == 1
        }
        return {path: usual for path, usual in alone.items() if usual}


def _targets(table: Table, places: Mapping[str, int], facets: Mapping[str, list[Column]]) -> Iterator[Target]:
    for column in facets[VALUE]:
        has_offset = column.kind in FACETS and "offset" in facets
        is_point = column.kind is Kind.TEXT and POINT_FACETS[0] in facets
        yield Target(
            column.name,
            table.part_name(column.part),
            places[column.name],
            column.status is Status.NARROWED,
            READERS.get(column.kind),
            TIMED_READERS.get(column.kind),
            places[facets["offset"][0].name] if has_offset else None,
            tuple(places[facets[facet][0].name] for facet in POINT_FACETS) if is_point else (),
            column.kind is Kind.TEXT and column.names_file,
            READERS_OF_STORABLE.get(column.kind),
        )
