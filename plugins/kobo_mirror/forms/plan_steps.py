"""Plan steps: what leads from a form's tables to those that its versions need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from kobo_mirror.forms.form_schema import ROWS, VALUE, Column, FormSchema, Status, Table
from kobo_mirror.forms.plan import Care, Plan, Step, What
from kobo_mirror.forms.question_types import POINT_FACETS


def plan_between(before: FormSchema | None, after: FormSchema, *, holds_rows: bool = False) -> Plan:
    """Return the steps from one schema to a later one.

    :param before: by which rows are shaped; None: the form has no derived tables yet.
    :param after: grown from it.
    :param holds_rows: with ``before`` None: a declared table is filled already, as version 0.1 did.
    :returns: without steps, if nothing but the list of versions differs.
    """
    new = tuple(uid for uid in after.versions if before is None or uid not in before.versions)
    if before is None:
        return Plan(tuple(_first(after, holds_rows=holds_rows)), new)
    return Plan((*_tables(before, after), *_renamed(before, after), *_choices(before, after)), new)


def _first(after: FormSchema, *, holds_rows: bool) -> Iterator[Step]:
    if holds_rows:
        yield Step(care=Care.CAREFUL, what=What.REST, table=after.root.name)
        return
    for table in after.tables:
        columns = tuple(column.name for column in table.columns if column.path)
        yield Step(care=Care.SAFE, what=What.TABLE, table=table.name, columns=columns, path=table.path)


def _tables(before: FormSchema, after: FormSchema) -> Iterator[Step]:
    there = {table.name: table for table in before.tables}
    known = {column.path for table in before.tables for column in table.columns if column.facet == VALUE}
    emptied = _emptied(before, after)
    moved = {path for path, _ in emptied}
    declared = {*after.declared}
    for table in after.tables:
        old = there.get(table.name)
        if old is None:
            yield from _new_table(table, known, emptied, declared)
        else:
            yield from _grown(old, table, known, moved, emptied)


def _emptied(before: FormSchema, after: FormSchema) -> list[tuple[str, str]]:
    """Return the columns that become empty: the path of each, and ``table.column``."""
    now = {(table.name, column.name): column.status for table in after.tables for column in table.columns}
    return [
        (column.path, f"{table.name}.{column.name}")
        for table in before.tables
        for column in table.columns
        if column.status is not Status.MOVED and now[table.name, column.name] is Status.MOVED
    ]


def _new_table(
    table: Table, known: Collection[str], emptied: Sequence[tuple[str, str]], declared: Collection[str]
) -> Iterator[Step]:
    columns = tuple(column.name for column in table.columns if column.path)
    inside = tuple(name for path, name in emptied if _is_in(path, table.path))
    taken = {column.path for column in table.columns if column.path} & {*known, *declared}
    if inside or taken - {table.path}:
        care, what = Care.CAREFUL, What.MOVE
    elif table.path in known:
        care, what = Care.COSTLY, What.LISTS
    else:
        care, what = Care.SAFE, What.TABLE
    yield Step(care=care, what=what, table=table.name, columns=columns, path=table.path, beside=inside)


def _is_in(path: str, repeat: str) -> bool:
    return f"{path}/".startswith(f"{repeat}/")


def _grown(
    old: Table,
    new: Table,
    known: Collection[str],
    moved: Collection[str],
    emptied: Sequence[tuple[str, str]],
) -> Iterator[Step]:
    there = {column.name: column for column in old.columns}
    born = [c for c in new.columns if c.name not in there and c.facet != ROWS]  # a new table's step says that
    plain = tuple(column.name for column in born if column.path not in known)
    if plain:
        yield Step(care=Care.SAFE, what=What.COLUMNS, table=new.name, columns=plain)
    narrowed = [c.path for c in new.columns if c.name in there and _turned(there[c.name], c, Status.NARROWED)]
    for path in dict.fromkeys([*(column.path for column in born if column.path in known), *narrowed]):
        yield _of_known(new, path, [column for column in born if column.path == path], moved, emptied)
    for column in new.columns:
        if column.names_file and column.name in there and not there[column.name].names_file:
            yield Step(
                care=Care.COSTLY, what=What.FILES, table=new.name, columns=(column.name,), path=column.path
            )
    yield from _described(new.name, [(there[c.name], c) for c in new.columns if c.name in there])


def _of_known(
    table: Table,
    path: str,
    born: Sequence[Column],
    moved: Collection[str],
    emptied: Sequence[tuple[str, str]],
) -> Step:
    """Return the step of columns that a question gets which has some already."""
    columns = tuple(column.name for column in born)
    if path in moved:
        beside = tuple(name for of, name in emptied if of == path)
        return Step(
            care=Care.CAREFUL, what=What.MOVE, table=table.name, columns=columns, path=path, beside=beside
        )
    if born and all(column.facet in POINT_FACETS for column in born):
        return Step(care=Care.COSTLY, what=What.POINT, table=table.name, columns=columns, path=path)
    values = [column for column in table.columns if column.path == path and column.facet == VALUE]
    every = tuple(column.name for column in values if column.status is not Status.NARROWED)
    beside = tuple(f"{table.name}.{column.name}" for column in values if column.status is Status.NARROWED)
    return Step(
        care=Care.COSTLY, what=What.KIND, table=table.name, columns=columns or every, path=path, beside=beside
    )


def _described(table: str, pairs: Sequence[tuple[Column, Column]]) -> Iterator[Step]:
    changes = {
        What.REMOVED: [new.name for old, new in pairs if _turned(old, new, Status.REMOVED)],
        What.ASKED_AGAIN: [
            new.name
            for old, new in pairs
            if old.status is Status.REMOVED and _turned(old, new, Status.ACTIVE)
        ],
        What.LABELS: [new.name for old, new in pairs if (old.labels, old.hints) != (new.labels, new.hints)],
    }
    for what, names in changes.items():
        if names:
            yield Step(care=Care.SAFE, what=what, table=table, columns=tuple(names))


def _turned(old: Column, new: Column, status: Status) -> bool:
    return new.status is status and old.status is not status


def _renamed(before: FormSchema, after: FormSchema) -> Iterator[Step]:
    known = {*before.renamed}
    former: dict[str, list[str]] = {}
    for path, now in after.renamed:
        if (path, now) not in known and path not in after.apart and now not in after.apart:
            former.setdefault(now, []).append(path)
    for path, paths in former.items():
        yield Step(care=Care.SAFE, what=What.RENAMED, path=path, beside=tuple(paths))


def _choices(before: FormSchema, after: FormSchema) -> Iterator[Step]:
    known = {(choice.list_name, choice.name): choice.labels for choice in before.choices}
    new: dict[str, list[str]] = {}
    told: dict[str, list[str]] = {}
    for choice in after.choices:
        labels = known.get((choice.list_name, choice.name))
        if labels is None:
            new.setdefault(choice.list_name, []).append(choice.name)
        elif labels != choice.labels:
            told.setdefault(choice.list_name, []).append(choice.name)
    for what, lists in ((What.CHOICES, new), (What.CHOICE_LABELS, told)):
        for name, choices in lists.items():
            yield Step(care=Care.SAFE, what=what, columns=tuple(choices), path=name)
