"""The schema: our tables and the form table, migrated to the newest revision and compared with it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, column, inspect, select, table, text

from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import read
from kobo_mirror.database.errors import database_errors
from kobo_mirror.database.sql import run
from kobo_mirror.errors import SchemaError, column_is_missing, tables_are_missing
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.store import catalog_tables  # noqa: F401  # its tables are part of the metadata
from kobo_mirror.store.bindings import is_declared_otherwise, raise_epoch
from kobo_mirror.store.tables import form_table, metadata

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "kobo_alembic_version"

_REJECTED = "kobo_rejected"
_VIEW = text(
    "CREATE VIEW kobo_rejected AS "
    "SELECT asset_uid, kobo_id, reason, submission_time, first_seen_at, payload "
    "FROM kobo_submissions WHERE state = 'rejected'"
)
_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine, form: Form) -> list[str]:
    """Bring our tables to the newest revision and create the form table where it is missing. Safe to repeat.

    A table of ours that is missing although the revision has it was dropped: the next sync reads the whole
    form and so restores what it knew.

    :param engine: made by ``open_engine``.
    :param form: names the form table and its columns.
    :returns: the names of tables that were dropped.
    :raises SchemaError: a table of that name exists and is another one; nothing was changed.
    :raises DatabaseError: the database cannot take it.
    """
    dialect = dialect_of(engine)
    with database_errors(), engine.begin() as connection, dialect.migration_lock(connection):
        is_there = inspect(connection).has_table(form.table)
        if is_there:
            _check_columns(connection, form)
        if _revisions(connection) != {_newest()}:
            _upgrade(connection)
        _require_columns(connection, form)
        dropped = _missing(connection)
        metadata.create_all(connection)
        if _REJECTED not in inspect(connection).get_view_names():
            connection.execute(_VIEW)
        if dropped or not is_there or is_declared_otherwise(connection, form):
            # Before the table is made again: after a crash, an empty one must not count as read.
            raise_epoch(connection, form)
        filled = form_table(form)
        filled.create(connection, checkfirst=True)
        for index in filled.indexes:
            index.create(connection, checkfirst=True)
        if trigger := dialect.moving_trigger(filled, "updated_at"):
            run(connection, trigger)
        return dropped


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415  # Alembic's import takes as long as a small sync

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_columns(connection: Connection, form: Form) -> None:
    is_ours = inspect(connection).has_table(VERSION_TABLE)
    type_of = partial(dialect_of(connection).comparable_type, connection)
    there = {
        c["name"]: (type_of(c["type"]), c["nullable"]) for c in inspect(connection).get_columns(form.table)
    }
    wanted = {c.name: (type_of(c.type), bool(c.nullable)) for c in form_table(form).columns}
    if is_ours and (lacking := [name for name in wanted if name not in there]):
        raise column_is_missing(form.table, lacking, is_form=True)
    if list(there.items()) != list(wanted.items()):
        odd = sorted(name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name))
        raise SchemaError(
            f"The table {form.table} exists with other columns ({', '.join(odd) or 'their order'}): rename "
            "it or use another database."
        )


def _newest() -> str:
    """Return the newest revision: the number in the name of the last migration."""
    return max(path.name[1:5] for path in (_MIGRATIONS / "versions").glob("m[0-9]*.py"))


def _revisions(connection: Connection) -> set[str]:
    """Return what Alembic has noted in the database; nothing before the first migration."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return set()
    return set(connection.execute(select(table(VERSION_TABLE, column("version_num")))).scalars())


def _missing(connection: Connection, *further: str) -> list[str]:
    return sorted({*metadata.tables, *further}.difference(inspect(connection).get_table_names()))


def _require_columns(connection: Connection, form: Form) -> None:
    """Refuse tables that lack a column; a whole table may be missing.

    :raises MissingColumnError: the first such table.
    """
    there = dialect_of(connection).column_names(connection)
    ours = [*metadata.sorted_tables, form_table(form)]
    for one in ours:
        lacking = [c.name for c in one.columns if c.name not in there.get(one.name, {c.name})]
        if lacking:
            raise column_is_missing(one.name, lacking, is_form=one.name == form.table)


def at_head(engine: Engine, form: Form) -> bool:
    """Return True if the schema is the newest and the form table is there.

    :param engine: made by ``open_engine``.
    :param form: names the form table and its columns.
    :raises DatabaseError: the database cannot be asked.
    """
    try:
        require_tables(engine, form)
    except SchemaError:
        return False
    return True


def require_tables(engine: Engine, form: Form) -> None:
    """Refuse a database whose tables are not all there, or are old.

    :param engine: made by ``open_engine``.
    :param form: names the form table and its columns.
    :raises MissingTablesError: tables are missing or old.
    :raises MissingColumnError: a column was dropped.
    """

    def work(connection: Connection) -> tuple[set[str], list[str]]:
        revisions = _revisions(connection)
        if revisions == {_newest()}:
            _require_columns(connection, form)
        return revisions, _missing(connection, form.table)

    revisions, missing = read(engine, work)  # runs again where another process changes tables meanwhile
    if missing or revisions != {_newest()}:
        raise tables_are_missing(missing if revisions else ())
