"""Migrations: repeated, concurrent, interrupted, and from older versions."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, inspect, text

from kobo_mirror.database.engine import open_engine, reading, transact
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store import listings, schema
from kobo_mirror.store.bindings import epochs_of
from kobo_mirror.store.dead_letters import keep, waiting_letters
from kobo_mirror.store.runs import finish_run
from kobo_mirror.store.schema import VERSION_TABLE, at_head, migrate
from kobo_mirror.store.tables import form_table, metadata
from tests.support.migrating import begin_first_migration, migrate_with_a_power_cut
from tests.support.processes import migrate_one
from tests.support.submissions import ASSET, submission
from tests.support.tables import created, letters, records
from tests.support.writing import Writing

ROOT = Path(__file__).parents[2]


TABLES = {
    "kobo_forms",
    "kobo_submissions",
    "kobo_tallies",
    "kobo_days",
    "kobo_account_forms",
    "kobo_dropped_forms",
    "kobo_to_fetch",
    "kobo_dead_letters",
    "kobo_leases",
    "kobo_checkpoints",
    "kobo_sync_runs",
    "kobo_registrations",
    "kobo_rejections",
    "kobo_proofs",
    "kobo_server_counts",
    "kobo_codes",
    "kobo_code_ids",
    "kobo_tables",
    "kobo_columns",
    "kobo_view_columns",
    "kobo_choices",
    "kobo_form_versions",
    "kobo_plans",
    "kobo_rejected_cells",
}


def test_the_migrations_make_what_the_code_declares(fresh_url: str, tmp_path: Path) -> None:
    engine = open_engine(fresh_url)
    begin_first_migration(engine)
    migrate(engine, KOBO_RECORDS)
    declared = MetaData()
    for table in (*metadata.tables.values(), form_table(KOBO_RECORDS)):
        table.to_metadata(declared)
    if engine.dialect.name == "sqlite":  # Alembic misreads its types, but it keeps the statements
        other = open_engine(f"sqlite:///{tmp_path / 'declared.sqlite'}")
        declared.create_all(other)
        assert _statements(engine) == _statements(other)
        other.dispose()
    else:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            assert compare_metadata(context, declared) == []
    assert set(inspect(engine).get_table_names()) == TABLES | {"kobo_records", VERSION_TABLE}
    assert inspect(engine).get_view_names() == ["kobo_rejected"]
    engine.dispose()


def _statements(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql NOT LIKE :version"),
            {"version": f"%{VERSION_TABLE}%"},
        )
        return {"".join(sql.split()).replace("IFNOTEXISTS", "").replace('"', "") for (sql,) in rows}


def test_migrating_twice_changes_nothing(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    assert not at_head(engine, KOBO_RECORDS)
    migrate(engine, KOBO_RECORDS)
    assert at_head(engine, KOBO_RECORDS)
    before = _everything(engine)
    migrate(engine, KOBO_RECORDS)
    assert _everything(engine) == before
    engine.dispose()


def _everything(engine: Engine) -> list[Any]:
    found = inspect(engine)
    return [(name, [str(column) for column in found.get_columns(name)]) for name in found.get_table_names()]


def test_several_may_migrate_at_once(fresh_url: str) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        list(processes.map(migrate_one, [fresh_url] * 2))
    engine = open_engine(fresh_url)
    assert at_head(engine, KOBO_RECORDS)
    engine.dispose()


@pytest.mark.parametrize(
    "last",
    [
        "CREATE TABLE.* kobo_leases",
        "CREATE TABLE.* kobo_tallies",
        "ALTER TABLE kobo_forms ADD .*epoch_read",
        "ALTER TABLE kobo_rejections",
        "CREATE TABLE.* kobo_code_ids",
        "UPDATE kobo_sync_runs SET mode",
        "ALTER TABLE kobo_forms ADD .*intended_schema",
        "CREATE UNIQUE INDEX",
        "CREATE TABLE.* kobo_choices",
        "ALTER TABLE .?kobo_submissions.? RENAME",
        "UPDATE kobo_alembic_version SET version_num='0009'",
        "CREATE TABLE kobo_records",
    ],
)
def test_a_migration_that_was_killed_halfway_is_finished(fresh_url: str, last: str) -> None:
    engine = open_engine(fresh_url)
    begin_first_migration(engine)
    migrate_with_a_power_cut(engine, last)
    migrate(engine, KOBO_RECORDS)
    assert at_head(engine, KOBO_RECORDS)
    engine.dispose()


def test_a_mirror_of_an_older_version_is_continued_unchanged(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    migrate(engine, KOBO_RECORDS)
    writing = Writing(engine)
    writing.pull(submission(1), submission(2, age="x", client_name=None), submission(3, phone=None))
    transact(engine, lambda connection: finish_run(connection, writing.run_id))
    for _ in range(2):
        keep(engine, body=b"a letter", source="webhook", reason="no")
    with engine.begin() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        taken = "UPDATE kobo_dead_letters SET replayed_at = received_at WHERE id = 1"  # with its body
        connection.exec_driver_sql(taken)
    assert not at_head(engine, KOBO_RECORDS)
    before = records(engine)
    migrate(engine, KOBO_RECORDS)
    with reading(engine) as connection:
        assert epochs_of(connection, "kobo_records") == (1, 1)
        listed = listings.rejected_submissions(connection, ASSET, after=0, limit=9, answers=False)
    assert [(row["kobo_id"], json.loads(row["column_names"])) for row in listed] == [
        (2, ["client_name", "age"]),
        (3, ["phone"]),
    ]
    assert records(engine) == before
    assert writing.pull(submission(1)) == {"rows_read": 1, "unchanged": 1}
    assert [row["body"] for row in letters(engine)] == [b"", b"a letter"]
    with reading(engine) as connection:
        assert waiting_letters(connection, ASSET) == [(2, "no")]  # of no form that is known: of each
        assert waiting_letters(connection, "aOtherForm00000000001") == [(2, "no")]
    engine.dispose()


def test_an_older_version_s_usual_runs_become_incremental_ones(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    migrate(engine, KOBO_RECORDS)
    config = schema._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
        for mode in ("usual", "exact", "none"):
            connection.exec_driver_sql(
                "INSERT INTO kobo_sync_runs (asset_uid, name, mode, started_at) "
                f"VALUES ('{ASSET}', 's', '{mode}', '2026-11-23 12:00:00')"
            )
    migrate(engine, KOBO_RECORDS)
    assert _modes(engine) == ["incremental", "exact", "none"]
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
    assert _modes(engine) == ["usual", "exact", "none"]
    engine.dispose()


def _modes(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT mode FROM kobo_sync_runs ORDER BY id")).scalars())


def test_tables_that_are_there_come_through_an_upgrade_byte_for_byte(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    migrate(engine, KOBO_RECORDS)
    Writing(engine).pull(submission(1))
    config = schema._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0005")
    before, declared, bound = records(engine), created(engine, "kobo_records"), _binding(engine)
    migrate(engine, KOBO_RECORDS)
    assert (records(engine), created(engine, "kobo_records"), _binding(engine)) == (before, declared, bound)
    engine.dispose()


def _binding(engine: Engine) -> Any:
    query = "SELECT form_table, server, asset_uid, fingerprint, bound_at, epoch, epoch_read FROM kobo_forms"
    with engine.connect() as connection:
        return connection.exec_driver_sql(query).one()


def test_a_form_that_fills_two_tables_is_named_before_anything_is_made(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    migrate(engine, KOBO_RECORDS)
    config = schema._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0005")
        for table in ("other", "kobo_records"):
            connection.execute(
                text(
                    "INSERT INTO kobo_forms (form_table, server, asset_uid, fingerprint, bound_at) "
                    "VALUES (:name, 'https://kobo.test', 'aForm', '0123456789abcdef', '2026-11-23 12:00:00')"
                ),
                {"name": table},
            )
    with pytest.raises(SchemaError, match=r"form aForm for several tables \(kobo_records, other\): delete"):
        migrate(engine, KOBO_RECORDS)
    engine.dispose()


def test_a_form_that_was_never_read_to_its_end_is_read_after_an_upgrade(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    migrate(engine, KOBO_RECORDS)
    Writing(engine).pull(submission(1))
    with engine.begin() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
    migrate(engine, KOBO_RECORDS)
    with reading(engine) as connection:
        assert epochs_of(connection, "kobo_records").must_read_all
    engine.dispose()


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    assert ScriptDirectory.from_config(schema._config()).get_heads() == [schema._newest()]


def test_a_command_on_a_migrated_database_does_without_alembic(url: str) -> None:
    """Its import would take a third of the start of a sync."""
    code = (
        "import sys; from kobo_mirror.cli.commands import main; code = main(['migrate']); "
        "sys.exit(code or 'alembic' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(ROOT / "plugins"), "DATABASE_URL": url}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
