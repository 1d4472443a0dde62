"""Altered tables: what was changed by hand in the tables of a form, and what mends it.

Alembic compares the tables with what the database has, but for types, primary keys and triggers: these are
compared here. What others have added is theirs, unless it can refuse our rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
    inspect,
)

from kobo_mirror.database.ddl import lacks_trigger
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.dialects.base_tables import StoredTable
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.naming import fold
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.mending import BY_A_SYNC, Mending


class What(StrEnum):
    """What is otherwise than it was made."""

    TABLE = "the table is missing"
    COLUMN = "it is missing"
    SPELLING = "it is spelt otherwise"
    TYPE = "it has another type or collation"
    REQUIRED = "it refuses NULL"
    NULLABLE = "it takes NULL"
    DEFAULT = "it has another default"
    COMMENT = "it has another comment"
    KEY = "it has another primary key, or none"
    REFERENCE = "it lacks its foreign key"
    INDEX = "it lacks an index"
    TRIGGER = "it lacks its trigger"
    FOREIGN_COLUMN = "it is none of ours, and refuses rows without it"
    FOREIGN_UNIQUE = "a unique index is none of ours, and refuses rows"
    FOREIGN_REFERENCE = "a foreign key is none of ours, and refuses rows"


_NAMED = 3
_RESTORED = {What.TABLE, What.COLUMN, What.COMMENT, What.INDEX, What.TRIGGER}


class Alteration(NamedTuple):
    """A difference between a table and what it was made as.

    :param table: its name.
    :param column: the column's; None: it is about the whole table.
    :param what: the difference.
    :param remedy: what mends it, with the SQL where that is for a person to run.
    """

    table: str
    column: str | None
    what: What
    remedy: str = BY_A_SYNC

    @property
    def is_restored_by_a_sync(self) -> bool:
        """True if applying the form's schema again restores it, without loss."""
        return self.what in _RESTORED

    @property
    def sentence(self) -> str:
        """The difference and its remedy, without an end."""
        name = f"{self.table}.{self.column}" if self.column else self.table
        return f"{name}: {self.what}; {self.remedy}"


def altered(connection: Connection, schema: FormSchema) -> list[Alteration]:
    """Return what of a form's derived tables is otherwise than they were made.

    The definition of each table is read: 0.1 s for 200 columns, and as much once for Alembic's import.

    :param connection: an open transaction.
    :param schema: of the form, as it is in force.
    :returns: by tables; empty if all are as they were made.
    """
    metadata = physical_tables(schema)
    mending = Mending(connection)
    there = dialect_of(connection).stored_tables(connection)
    made = [
        table for table in metadata.sorted_tables if table.name in there and not there[table.name].is_view
    ]
    found = [
        *_told_by_alembic(connection, metadata, there, mending),
        *_of_other_types(connection, made, mending),
        *_of_other_keys(connection, made, mending),
        *(
            Alteration(table.name, None, What.TRIGGER)
            for table in made
            if lacks_trigger(connection, table, there[table.name])
        ),
    ]
    return sorted(found, key=lambda one: (one.table, one.column or "", one.what))


def told_of(found: Sequence[Alteration]) -> str | None:
    """Return alterations as one text, the first ones with what mends them.

    :param found: the alterations.
    :returns: None where there are none.
    """
    if not found:
        return None
    more = f". And {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{'. '.join(one.sentence for one in found[:_NAMED])}{more}."


def retyped(connection: Connection, schema: FormSchema) -> list[Alteration]:
    """Return the columns of a form's derived tables that are of another type than they were made.

    Such a column may hold another value than was written, without an error. This takes milliseconds, so that
    each sync can ask; what else may be altered makes a write fail, or changes no value.

    :param connection: an open transaction.
    :param schema: of the form, as it is in force.
    """
    return [*_of_other_types(connection, physical_tables(schema).sorted_tables, Mending(connection))]


def _of_other_types(connection: Connection, made: list[Table], mending: Mending) -> Iterator[Alteration]:
    dialect = dialect_of(connection)
    stored = dialect.stored_types(connection)
    for table in made:
        for column in table.columns:
            kind = stored.get((table.name, column.name))
            if kind is not None and kind != dialect.declared_type(column, connection.dialect):
                yield Alteration(table.name, column.name, What.TYPE, mending.made_again(column))


def _of_other_keys(connection: Connection, made: list[Table], mending: Mending) -> Iterator[Alteration]:
    found = inspect(connection).get_multi_pk_constraint(filter_names=[table.name for table in made])
    keys = {name: key["constrained_columns"] if key else [] for (_, name), key in found.items()}
    for table in made:
        key = keys.get(table.name, [])
        if key != [column.name for column in table.primary_key]:
            yield Alteration(table.name, None, What.KEY, mending.with_key(table, instead=bool(key)))


def _told_by_alembic(
    connection: Connection, metadata: MetaData, there: Mapping[str, StoredTable], mending: Mending
) -> Iterator[Alteration]:
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415  # as long as a small sync
    from alembic.migration import MigrationContext  # noqa: PLC0415

    def is_ours(name: str | None, kind: str, _: Mapping[str, Any]) -> bool:
        return kind != "table" or name in metadata.tables

    options = {"include_name": is_ours, "compare_type": False, "compare_server_default": True}
    context = MigrationContext.configure(connection, opts=options)
    for difference in compare_metadata(context, metadata):
        for one in difference if isinstance(difference, list) else [difference]:
            yield from _of_a_column(one, metadata, there, mending)
            yield from _of_a_table(one, metadata, mending)


def _of_a_column(
    one: tuple[Any, ...], metadata: MetaData, there: Mapping[str, StoredTable], mending: Mending
) -> Iterator[Alteration]:
    """Yield a difference of a column as Alembic tells it, if it matters to us."""
    match one:
        case ("add_column", _, name, Column(name=column)):
            alike = (other for other in there[name].columns if fold(other) == fold(column))
            if (other := next(alike, None)) is None:
                yield Alteration(name, column, What.COLUMN)
            else:
                yield Alteration(name, column, What.SPELLING, mending.renamed(name, other, column))
        case ("remove_column", _, name, Column() as column) if _is_required(column):
            remedy = f"let it be NULL, or {mending.without_column(name, column.name)}"
            yield Alteration(name, column.name, What.FOREIGN_COLUMN, remedy)
        case ("modify_nullable", _, name, column, *_, may_be_null):
            what = What.REQUIRED if may_be_null else What.NULLABLE
            yield Alteration(name, column, what, mending.redeclared(metadata.tables[name].c[column]))
        case ("modify_default", _, name, column, *_):
            yield Alteration(name, column, What.DEFAULT, mending.redeclared(metadata.tables[name].c[column]))
        case ("modify_comment", _, name, column, *_):
            yield Alteration(name, column, What.COMMENT)


def _of_a_table(one: tuple[Any, ...], metadata: MetaData, mending: Mending) -> Iterator[Alteration]:
    """Yield a difference of a table, its indexes or references as Alembic tells it, if it matters to us."""
    match one:
        case ("add_table", Table(name=name)):
            yield Alteration(name, None, What.TABLE)
        case ("add_table_comment" | "remove_table_comment", Table(name=name), *_):
            yield Alteration(name, None, What.COMMENT)
        case ("add_index", Index(table=Table(name=name))):
            yield Alteration(name, None, What.INDEX)
        case ("remove_index", Index(name=index, table=Table(name=name)) as one_more) if one_more.unique:
            yield Alteration(name, None, What.FOREIGN_UNIQUE, f"drop the index {index}")
        case ("remove_constraint", UniqueConstraint(name=index, table=Table(name=name))):
            yield Alteration(name, None, What.FOREIGN_UNIQUE, f"drop the index {index}")
        case ("add_fk", ForeignKeyConstraint(parent=Table(name=name))):
            ours = metadata.tables[name]
            (reference,) = ours.foreign_key_constraints
            yield Alteration(name, None, What.REFERENCE, mending.with_reference(ours, reference))
        case ("remove_fk", ForeignKeyConstraint(name=key, parent=Table(name=name))):
            yield Alteration(name, None, What.FOREIGN_REFERENCE, f"drop the foreign key {key}")


def _is_required(column: Column[Any]) -> bool:
    return not column.nullable and column.server_default is None and column.computed is None
