"""Applied tables: whether the database has the tables by which the rows of a form are shaped."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Engine

from kobo_mirror.database.ddl import lacks_index, lacks_trigger
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.dialects.base_tables import StoredTable
from kobo_mirror.database.engine import reading
from kobo_mirror.store import catalog
from kobo_mirror.store.form_schemas import StoredForm
from kobo_mirror.store.form_tables import physical_columns, root_table


def is_applied(engine: Engine, stored: StoredForm) -> bool:
    """Return True if a form's newest schema shapes its rows, and the database has and describes its tables.

    The root is to have its index and its trigger, too. What else may have been changed by hand is not looked
    at: see ``altered_tables``.

    :param engine: made by ``open_engine``.
    :param stored: what ``kobo_forms`` has of the form.
    """
    if stored.schema is None or stored.intended is not None or stored.schema.is_of_older_reading:
        return False
    with reading(engine) as connection:
        if not catalog.is_described(connection, stored.schema):
            return False
        there = dialect_of(engine).stored_tables(connection)
        if lost_tables(stored, there):
            return False
        root = root_table(stored.schema)
        return not (lacks_index(root, there[root.name]) or lacks_trigger(connection, root, there[root.name]))


def has_tables(connection: Connection, stored: StoredForm | None) -> bool:
    """Return True if rows of a form are shaped by a schema, and all of its tables and columns are there.

    :param connection: an open transaction.
    :param stored: what ``kobo_forms`` has of the form.
    """
    there = dialect_of(connection).stored_tables(connection)
    return stored is not None and stored.schema is not None and not lost_tables(stored, there)


def lost_tables(stored: StoredForm | None, there: Mapping[str, StoredTable]) -> list[str]:
    """Return the tables by which rows are shaped, and which the database lacks, or a column of them.

    :param stored: what ``kobo_forms`` has of the form.
    :param there: the tables of the database, by their names.
    """
    if stored is None or stored.schema is None:
        return []
    return [
        name
        for name, columns in physical_columns(stored.schema).items()
        if name not in there or not there[name].columns.keys() >= {*columns}
    ]
