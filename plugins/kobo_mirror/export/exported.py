"""Exported tables: which tables an export of a form has, and what each of their columns shows; pure data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.export.values import kind_of
from kobo_mirror.forms.declared_table import declared_columns
from kobo_mirror.forms.form_schema import Column, FormSchema, Table, TableKind
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.forms.naming import fold
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.views.answers import Answers
from kobo_mirror.views.columns import KEY, KOBO_ID, PARENT_KEY, Shown, Source, shown_tables
from kobo_mirror.views.languages import Language, labels_of_lists, languages_of
from kobo_mirror.views.values import Cell, Label, Pairs, RowKey, Value

REJECTED = "rejected_answers"
LOCAL = "local"


@dataclass(frozen=True)
class Field:
    """A column of an export.

    :param kind: of its cells.
    :param facet: what it shows of a question: ``value``, ``local`` or a further one; else the name of a
        column of the system.
    :param column: of the table that it shows; None: it is made of a row's key.
    :param answers: all columns of its question; None: it shows no answer.
    """

    name: str
    kind: Kind
    value: Value
    facet: str
    column: Column | None = None
    answers: Answers | None = None

    @property
    def path(self) -> str:
        """Of its question; empty: it is of none."""
        if self.answers is not None:
            return self.answers.question
        return self.column.path if self.column else ""


@dataclass(frozen=True)
class ExportTable:
    """A table of an export.

    :param sources: the physical tables that it is read from, that of its rows first.
    :param order: the columns of the first of them by which rows are ordered.
    :param parent: the name of the exported table that its rows belong to.
    :param path: of the repeat whose rows they are; empty for the others.
    :param labels: of the repeat, language → text.
    :param about_form: other forms have rows in it.
    :param is_further: it stands beside the rows of the form, and is left out while it has none.
    """

    name: str
    fields: tuple[Field, ...]
    sources: tuple[Source, ...]
    order: tuple[str, ...]
    parent: str | None = None
    path: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    about_form: bool = False
    is_further: bool = False

    def cell(self, name: str) -> Cell | None:
        """Return the cell that a column of the system shows, or None.

        :param name: of the column.
        """
        found = (one.value for one in self.fields if one.name == name and one.facet == name)
        return next((value for value in found if isinstance(value, Cell)), None)


@dataclass(frozen=True)
class Exported:
    """All tables that an export of a form may have.

    :param rows: the tables with a row for each submission, or each repetition; the first one is the main one.
    :param further: the table of files, and that of answers that no column could hold.
    :param languages: of the form's labels, the first one first.
    """

    schema: FormSchema
    rows: tuple[ExportTable, ...]
    further: tuple[ExportTable, ...]
    languages: tuple[Language, ...]

    @property
    def main(self) -> ExportTable:
        """The table with a row for each submission."""
        return self.rows[0]

    @property
    def tables(self) -> tuple[ExportTable, ...]:
        """All of them."""
        return self.rows + self.further


def exported(mirror: Mirror, language: str | None = None) -> Exported:
    """Return the tables that an export of a form may have.

    :param mirror: the form; it has tables.
    :param language: the code or the name of the language whose labels stand in place of names; None: none.
    :raises ConfigurationError: the form has no such language.
    """
    schema = _schema_of(mirror)
    languages = languages_of(schema)
    labels: Mapping[str, Pairs] = {}
    if language is not None:
        labels = labels_of_lists(schema, languages, _code_of(language, languages))
    shown = shown_tables(schema)
    main = shown[0].table.name
    rows = tuple(_of_rows(schema, one, main, labels) for one in shown)
    files = [_of_files(schema, table, main) for table in schema.tables if table.kind is TableKind.FILES]
    further = (*files, _of_rejected(schema, main)) if mirror.schema else ()
    return Exported(schema, rows, further, languages)


def _schema_of(mirror: Mirror) -> FormSchema:
    """Return the schema; of a declared table alone, as version 0.1 made it, one that has just this table."""
    if mirror.schema is not None:
        return mirror.schema
    if mirror.form is None:
        raise ConfigurationError("The form has no tables yet: run `python -m kobo_mirror sync` first.")
    columns = declared_columns(mirror.form)
    return FormSchema(
        mirror.asset_uid, (Table(name=mirror.form.table, kind=TableKind.MAIN, columns=columns),)
    )


def _code_of(asked: str, languages: tuple[Language, ...]) -> str:
    wanted = fold(asked.strip())
    for language in languages:
        names = (fold(name) for name in language.names)
        if wanted == language.code or any(wanted in (name, name.partition(" (")[0]) for name in names):
            return language.code
    known = ", ".join(f"{one.code} ({one.names[0]})" for one in languages) or "none"
    raise ConfigurationError(f"The form has no labels in the language {asked}. There are: {known}.")


def _of_rows(schema: FormSchema, shown: Shown, main: str, labels: Mapping[str, Pairs]) -> ExportTable:
    table = shown.table
    fields = [Field(key.name, kind_of(key.value), key.value, key.facet) for key in shown.keys]
    for one in shown.columns:
        answers = one if isinstance(one, Answers) else None
        column = one.labelled(labels) if isinstance(one, Answers) else one
        value = column.value
        fields.append(Field(column.name, kind_of(value), value, column.facet, column.of, answers))
    above = main if table.parent == schema.root.name else table.parent
    return ExportTable(
        table.name,
        tuple(fields),
        shown.sources,
        table.keys,
        above if table.chain else None,
        table.path,
        table.labels,
    )


def _of_files(schema: FormSchema, table: Table, main: str) -> ExportTable:
    columns = {column.name: column for column in table.columns}
    cells = {name: Cell(0, name, column.kind) for name, column in columns.items()}
    row = _row_of(cells["table_name"], cells["pos"], _shown_as(schema, main))
    others = [
        Field(name, cell.kind, cell, name, columns[name])
        for name, cell in cells.items()
        if name not in ("table_name", "pos")
    ]
    sources = (Source(table.name, (KOBO_ID,)),)
    return ExportTable(table.name, (*row, *others), sources, (KOBO_ID, "uid"), main, is_further=True)


def _of_rejected(schema: FormSchema, main: str) -> ExportTable:
    def cell(name: str) -> Cell:
        return Cell(0, name, Kind.TEXT)

    row = _row_of(cell("table_name"), cell("pos"), _shown_as(schema, main))
    named = {"column": "column_name", "question": "path", "answer": "value", "reason": "reason"}
    others = [Field(name, Kind.TEXT, cell(of), name) for name, of in named.items()]
    return ExportTable(
        REJECTED,
        (*row, *others),
        (Source(rejected_cells.name, (KOBO_ID,)),),
        (KOBO_ID, "table_name", "pos", "column_name"),
        main,
        about_form=True,
        is_further=True,
    )


def _row_of(table: Cell, pos: Cell, shown_as: Pairs) -> Iterator[Field]:
    """Yield the columns that say which row of which table something belongs to."""
    kobo_id = Cell(0, KOBO_ID, Kind.INTEGER)
    yield Field(KEY, Kind.TEXT, RowKey((kobo_id, pos)), KEY)
    yield Field("table_name", Kind.TEXT, Label(table, shown_as), "table_name")
    yield Field(KOBO_ID, Kind.INTEGER, kobo_id, KOBO_ID)


def _shown_as(schema: FormSchema, main: str) -> Pairs:
    """Return the name of each physical table, with the exported table that its rows are in."""
    return tuple(
        (table.part_name(part), main if table is schema.root else table.name)
        for table in schema.tables
        for part in range(1, table.parts + 1)
    )


KEYS = (KEY, PARENT_KEY, KOBO_ID)
"""Columns of every table of rows."""
