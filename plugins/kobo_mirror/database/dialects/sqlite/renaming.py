"""Renaming on SQLite: it reads every view of the file for that, and refuses while it cannot read one."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from kobo_mirror.database.sql import Identifier, Sql, run
from kobo_mirror.errors import SchemaError

_VIEWS = text("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")


def rename_column(connection: Connection, table: str, old: str, new: str) -> None:
    """Rename a column.

    :param connection: an open transaction.
    :param table: the table's name.
    :param old: the column's name until now.
    :param new: its name from now on; views of the file name it so, too.
    :raises SchemaError: views of the file are broken.
    """
    statement = Sql("ALTER TABLE {} RENAME COLUMN {} TO {}")
    try:
        run(connection, statement.format(Identifier(table), Identifier(old), Identifier(new)))
    except OperationalError:
        broken = list(_broken_views(connection))
        if not broken:
            raise
        which = "the view" if len(broken) == 1 else "the views"
        raise SchemaError(
            f"SQLite renames no column while a view of the file is broken: drop or mend {which} "
            f"{', '.join(broken)}, then run `python -m kobo_mirror migrate` again."
        ) from None


def _broken_views(connection: Connection) -> Iterator[str]:
    """Yield the names of views that cannot be read, as a table or a column of theirs is gone."""
    for name in connection.execute(_VIEWS).scalars().all():
        try:
            run(connection, Sql("EXPLAIN SELECT * FROM {}").format(Identifier(name))).close()
        except OperationalError:
            yield name
