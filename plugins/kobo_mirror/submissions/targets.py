"""Targets: the columns of a table that an answer goes to, by the question's path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kobo_mirror.forms.form_schema import ROWS, VALUE, Column, Status, Table
from kobo_mirror.forms.question_types import FACETS, POINT_FACETS, Kind, is_file


class Target(NamedTuple):
    """A column that holds an answer, with its facets.

    :param table: the physical table.
    :param narrowed: what does not fit is NULL here: a column beside it holds every answer.
    :param offset: the column of a time's offset, or None.
    :param numbers: the columns of a point's numbers, or none.
    :param names_file: the answer may be the name of an attachment.
    """

    column: str
    table: str
    kind: Kind
    narrowed: bool
    offset: str | None
    numbers: tuple[str, ...]
    names_file: bool


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
        self.of: Mapping[str, tuple[Target, ...]] = {
            path: tuple(_targets(table, facets)) for path, facets in by_path.items()
        }
        self.counts: Mapping[str, str] = {c.path: c.name for c in there if c.facet == ROWS}
        self.files = [target for targets in self.of.values() for target in targets if target.names_file]


def _targets(table: Table, facets: Mapping[str, list[Column]]) -> Iterator[Target]:
    for column in facets[VALUE]:
        has_offset = column.kind in FACETS and "offset" in facets
        is_point = column.kind is Kind.TEXT and POINT_FACETS[0] in facets
        yield Target(
            column.name,
            table.part_name(column.part),
            column.kind,
            column.status is Status.NARROWED,
            facets["offset"][0].name if has_offset else None,
            tuple(facets[facet][0].name for facet in POINT_FACETS) if is_point else (),
            column.kind is Kind.TEXT and is_file(column.question_type or ""),
        )
