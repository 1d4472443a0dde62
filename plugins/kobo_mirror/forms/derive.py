"""Derive: the versions of a form, one after the other, to the tables that hold all of them.

A schema only grows: what was born keeps its name, its kind and its table for ever. So deriving from nothing
is growing version by version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from kobo_mirror.forms import naming, system_columns
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.forms.declared_table import declared_columns, server_values
from kobo_mirror.forms.definition import Question, Version
from kobo_mirror.forms.form_schema import (
    ROWS,
    VALUE,
    Column,
    FormSchema,
    Table,
    TableKind,
)
from kobo_mirror.forms.question_types import FACETS, POINT_FACETS, Kind, is_point, join
from kobo_mirror.forms.reading import read_order, with_choices, with_positions
from kobo_mirror.forms.table_growth import TableGrowth

_FACET_KINDS = {"offset": Kind.INTEGER, **dict.fromkeys(POINT_FACETS, Kind.DECIMAL)}


def derive(
    asset_uid: str,
    name: str,
    versions: Iterable[Version],
    *,
    taken: Collection[str] = (),
    form: Form | None = None,
) -> FormSchema:
    """Derive the tables of a form from all of its versions.

    :param asset_uid: the form key.
    :param name: the form's name when it is first seen, or the name that was asked for.
    :param versions: in the order of their numbers.
    :param taken: tables and views that are there already.
    :param form: a declared table; the rest of the survey goes into tables beside it.
    :returns: the same schema as growing version by version does.
    """
    schema = nothing_yet(asset_uid, name, taken=taken, form=form)
    for version in versions:
        schema = grow(schema, version)
    return schema


def nothing_yet(
    asset_uid: str, name: str, *, taken: Collection[str] = (), form: Form | None = None
) -> FormSchema:
    """Return the tables that a form has before its first version: the root, and the one of its files.

    :param asset_uid: the form key.
    :param name: as :func:`derive` takes it; a declared table has a name of its own.
    :param taken: tables and views that are there already.
    :param form: a declared table.
    """
    if form is None:
        table = naming.form_name(name, asset_uid, taken)
        root = Table(name=table, kind=TableKind.MAIN, columns=system_columns.root_columns())
        tables = [root]
    else:
        table = form.table
        columns = declared_columns(form)
        lacks = system_columns.root_columns(without=server_values(form))
        root = Table(name=f"{table}__rest", kind=TableKind.REST, columns=lacks)
        tables = [root, Table(name=table, kind=TableKind.DECLARED, columns=columns)]
    files = Table(
        name=f"{table}__files", kind=TableKind.FILES, columns=system_columns.files_columns(), parent=root.name
    )
    declared = {c.path: c.name for c in tables[-1].columns if c.path} if form else {}
    return with_positions(FormSchema(asset_uid, (*tables, files), declared=declared).as_read_now())


def grow(schema: FormSchema, version: Version) -> FormSchema:
    """Return the schema with what a further version brings; a version that it has changes nothing.

    :param schema: of the versions before, in the order of their numbers.
    :param version: the next one.
    """
    return schema if version.uid in schema.versions else _Growth(schema, version).schema()


class _Growth:
    """What one version makes of a schema."""

    def __init__(self, schema: FormSchema, version: Version) -> None:
        self._before, self._version = schema, version
        self._asked = {question.path: question for question in version.questions}
        known = [repeat.path for repeat in version.repeats]
        self._repeats = tuple(dict.fromkeys((*schema.repeats, *known)))
        self._tables = [TableGrowth(table) for table in schema.tables]
        self._holders: dict[str, dict[TableGrowth, None]] = {}  # path → the tables with columns of it
        for table in self._tables:
            for column in table.columns:
                self._holders.setdefault(column.path, {})[table] = None
        self._form_name = next(t.name for t in schema.tables if t.kind is TableKind.FILES).removesuffix(
            "__files"
        )
        self._order = read_order(schema.reading_order, [question.path for question in version.questions])
        self._there = {*known, *(group for path in (*self._asked, *known) for group in _groups_around(path))}

    def schema(self) -> FormSchema:
        self._grow_tables()
        self._grow_columns()
        grown = replace(
            self._before,
            tables=tuple(table.grown() for table in self._tables),
            repeats=self._repeats,
            reading_order=self._order,
            versions=(*self._before.versions, self._version.uid),
        )
        return with_positions(with_choices(grown, self._version))

    def _chain(self, path: str) -> tuple[str, ...]:
        """Return the repeats that a path stands in, the outermost first; not the path itself."""
        return tuple(group for group in _groups_around(path) if group in self._repeats)

    def _table_of(self, chain: Sequence[str]) -> TableGrowth:
        if not chain:
            return self._tables[0]
        return next(table for table in self._tables if table.chain == tuple(chain))

    def _grow_tables(self) -> None:
        """Make a table for each chain of repeats that has none, and empty the one that had its rows."""
        chains = {path: (*self._chain(path), path) for path in self._repeats}
        for table in self._tables:
            if table.path and table.chain != chains[table.path]:
                table.empty()
        there = {table.chain for table in self._tables}
        new = [path for path, chain in chains.items() if chain not in there]
        prefix = f"{self._form_name}__"
        names = naming.name_all(
            new,
            [table.name.removeprefix(prefix) for table in self._tables if table.name.startswith(prefix)],
            is_reserved=naming.is_reserved_table,
            longest=naming.LONGEST_TABLE - len(prefix.encode()),
            hashed_with={path: " > ".join(chains[path]) for path in new},
        )
        for path in sorted(new, key=lambda path: len(chains[path])):
            parent = self._table_of(chains[path][:-1])
            born = Table(
                name=prefix + names[path], kind=TableKind.REPEAT, path=path, chain=chains[path],
                columns=system_columns.repeat_columns(), parent=parent.name,
            )  # fmt: skip
            self._tables.append(TableGrowth(born))
        self._count_rows(new)
        labels = {repeat.path: dict(repeat.labels) for repeat in self._version.repeats}
        for table in self._tables:
            table.describe(labels, self._there)

    def _count_rows(self, new: Sequence[str]) -> None:
        """Give each table where a new list stands a column for the number of its rows."""
        counted_in = {path: self._table_of(self._chain(path)) for path in self._repeats}
        for table in self._tables:
            for path, home in counted_in.items():
                if home is not table:
                    table.stop_counting(path)
            here = [path for path in new if counted_in[path] is table]
            counted = [c.name.removesuffix(f"__{ROWS}") for c in table.columns if c.facet == ROWS]
            names = naming.name_all(here, counted, is_reserved=lambda _: False, longest=naming.LONGEST_COLUMN)
            for path in here:
                table.add([Column(name=f"{names[path]}__{ROWS}", path=path, facet=ROWS, kind=Kind.INTEGER)])

    def _grow_columns(self) -> None:
        homes = {path: self._home(path) for path in self._order}
        asked_in: dict[TableGrowth | None, list[str]] = {}
        for path, home in homes.items():
            asked_in.setdefault(home, []).append(path)
        for table in self._tables:
            mine = asked_in.get(table, [])
            new = [path for path in mine if not table.has(path)]
            names = naming.name_all(
                new,
                [column.name for column in table.columns],
                is_reserved=lambda name: naming.is_reserved_column(name, system_columns.RESERVED_NAMES),
                longest=naming.LONGEST_COLUMN,
            )
            table.reserve(names.values())
            for path in mine:
                before = self._newest_column(path)
                asked = self._asked.get(path)
                kind = _kind(before, asked)
                if path in names:
                    table.add(self._born(table, path, names[path], kind, before))
                    self._holders.setdefault(path, {})[table] = None
                else:
                    self._widen(table, path, kind, before)
        for path, home in homes.items():
            for table in self._holders.get(path, ()):
                if table is not home and table.kind is not TableKind.DECLARED:
                    table.move_away(path)
        for table in self._tables:
            table.ask(self._asked, self._there, self._version.uid)

    def _home(self, path: str) -> TableGrowth | None:
        """Return the table that has a question's column, or None where the declared one has it."""
        chain = self._chain(path)
        return None if path in self._before.declared and not chain else self._table_of(chain)

    def _newest_column(self, path: str) -> Column | None:
        """Return the column that holds every answer to a question so far, wherever it is: the last born."""
        found = [
            column
            for table in self._holders.get(path, ())
            for column in table.of(path)
            if column.facet == VALUE and table.kind is not TableKind.DECLARED
        ]
        return found[-1] if found else None

    def _was_point(self, path: str) -> bool:
        asked = self._asked.get(path)
        if asked is not None and is_point(asked.question_type):
            return True
        return any(c.facet in POINT_FACETS for t in self._holders.get(path, ()) for c in t.of(path))

    def _born(
        self, table: TableGrowth, path: str, name: str, kind: Kind, before: Column | None
    ) -> list[Column]:
        asked = self._asked.get(path)
        value = Column(
            name=name, path=path, facet=VALUE, kind=kind, first_version=self._version.uid,
            last_version=self._version.uid if asked or before is None else before.last_version,
        )  # fmt: skip
        if before is not None:
            value = replace(
                value, question_type=before.question_type, list_name=before.list_name, labels=before.labels,
                hints=before.hints, kuid=before.kuid, first_version=before.first_version,
                names_file=before.names_file,
            )  # fmt: skip
        return [value, *self._facets(table, value)]

    def _widen(self, table: TableGrowth, path: str, kind: Kind, before: Column | None) -> None:
        """Put a column beside one that its question has outgrown, and columns for a point's numbers."""
        if before is not None and kind is not before.kind:
            name = naming.derived_name(table.base_name(path), kind.value, table.is_taken)
            table.narrow(path)
            table.add(self._born(table, path, name, kind, replace(before, first_version=self._version.uid)))
        elif before is not None and self._was_point(path) and not table.has(path, POINT_FACETS[0]):
            table.add(list(self._facets(table, replace(before, first_version=self._version.uid))))

    def _facets(self, table: TableGrowth, value: Column) -> Iterator[Column]:
        facets = FACETS.get(value.kind, ())
        if self._was_point(value.path):
            facets += POINT_FACETS
        base = table.base_name(value.path) or value.name
        for facet in facets:
            if not table.has(value.path, facet):
                name = naming.derived_name(base, facet, table.is_taken)
                yield replace(value, name=name, facet=facet, kind=_FACET_KINDS[facet], names_file=False)


def _kind(before: Column | None, asked: Question | None) -> Kind:
    if before is None:
        return asked.kind if asked else Kind.TEXT
    return join(before.kind, asked.kind) if asked else before.kind


def _groups_around(path: str) -> Iterator[str]:
    """Yield the paths of the groups and repeats that a path stands in, the outermost first."""
    parts = path.split("/")
    yield from ("/".join(parts[:length]) for length in range(1, len(parts)))
