"""The schema: brought to the newest revision, compared with it, and bound to the form that it mirrors."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, insert, inspect, select

from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.form import Form, Mirror
from kobo_mirror.store.database import database_errors, now, reading, transact
from kobo_mirror.store.tables import clock_trigger, form_table, forms

VERSION_TABLE = "kobo_alembic_version"
_MIGRATE = "run `python -m kobo_mirror migrate`"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def migrate(engine: Engine, form: Form) -> None:
    """Bring our tables to the newest revision and create the form table where it is missing. Safe to repeat.

    :raises SchemaError: a table of that name exists and is another one.
    :raises DatabaseError: the database cannot take it.
    """
    config = _config()
    with database_errors(), engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        table = form_table(form, engine.dialect.name)
        if inspect(connection).has_table(form.table):
            _check_columns(connection, form)
        else:
            table.metadata.create_all(connection)
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql(clock_trigger(form))


def _check_columns(connection: Connection, form: Form) -> None:
    there = [column["name"] for column in inspect(connection).get_columns(form.table)]
    wanted = [column.name for column in form_table(form, connection.dialect.name).columns]
    if there != wanted:
        odd = sorted(set(there) ^ set(wanted)) or ["their order"]
        raise SchemaError(
            f"The table {form.table} exists with other columns ({', '.join(odd)}): rename it or use another "
            "database."
        )


def at_head(engine: Engine, form: Form) -> bool:
    """Whether the schema is the newest and the form table is there.

    :raises DatabaseError: the database cannot be asked.
    """
    heads = set(ScriptDirectory.from_config(_config()).get_heads())
    with suppress(SchemaError), reading(engine) as connection:
        current = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE}
        ).get_current_heads()
        return set(current) == heads and inspect(connection).has_table(form.table)
    return False


def bind(engine: Engine, mirror: Mirror) -> None:
    """Remember which form the form table mirrors; before anything is touched, refuse any other.

    :raises SchemaError: the form table mirrors another form, or the schema is not the newest; nothing was
        changed.
    """
    if not at_head(engine, mirror.form):
        raise SchemaError(f"The database lacks our tables or has old ones: {_MIGRATE}.")

    def work(connection: Connection) -> None:
        query = (
            select(forms.c.server, forms.c.asset_uid)
            .where(forms.c.form_table == mirror.form.table)
            .with_for_update()
        )
        row = connection.execute(query).one_or_none()
        if row is None:
            values = {
                "form_table": mirror.form.table,
                "server": mirror.server,
                "asset_uid": mirror.asset_uid,
                "bound_at": now(),
            }
            connection.execute(insert(forms).values(values))
        elif (row.server, row.asset_uid) != (mirror.server, mirror.asset_uid):
            raise SchemaError(
                f"The table {mirror.form.table} mirrors form {row.asset_uid} of {row.server}, not "
                f"{mirror.asset_uid} of {mirror.server}: set KOBO_URL and KOBO_ASSET_ID back, or use another "
                "database."
            )

    transact(engine, work)


def bound_to(engine: Engine, form: Form) -> tuple[str, str] | None:
    """Server and asset uid that the form table mirrors, or None before the first sync."""
    with reading(engine) as connection:
        row = connection.execute(
            select(forms.c.server, forms.c.asset_uid).where(forms.c.form_table == form.table)
        ).one_or_none()
    return (row[0], row[1]) if row else None
