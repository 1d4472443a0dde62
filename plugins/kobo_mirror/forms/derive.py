"""Derive: the versions of a form, one after the other, to the tables that hold all of them.

A schema only grows: what was born keeps its name, its kind and its table for ever. So deriving from nothing
is growing version by version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from kobo_mirror.forms import naming, system_columns
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.forms.declared_table import declared_columns, server_values
from kobo_mirror.forms.definition import Version
from kobo_mirror.forms.form_schema import ROWS, Column, FormSchema, Table, TableKind
from kobo_mirror.forms.locked_names import NO_NAMES, LockedNames
from kobo_mirror.forms.question_columns import QuestionColumns
from kobo_mirror.forms.question_history import groups_around, with_version
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.forms.reading import read_order, with_choices, with_positions
from kobo_mirror.forms.table_growth import TableGrowth


def derive(
    asset_uid: str,
    name: str,
    versions: Iterable[Version],
    *,
    taken: Collection[str] = (),
    form: Form | None = None,
    names: LockedNames = NO_NAMES,
) -> FormSchema:
    """Derive the tables of a form from all of its versions.

    :param asset_uid: the form key.
    :param name: the form's name when it is first seen, or the name that was asked for.
    :param versions: in the order of their numbers.
    :param taken: tables and views that are there already.
    :param form: a declared table; the rest of the survey goes into tables beside it.
    :param names: of tables and columns that are locked.
    :returns: the same schema as growing version by version does.
    """
    schema = nothing_yet(asset_uid, name, taken=taken, form=form, names=names)
    for version in versions:
        schema = grow(schema, version, names)
    return schema


def nothing_yet(
    asset_uid: str,
    name: str,
    *,
    taken: Collection[str] = (),
    form: Form | None = None,
    names: LockedNames = NO_NAMES,
) -> FormSchema:
    """Return the tables that a form has before its first version: the root, and the one of its files.

    :param asset_uid: the form key.
    :param name: as :func:`derive` takes it; a declared table has a name of its own.
    :param taken: tables and views that are there already.
    :param form: a declared table.
    :param names: a name for the form, which goes before any other.
    """
    if form is None:
        table = names.form or naming.form_name(name, asset_uid, taken)
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


def grow(schema: FormSchema, version: Version, names: LockedNames = NO_NAMES) -> FormSchema:
    """Return the schema with what a further version brings; a version that it has changes nothing.

    :param schema: of the versions before, in the order of their numbers.
    :param version: the next one.
    :param names: of tables and columns that are locked; none where the form's own name is another one.
    """
    return schema if version.uid in schema.versions else _Growth(schema, version, names).schema()


class _Growth:
    """What one version makes of a schema."""

    def __init__(self, schema: FormSchema, version: Version, names: LockedNames) -> None:
        self._before, self._version = schema, version
        self._told = with_version(schema, version)
        self._asked = {question.path: question for question in version.questions}
        known = [repeat.path for repeat in version.repeats]
        self._repeats = tuple(dict.fromkeys((*schema.repeats, *known)))
        self._tables = [TableGrowth(table) for table in schema.tables]
        self._form_name = schema.form_name
        self._names = names if names.form == self._form_name else NO_NAMES
        self._columns = QuestionColumns(self._tables, version.uid, self._asked, self._names)
        self._order = read_order(schema.reading_order, [question.path for question in version.questions])
        self._there = {*known, *(group for path in (*self._asked, *known) for group in groups_around(path))}

    def schema(self) -> FormSchema:
        self._grow_tables()
        self._grow_columns()
        grown = replace(
            self._told,
            tables=tuple(table.grown() for table in self._tables),
            repeats=self._repeats,
            reading_order=self._order,
            languages=self._version.languages,
        )
        return with_positions(with_choices(grown, self._version))

    def _chain(self, path: str) -> tuple[str, ...]:
        """Return the repeats that a path stands in, the outermost first; not the path itself."""
        return tuple(group for group in groups_around(path) if group in self._repeats)

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
        names = self._name_tables({path: chains[path] for path in new})
        for path in sorted(new, key=lambda path: len(chains[path])):
            parent = self._table_of(chains[path][:-1])
            born = Table(
                name=names[path], kind=TableKind.REPEAT, path=path, chain=chains[path],
                columns=system_columns.repeat_columns(), parent=parent.name,
            )  # fmt: skip
            self._tables.append(TableGrowth(born))
        self._count_rows(new)
        labels = {repeat.path: dict(repeat.labels) for repeat in self._version.repeats}
        for table in self._tables:
            table.describe(labels, self._there)

    def _name_tables(self, new: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        """Name the tables of repeats.

        :param new: path → its chain of repeats.
        """
        prefix = f"{self._form_name}__"
        in_use = {naming.fold(table.name) for table in self._tables}
        locked = {path: self._names.tables.get(chain, "") for path, chain in new.items()}
        names = {path: name for path, name in locked.items() if name and naming.fold(name) not in in_use}
        taken = (*(table.name for table in self._tables), *self._names.tables.values())
        found = naming.name_all(
            [path for path in new if path not in names],
            [name.removeprefix(prefix) for name in taken if name.startswith(prefix)],
            is_reserved=naming.is_reserved_table,
            longest=naming.LONGEST_TABLE - len(prefix.encode()),
            hashed_with={path: " > ".join(chain) for path, chain in new.items()},
        )
        return names | {path: prefix + name for path, name in found.items()}

    def _count_rows(self, new: Sequence[str]) -> None:
        """Give each table where a new list stands a column for the number of its rows."""
        counted_in = {path: self._table_of(self._chain(path)) for path in self._repeats}
        for table in self._tables:
            for path, home in counted_in.items():
                if home is not table:
                    table.stop_counting(path)
            here = [path for path in new if counted_in[path] is table]
            for path, name in self._columns.name_counts(table, here).items():
                table.add([Column(name=name, path=path, facet=ROWS, kind=Kind.INTEGER)])

    def _grow_columns(self) -> None:
        homes = {path: self._home(path) for path in self._order}
        kinds = {path: self._kind(path) for path in self._order}
        asked_in: dict[TableGrowth | None, list[str]] = {}
        for path, home in homes.items():
            asked_in.setdefault(home, []).append(path)
        for table in self._tables:
            mine = asked_in.get(table, [])
            names = self._columns.name_new(table, [path for path in mine if not table.has(path)], kinds)
            for path in mine:
                if path in names:
                    self._columns.add_first(table, path, names[path], kinds[path])
                else:
                    self._columns.hold_every_answer(table, path, kinds[path])
        for path, home in homes.items():
            for table in self._columns.holders(path):
                if table is not home and table.kind is not TableKind.DECLARED:
                    table.move_away(path)
        for table in self._tables:
            table.ask(self._asked, self._there, self._version.uid)

    def _home(self, path: str) -> TableGrowth | None:
        """Return the table that has a question's column, or None where the declared one has it."""
        chain = self._chain(path)
        return None if path in self._before.declared and not chain else self._table_of(chain)

    def _kind(self, path: str) -> Kind:
        """Return what holds every answer from this version on: what is asked for, or all definitions say."""
        asked = self._asked.get(path)
        if asked is not None and asked.defined is not None:
            return asked.kind
        before = self._columns.newest(path)
        return self._told.asked[path].kind if asked is not None or before is None else before.kind
