"""Proves that the database takes submissions now, by committing made-up rows."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert

from kobo_mirror.database.engine import transact
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.tables import form_table, submissions, tallies


def try_writing(engine: Engine, mirror: Mirror) -> None:
    """Write a made-up row to each table that a submission goes to, delete it, and commit.

    The rows belong to no form, and no other session sees them. A table that is read-only, locked or full, a
    right that is missing and a cluster that takes no commit all show, where reading would succeed.

    :param engine: made by ``open_engine``.
    :param mirror: the form; of its derived tables the root is tried.
    :raises DatabaseError, SchemaError: a submission could not be committed either.
    """
    tables = (submissions, *_tables_of(mirror), tallies)
    rows = [(table, _made_up(table)) for table in tables]

    def work(connection: Connection) -> None:
        once = connection.execution_options(compiled_cache=None)  # which would keep these very tables
        for table, row in rows:
            once.execute(insert(table).values(row))
        for table, row in rows:
            mine = {column.name: row[column.name] for column in table.primary_key}
            once.execute(delete(table).filter_by(**mine))

    transact(engine, work)


def _tables_of(mirror: Mirror) -> Iterator[Table]:
    if mirror.form:
        yield form_table(mirror.form)
    if mirror.schema:
        yield physical_tables(mirror.schema).tables[mirror.schema.root.name]


def _made_up(table: Table) -> dict[str, Any]:
    number = -secrets.randbits(62)
    return {
        column.name: number if column.name == "kobo_id" else _value(column.type.python_type)
        for column in table.columns
        if column.primary_key or not (column.nullable or column.server_default)
    }


def _value(kind: type) -> Any:
    if kind is bytes:
        return secrets.token_bytes(16)
    if kind in (date, datetime):
        return datetime.now(UTC).date() if kind is date else datetime.now(UTC).replace(tzinfo=None)
    return kind()
