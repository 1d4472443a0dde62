"""Form tables: the schema of a form as the tables that a database has: root, parts, repeats, files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
)
from sqlalchemy.types import TypeEngine

from kobo_mirror.database.column_types import (
    ANSWER,
    MILLISECONDS,
    MOMENT,
    OPTIONS,
    TIME_OF_DAY,
    MomentDefault,
    exact_text,
)
from kobo_mirror.forms import form_schema
from kobo_mirror.forms.form_schema import ROWS, FormSchema, TableKind
from kobo_mirror.forms.question_types import KEY_LENGTH, Kind

TYPES: Mapping[Kind, TypeEngine[Any]] = {
    Kind.INTEGER: BigInteger(),
    Kind.DECIMAL: Double(),
    Kind.TEXT: ANSWER,
    Kind.JSON: ANSWER,
    Kind.KEY: exact_text(KEY_LENGTH),
    Kind.DATE: Date(),
    Kind.TIME: TIME_OF_DAY,
    Kind.DATETIME: MILLISECONDS,
    Kind.BOOLEAN: Boolean(),
}
_FORMS_KEPT = 4
_OF_FILES = "uid"  # what tells the files of a submission apart
_MOVES = {"inserted_at": False, "updated_at": True}
_OF_A_COLUMN, _OF_A_TABLE = 1024, 2048  # characters of a comment
_DEFINITION = 64_000  # bytes of all names and comments of a table that MariaDB takes, with a margin
_NOTED = 18  # of them for each column, beside its name


@lru_cache(_FORMS_KEPT)
def physical_tables(schema: FormSchema) -> MetaData:
    """Return the tables of a form that are derived, parts apart; a declared one is made from its declaration.

    Those of the last forms are kept, since each sync asks five times, and 800 columns take 16 ms.

    :param schema: of the form.
    :returns: each table with keys, foreign keys, indexes and comments.
    """
    metadata = MetaData()
    for table in schema.tables:
        if table.kind is not TableKind.DECLARED:
            for part in range(1, table.parts + 1):
                _add_part(metadata, schema, table, part)
    return metadata


def root_table(schema: FormSchema) -> Table:
    """Return the root of a form, without its parts: one of :func:`physical_tables`.

    :param schema: of the form.
    """
    return _add_part(MetaData(), schema, schema.root, 1)


def physical_columns(schema: FormSchema) -> dict[str, tuple[str, ...]]:
    """Return the names of the columns of these tables, the keys first.

    :param schema: of the form.
    :returns: by the tables' names.
    """
    return {
        table.part_name(part): (*table.keys, *(c.name for c in table.columns if c.part == part))
        for table in schema.tables
        if table.kind is not TableKind.DECLARED
        for part in range(1, table.parts + 1)
    }


def _add_part(metadata: MetaData, schema: FormSchema, table: form_schema.Table, part: int) -> Table:
    name = table.part_name(part)
    items: list[Any] = [_key(key) for key in table.keys]
    of_part = [column for column in table.columns if column.part == part]
    comments = _fitting(of_part)
    items += [_column(table, column, comment) for column, comment in zip(of_part, comments, strict=True)]
    items += _reference(schema, table, part)
    comment = _comment(table.labels, table.path, _OF_A_TABLE)
    made = Table(name, metadata, *items, comment=comment or None, **OPTIONS)
    if "updated_at" in made.columns:
        Index(f"ix_{name}_updated_at", made.c.updated_at)
    return made


def _key(name: str) -> Column[Any]:
    kind = BigInteger() if name == "kobo_id" else Integer()
    return Column(name, kind, primary_key=True, autoincrement=False, nullable=False)


def _column(table: form_schema.Table, column: form_schema.Column, comment: str) -> Column[Any]:
    if not column.path and column.facet in _MOVES:
        default = MomentDefault(moves=_MOVES[column.facet])
        return Column(column.name, MOMENT, nullable=False, server_default=default)
    if column.facet == ROWS:
        return Column(column.name, Integer(), nullable=False, server_default="0", comment=comment or None)
    is_key = table.kind is TableKind.FILES and column.name == _OF_FILES
    return Column(column.name, TYPES[column.kind], primary_key=is_key, comment=comment or None)


def _reference(schema: FormSchema, table: form_schema.Table, part: int) -> Iterator[ForeignKeyConstraint]:
    """Yield the reference of a part to its table, or of a table to the one that its rows belong to."""
    parent = table if part > 1 else next((t for t in schema.tables if t.name == table.parent), None)
    if parent is not None:
        theirs = [f"{parent.name}.{key}" for key in parent.keys]
        yield ForeignKeyConstraint(table.keys[: len(parent.keys)], theirs, ondelete="CASCADE")


def _fitting(columns: Sequence[form_schema.Column]) -> list[str]:
    """Return the comments of the columns of a physical table, all cut alike where there is no room."""
    comments = [_comment(column.labels, column.path, _OF_A_COLUMN) for column in columns]
    room = _DEFINITION - _OF_A_TABLE * 3 - sum(_NOTED + len(column.name.encode()) for column in columns)
    lengths = [len(comment.encode()) for comment in comments]
    longest, too_long = 0, max(lengths, default=0) + 1
    while too_long - longest > 1:
        middle = (longest + too_long) // 2
        if sum(min(length, middle) for length in lengths) <= room:
            longest = middle
        else:
            too_long = middle
    return [comment.encode()[:longest].decode("utf-8", "ignore").rstrip() for comment in comments]


def _comment(labels: Mapping[str, str], path: str, longest: int) -> str:
    """Return the label in the first language, and the path, without what a database refuses in comments."""
    label = _storable(" ".join(next(iter(labels.values()), "").split()))
    text = f"{label} ({_storable(path)})" if label and path else label or _storable(path)
    return text[:longest].rstrip()


def _storable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() and letter <= "\uffff").strip()
