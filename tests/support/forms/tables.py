"""Tables: a schema's tables as a database has them, for tests that no name and no width is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Text,
    Time,
)
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from kobo_mirror.database.column_types import OPTIONS
from kobo_mirror.forms.form_schema import FormSchema, Table, TableKind
from kobo_mirror.forms.question_types import KEY_LENGTH, Kind

_MYSQLS = ("mysql", "mariadb")
_TEXT = Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), *_MYSQLS)
_KEY = String(KEY_LENGTH).with_variant(
    mysql.VARCHAR(KEY_LENGTH, charset="utf8mb4", collation="utf8mb4_bin"), *_MYSQLS
)
TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.INTEGER: BigInteger(),
    Kind.DECIMAL: Double(),
    Kind.TEXT: _TEXT,
    Kind.JSON: _TEXT,
    Kind.KEY: _KEY,
    Kind.DATE: Date(),
    Kind.TIME: Time().with_variant(mysql.TIME(fsp=3), *_MYSQLS),
    Kind.DATETIME: DateTime().with_variant(mysql.DATETIME(fsp=3), *_MYSQLS),
    Kind.BOOLEAN: Boolean(),
}


def physical_tables(schema: FormSchema) -> MetaData:
    """The tables of a derived form, parts apart, each with its key and the one that its rows belong to."""
    metadata = MetaData()
    for table in schema.tables:
        for part in range(1, table.parts + 1):
            SqlTable(table.part_name(part), metadata, *_parts_of(table, part, schema), **OPTIONS)
    return metadata


def _parts_of(table: Table, part: int, schema: FormSchema) -> Iterator[Any]:
    is_keyed = table.kind is not TableKind.FILES
    for name in table.keys:
        kind = BigInteger() if name == "kobo_id" else Integer()
        yield Column(name, kind, primary_key=is_keyed, autoincrement=False, nullable=False)
    yield from (Column(c.name, TYPES[c.kind]) for c in table.columns if c.part == part)
    if is_keyed and table.parent:
        parent = next(other for other in schema.tables if other.name == table.parent)
        ours = table.keys[: len(parent.keys)]
        theirs = [f"{table.parent}.{key}" for key in parent.keys]
        yield ForeignKeyConstraint(ours, theirs, ondelete="CASCADE")
