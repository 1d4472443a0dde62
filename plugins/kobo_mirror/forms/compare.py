"""Compare: what lies between two schemas of a form, an earlier and a later one."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kobo_mirror.forms.form_schema import ROWS, VALUE, Column, FormSchema, Table

_NAMED = (VALUE, ROWS)


def lacking(before: FormSchema, after: FormSchema) -> list[tuple[str, str]]:
    """Return the columns of a schema that a later one lacks, or has otherwise: none, if it grew from it.

    :param before: the earlier schema.
    :param after: the later one.
    :returns: the names of physical tables and of their columns.
    """
    there = {(table.name, column.name): _born_as(column) for table, column in _columns(after)}
    return [
        (table.part_name(column.part), column.name)
        for table, column in _columns(before)
        if there.get((table.name, column.name)) != _born_as(column)
    ]


def must_shape_anew(before: FormSchema | None, after: FormSchema) -> bool:
    """Return True if stored submissions become other rows, or may, even where no row has an ``extra``.

    A question that is new does not ask for it: its answers, if there are any, are in ``extra`` of the rows.

    :param before: the schema by which rows were shaped; None: there is none. Rows that are there none the
        less are those of a declared table.
    :param after: the schema by which they are shaped from now on.
    """
    if before is None:
        return bool(after.declared)
    shapes = {(table.name, column.name): column.shape for table, column in _columns(after)}
    asked = {column.path for _, column in _columns(before) if column.facet == VALUE}
    return (
        before.reading != after.reading
        or before.declared != after.declared
        or any(shapes[table.name, column.name] != column.shape for table, column in _columns(before))
        or any(column.path in asked for _, column in _born(before, after) if column.facet not in _NAMED)
        or _are_asked({*after.repeats} - {*before.repeats}, asked)  # lists were rejected that are rows now
    )


def born_paths(before: FormSchema, after: FormSchema) -> set[str]:
    """Return the paths of the questions and repeats that have columns or tables now, and had none.

    A path that was a repeat may have become a question too, and the other way round.

    :param before: the earlier schema.
    :param after: the later one.
    """
    known, now = (
        {(column.path, column.facet) for _, column in _columns(schema) if column.facet in _NAMED}
        for schema in (before, after)
    )
    return {path for path, _ in now - known}


def _born_as(column: Column) -> tuple[object, ...]:
    return column.path, column.facet, column.kind, column.part


def _are_asked(repeats: Collection[str], asked: Collection[str]) -> bool:
    """Return True if a question has the path of a repeat, or one in it."""
    return any(f"{path}/".startswith(f"{repeat}/") for repeat in repeats for path in asked)


def _columns(schema: FormSchema) -> Iterator[tuple[Table, Column]]:
    for table in schema.tables:
        for column in table.columns:
            yield table, column


def _born(before: FormSchema, after: FormSchema) -> Iterator[tuple[Table, Column]]:
    there = {(table.name, column.name) for table, column in _columns(before)}
    yield from (one for one in _columns(after) if (one[0].name, one[1].name) not in there)
