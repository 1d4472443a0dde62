"""Reading: in which order people read columns and choices, over all versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kobo_mirror.forms import system_columns
from kobo_mirror.forms.definition import Version
from kobo_mirror.forms.form_schema import ROWS, ChoiceRow, Column, FormSchema, Table


def read_order(before: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    """Return the paths of all questions: the version's in its order, others after what they came after.

    :param before: the order of the versions before.
    :param asked: the paths of the version.

    >>> read_order(["a", "b", "c"], ["c", "a", "d"])
    ('c', 'a', 'b', 'd')
    """
    follows: dict[str | None, list[str]] = {}
    still, predecessor = set(asked), None
    for path in before:
        if path in still:
            predecessor = path
        else:
            follows.setdefault(predecessor, []).append(path)
    order = list(follows.get(None, []))
    for path in asked:
        order += [path, *follows.get(path, [])]
    return tuple(order)


def with_positions(schema: FormSchema) -> FormSchema:
    """Return the schema with the position of each column: as the newest version asks, the system's around.

    :param schema: its ``reading_order`` has all questions.
    """
    place = {path: index for index, path in enumerate(schema.reading_order)}
    first_inside: dict[str, int] = {}
    for path, index in place.items():
        end = path.find("/")
        while end != -1:
            first_inside.setdefault(path[:end], index)
            end = path.find("/", end + 1)
    tables = tuple(_placed(table, place, first_inside) for table in schema.tables)
    return replace(schema, tables=tables)


def _placed(table: Table, place: dict[str, int], first_inside: dict[str, int]) -> Table:
    last = len(place)

    def key(numbered: tuple[int, Column]) -> tuple[int, int, int]:
        index, column = numbered
        if not column.path:
            return (2 if column.facet in system_columns.TRAILING_NAMES else 0), 0, index
        if column.facet == ROWS:
            return 1, first_inside.get(column.path, last), -1
        return 1, place.get(column.path, last), index

    order = {index: at for at, (index, _) in enumerate(sorted(enumerate(table.columns), key=key), 1)}
    return replace(
        table, columns=tuple(replace(c, position=order[index]) for index, c in enumerate(table.columns))
    )


def with_choices(schema: FormSchema, version: Version) -> FormSchema:
    """Return the schema with the choices of a version: its own in its order, those of before after them.

    :param schema: of the versions before.
    :param version: the newest one.
    """
    before = {(row.list_name, row.name): row for row in schema.choices}
    found: dict[tuple[str, str], ChoiceRow] = {}
    for choice in version.choices:
        key = (choice.list_name, choice.name)
        known = before.pop(key, None)
        found[key] = ChoiceRow(
            list_name=choice.list_name,
            name=choice.name,
            position=0,
            labels=dict(choice.labels) or (known.labels if known else {}),
            first_version=known.first_version if known else version.uid,
            last_version=version.uid,
        )
    positions: dict[str, int] = {}
    rows = []
    for row in (*found.values(), *before.values()):
        positions[row.list_name] = positions.get(row.list_name, 0) + 1
        rows.append(replace(row, position=positions[row.list_name]))
    return replace(schema, choices=tuple(rows))
