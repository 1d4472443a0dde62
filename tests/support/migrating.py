"""What the tests of migrations share: databases as Alembic begins them, killed halfway, and described."""

from __future__ import annotations

import re
from typing import Any

import pytest
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, event, inspect, text

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import VERSION_TABLE, at_head, migrate
from tests.support.tables import created


class CrashError(Exception):
    """What no code of ours catches."""


def begin_first_migration(engine: Engine) -> None:
    """Leave an empty database as a version did that was killed in its first migration."""
    with engine.begin() as connection:
        MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})._ensure_version_table()


def migrate_with_a_power_cut(engine: Engine, last: str) -> None:
    """Migrate until the statement is to be run that a pattern describes."""

    def power_cut(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        if re.search(last, statement):
            raise CrashError

    event.listen(engine, "before_cursor_execute", power_cut)
    with pytest.raises(CrashError):
        migrate(engine, KOBO_RECORDS)
    event.remove(engine, "before_cursor_execute", power_cut)
    assert not at_head(engine, KOBO_RECORDS)


def all_parts(engine: Engine) -> Any:
    """Return how all tables were made: a migration may have added their columns in another order."""
    with engine.connect() as connection:
        noted = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).all()
    found = inspect(engine)
    return noted, found.get_view_names(), {name: _parts(engine, name) for name in found.get_table_names()}


def _parts(engine: Engine, name: str) -> Any:
    if engine.dialect.name != "sqlite":
        return sorted(line.strip(" ,") for line in created(engine, name).splitlines())
    found = inspect(engine)
    columns = sorted(repr({**column, "type": str(column["type"])}) for column in found.get_columns(name))
    return columns, found.get_pk_constraint(name), sorted(map(repr, found.get_indexes(name)))


def drop_all(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP VIEW kobo_rejected"))
        for name in inspect(connection).get_table_names():
            connection.execute(text(f"DROP TABLE {name}"))
