"""A column of ours that was dropped is named alike by every command, and what it says to do helps."""

from __future__ import annotations

import pytest

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from tests.support.mirroring import Mirroring
from tests.support.tables import drop_views_of_file, run_sql

DROPPED = [
    ("kobo_submissions", "payload"),
    ("kobo_leases", "renewed_at"),
    ("kobo_forms", "id_strings"),
    ("kobo_records", "age"),
]


def drop_column(mirroring: Mirroring, table: str, column: str) -> None:
    """As a person does it, who first drops what SQLite will not do without the column."""
    if table == "kobo_submissions":
        run_sql(mirroring.engine, "DROP VIEW kobo_rejected")
    if table == "kobo_records" and mirroring.engine.dialect.name == "sqlite":
        run_sql(mirroring.engine, "DROP TRIGGER kobo_records_updated_at")
    drop_views_of_file(mirroring.engine)
    run_sql(mirroring.engine, f"ALTER TABLE {table} DROP COLUMN {column}")


@pytest.mark.parametrize(("table", "column"), DROPPED)
def test_every_command_names_the_column_and_what_to_do(mirroring: Mirroring, table: str, column: str) -> None:
    mirroring.sync()
    drop_column(mirroring, table, column)
    said = {mirroring.command(command)[2] for command in ("sync", "migrate", "verify")}
    todo = "drop the table and run `" if table == "kobo_records" else "restore this table from a backup."
    (sentence,) = said
    assert sentence.startswith(f"error: The table {table} lacks a column of ours ({column}): {todo}")


def test_a_form_table_that_lacked_a_column_is_filled_anew(mirroring: Mirroring) -> None:
    mirroring.sync()
    drop_column(mirroring, "kobo_records", "age")
    run_sql(mirroring.engine, "DROP TABLE kobo_records")
    migrate(mirroring.engine, KOBO_RECORDS)
    mirroring.sync()
    assert mirroring.verify().equal
