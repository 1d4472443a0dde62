"""The catalog: what tables, columns and choices mean, written as the difference to what is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, delete, select

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.forms import form_schema
from kobo_mirror.forms.form_schema import ROWS, FormSchema
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.forms.questions_joined import joined_questions
from kobo_mirror.store.catalog_tables import choices, columns, form_versions, tables
from kobo_mirror.store.kept_versions import known_versions

_Row = tuple[Any, ...]
PART, VIEW = "part", "view"
CLAIMED = "claimed"
_STATUS = tables.columns.keys().index("status")


def claimed_names(connection: Connection) -> dict[str, str]:
    """Return the form key of each table that is in the catalog.

    :param connection: an open transaction.
    :returns: by the tables' names.
    """
    rows = connection.execute(select(tables.c.table_name, tables.c.asset_uid))
    return {row.table_name: row.asset_uid for row in rows}


def claim(connection: Connection, schema: FormSchema) -> None:
    """Write which tables a form is to have, before they are made; a name is given once.

    Until :func:`describe` says more, such a row has the status ``claimed``: perhaps there is no table yet.

    :param connection: an open transaction.
    :param schema: of the form.
    :raises sqlalchemy.exc.IntegrityError: another form has one of the names.
    """
    mine = {name for name, owner in claimed_names(connection).items() if owner == schema.asset_uid}
    names = tuple(tables.columns.keys())
    rows = [(*row[:_STATUS], CLAIMED, None) for row in _table_rows(schema) if row[1] not in mine]
    write(connection, Write(tables, names, rows))


def release(connection: Connection, names: Collection[str]) -> None:
    """Give names back that no table was made for.

    :param connection: an open transaction.
    :param names: of tables in the catalog.
    """
    for name in sorted(names):
        connection.execute(delete(tables).where(tables.c.table_name == name))


def describe(connection: Connection, schema: FormSchema) -> None:
    """Write what a form's tables, columns and choices mean, and take out what it has not.

    A table that another form has is never put over: a name that two forms want is an error.

    :param connection: an open transaction.
    :param schema: of the form; its tables are claimed and there.
    """
    for table, wanted in _wanted(schema):
        found = _compare(connection, table, schema, wanted)
        names, keys = tuple(table.columns.keys()), [column.name for column in table.primary_key]
        for at in found.foreign:
            is_it = (column == cell for column, cell in zip(table.primary_key, at, strict=True))
            connection.execute(delete(table).where(*is_it))
        changed = [*found.changed, *found.older]
        write(connection, Write(table, names, found.new), Write(table, names, changed, key=tuple(keys)))


def is_described(connection: Connection, schema: FormSchema) -> bool:
    """Return True if :func:`describe` would change nothing.

    :param connection: a transaction that sees one state of the database.
    :param schema: by which the form's rows are shaped.
    """
    compared = (_compare(connection, table, schema, wanted) for table, wanted in _wanted(schema))
    return not any(any(found) for found in compared) and not _lacked_versions(connection, schema)


def catalog_differences(connection: Connection, schema: FormSchema) -> list[str]:
    """Return where the catalog does not say what :func:`describe` writes of a form.

    A name that is claimed for a table to come is no difference, nor is what an earlier version of the
    catalog did not tell: the next sync writes it.

    :param connection: a transaction that sees one state of the database.
    :param schema: by which the form's rows are shaped.
    :returns: a few words each, such as ``kobo_columns lacks survey.age``; none: nothing differs.
    """
    found: list[str] = []
    for table, wanted in _wanted(schema):
        compared = _compare(connection, table, schema, wanted)
        tell = partial(_told, table)
        found += [f"{table.name} lacks {tell(row)}" for row in compared.new]
        found += [f"{table.name} says something else of {tell(row)}" for row in compared.changed]
        found += [f"{table.name} has a row too many" for _ in compared.foreign]
    found += [f"{form_versions.name} lacks {uid}" for uid in _lacked_versions(connection, schema)]
    return list(dict.fromkeys(found))


def _lacked_versions(connection: Connection, schema: FormSchema) -> list[str]:
    return sorted({*schema.versions}.difference(known_versions(connection, schema.asset_uid)))


class _Compared(NamedTuple):
    """How rows of the catalog differ from what they should be.

    :param new: rows that are missing.
    :param changed: rows that are there otherwise.
    :param foreign: the keys of rows that should not be there.
    :param older: rows that are there, but for what an earlier version of the catalog did not tell.
    """

    new: list[_Row]
    changed: list[_Row]
    foreign: list[_Row]
    older: list[_Row]


def _wanted(schema: FormSchema) -> Iterator[tuple[Table, list[_Row]]]:
    yield tables, list(_table_rows(schema))
    yield columns, list(_column_rows(schema))
    yield choices, list(_choice_rows(schema))


def _compare(connection: Connection, table: Table, schema: FormSchema, wanted: Sequence[_Row]) -> _Compared:
    places = [table.columns.keys().index(column.name) for column in table.primary_key]
    mine = table.c.asset_uid == schema.asset_uid
    if table is columns:  # who has a table has its columns, whatever form they name
        mine |= table.c.table_name.in_(sorted({row[1] for row in wanted}))
    if table is tables:  # views are told of when they are made: see ``views``
        mine &= table.c.kind != VIEW
    query = select(table).where(mine)
    there = {tuple(row[place] for place in places): tuple(row) for row in connection.execute(query)}
    by_key = {tuple(row[place] for place in places): row for row in wanted}
    changed: list[_Row] = []
    older: list[_Row] = []
    for at, row in by_key.items():
        if at in there and there[at] != row:
            is_older = table is columns and there[at] == (*row[:-1], None)
            (older if is_older else changed).append(row)
    return _Compared(
        new=[row for at, row in by_key.items() if at not in there],
        changed=changed,
        foreign=[at for at, row in there.items() if at not in by_key and not _is_claim(table, row)],
        older=older,
    )


def _is_claim(table: Table, row: _Row) -> bool:
    return table is tables and row[_STATUS] == CLAIMED


def _told(table: Table, row: _Row) -> str:
    """Return what a row of the catalog is about: a table, a column of it, or a list of choices."""
    told = ("list_name",) if table is choices else tuple(column.name for column in table.primary_key)
    return ".".join(str(row[table.columns.keys().index(name)]) for name in told)


def _table_rows(schema: FormSchema) -> Iterator[_Row]:
    by_name = {table.name: table for table in schema.tables}
    for table in schema.tables:
        counted = (
            _count_of(by_name[table.parent], table.path) if table.parent and table.path else (None, None)
        )
        label = _first(table.labels)
        told = (table.path, table.parent, label, *counted, table.status.value, None)
        yield schema.asset_uid, table.name, table.kind.value, *told
        for part in range(2, table.parts + 1):
            told = (table.path, table.name, label, None, None, table.status.value, None)
            yield schema.asset_uid, table.part_name(part), PART, *told


def _count_of(parent: form_schema.Table, path: str) -> tuple[str | None, str | None]:
    """Return the physical table and the column that count the rows of a repeat."""
    counts = [column for column in parent.columns if column.facet == ROWS and column.path == path]
    return (parent.part_name(counts[-1].part), counts[-1].name) if counts else (None, None)


def _column_rows(schema: FormSchema) -> Iterator[_Row]:
    """Yield the columns of all tables: keys first, in reading order, the keys of parts after all others."""
    questions = joined_questions(schema)
    for table in schema.tables:
        keys, last = len(table.keys), len(table.keys) + len(table.columns)
        for part in range(1, table.parts + 1):
            before = 0 if part == 1 else last + (part - 2) * keys
            for place, name in enumerate(table.keys, before + 1):
                yield (
                    schema.asset_uid, table.part_name(part), name, place, "", name, None, Kind.INTEGER.value,
                    *([None] * 6), table.status.value, None,
                )  # fmt: skip
        for column in table.columns:
            yield (
                schema.asset_uid, table.part_name(column.part), column.name, keys + column.position,
                column.path, column.facet, column.question_type, column.kind.value, column.list_name,
                _first(column.labels), _json(column.labels), _first(column.hints), column.first_version,
                column.last_version, column.status.value,
                None if column.facet == ROWS else questions.get(column.path),
            )  # fmt: skip


def _choice_rows(schema: FormSchema) -> Iterator[_Row]:
    for choice in schema.choices:
        yield (
            schema.asset_uid, _hash(choice.list_name, choice.name), choice.list_name, choice.name,
            choice.position, _first(choice.labels), _json(choice.labels), choice.first_version,
            choice.last_version,
        )  # fmt: skip


def _hash(*parts: str) -> bytes:
    text = json.dumps(parts)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _first(texts: Mapping[str, str]) -> str | None:
    return next(iter(texts.values()), None)


def _json(texts: Mapping[str, str]) -> str | None:
    return json.dumps(dict(texts), ensure_ascii=False) if texts else None
