"""Parts: into which of a table's parts columns go, in the order of their birth."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from kobo_mirror.forms.form_schema import Column, FormSchema, Table
from kobo_mirror.forms.widths import EMPTY, fits, width_of


class LastPart:
    """The part that takes what is born, and the next one once it is full or closed.

    :param columns: those of the table that have their place.
    :param closed: as ``Table.closed``.
    """

    def __init__(self, columns: Collection[Column], closed: int) -> None:
        self._part = max((column.part for column in columns), default=1)
        self._closed = closed
        in_part = [column for column in columns if column.part == self._part]
        self._width = sum((width_of(column.kind, column.name) for column in in_part), EMPTY)
        self._count = len(in_part)

    def take(self, born: Sequence[Column]) -> Iterator[Column]:
        """Yield columns with their part: they stay together, and a part is opened where they do not fit.

        :param born: the columns of one question.
        """
        widths = [width_of(column.kind, column.name) for column in born]
        width, count = sum(widths, self._width), self._count + len(born)
        if self._part <= self._closed or not fits(width, count):
            self._part = max(self._part, self._closed) + 1
            width, count = sum(widths, EMPTY), len(born)
        self._width, self._count = width, count
        yield from (replace(column, part=self._part) for column in born)


def with_closed_part(schema: FormSchema, name: str, there: Collection[str]) -> FormSchema:
    """Return a schema whose births into a part go to a later one, since the database takes no more there.

    :param schema: the one that is being applied.
    :param name: of the part: ``<table>`` or ``<table>__2`` and so on.
    :param there: the columns that the part has in the database; they stay.
    :returns: the schema with the same columns in the same order; it is this one if nothing can go elsewhere.
    """
    return replace(schema, tables=tuple(_closed(table, name, there) for table in schema.tables))


def _closed(table: Table, name: str, there: Collection[str]) -> Table:
    part = next((part for part in range(1, table.parts + 1) if table.part_name(part) == name), None)
    if part is None:
        return table
    waiting = {c.name: c for c in table.columns if c.part == part and c.path and c.name not in there}
    if not waiting:
        return table
    closed = max(table.closed, part)
    last = LastPart([column for column in table.columns if column.name not in waiting], closed)
    for born in _questions(waiting.values()):
        waiting.update((column.name, column) for column in last.take(born))
    columns = tuple(waiting.get(column.name, column) for column in table.columns)
    return replace(table, columns=columns, closed=closed)


def _questions(columns: Iterable[Column]) -> list[list[Column]]:
    """Return the columns question by question: those of one stay together."""
    found: dict[str, list[Column]] = {}
    for column in columns:
        found.setdefault(column.path, []).append(column)
    return list(found.values())
