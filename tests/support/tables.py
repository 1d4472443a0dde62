"""The contents of tables, for a test to compare."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, RowMapping, Table, inspect, select, text

from kobo_mirror.database.engine import moment_of
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.store.tables import dead_letters, form_table, submissions, to_fetch

CLOCKS = ("inserted_at", "updated_at")
LEDGER_CLOCKS = ("pushed_at", "first_seen_at", "deleted_at")


def run_sql(engine: Engine, *statements: str) -> None:
    """Run statements in one transaction, as a person at the database would."""
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def drop_views_of_file(engine: Engine) -> None:
    """Drop our views where they keep columns from being dropped, as a person must on SQLite."""
    if engine.dialect.name == "sqlite":
        names = [name for name in inspect(engine).get_view_names() if name != "kobo_rejected"]
        run_sql(engine, *(f'DROP VIEW "{name}"' for name in names))


def set_pushed(engine: Engine, ahead: timedelta) -> None:
    """Stamp every delivery as a database does whose clock is set back by ``ahead`` after it."""
    with engine.begin() as connection:
        at = moment_of(connection) + ahead
        connection.execute(submissions.update().values(pushed_at=at))


def rows_of(engine: Engine, table: Table) -> list[RowMapping]:
    """Return every row of a table, in the order of its key."""
    with engine.connect() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key)).mappings())


def rows_in(engine: Engine, table: str) -> list[RowMapping]:
    """Return every row of a table by its name, in the order of its first columns, which are its key."""
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).mappings()
        return list(found)


def created(engine: Engine, table: str) -> str:
    """Return the statement that makes a table as it is now."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            query = text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
            return str(connection.execute(query, {"name": table}).scalar_one())
        return str(connection.execute(text(f"SHOW CREATE TABLE `{table}`")).one()[1])


def records(engine: Engine, form: Form = KOBO_RECORDS) -> dict[int, dict[str, Any]]:
    """Return the form table by ``kobo_id``, every column."""
    return {row["kobo_id"]: dict(row) for row in rows_of(engine, form_table(form))}


def answers(engine: Engine) -> dict[int, dict[str, Any]]:
    """Return the form table by ``kobo_id``, without its clocks."""
    return {key: _without(row, CLOCKS) for key, row in records(engine).items()}


def ledger(engine: Engine) -> dict[int, dict[str, Any]]:
    """Return the ledger by ``kobo_id``, every column."""
    return {row["kobo_id"]: dict(row) for row in rows_of(engine, submissions)}


def truth(engine: Engine) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
    """Return form table and ledger, without what depends on when a state arrived."""
    return answers(engine), {key: _without(row, LEDGER_CLOCKS) for key, row in ledger(engine).items()}


def queued_refs(engine: Engine) -> dict[str, datetime]:
    """Return the refs in the refetch queue, and when each was last asked for."""
    return {row["ref"]: row["asked_at"] for row in rows_of(engine, to_fetch)}


def ages(engine: Engine) -> dict[int, int]:
    """Return the column ``age`` of the form table by ``kobo_id``."""
    return {key: row["age"] for key, row in records(engine).items()}


def letters(engine: Engine) -> list[RowMapping]:
    """Return the dead letters."""
    return rows_of(engine, dead_letters)


def _without(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
