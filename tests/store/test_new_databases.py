"""An empty database: its tables are made as they are declared, without the migrations."""

from __future__ import annotations

import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import DatabaseError, SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store import schema
from kobo_mirror.store.schema import at_head, migrate
from tests.support.migrating import all_parts, begin_first_migration, drop_all, migrate_with_a_power_cut
from tests.support.tables import run_sql


def test_an_empty_database_gets_what_the_migrations_would_make(
    fresh_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(fresh_url)
    begin_first_migration(engine)
    migrate(engine, KOBO_RECORDS)
    made_by_migrations = all_parts(engine)
    drop_all(engine)
    monkeypatch.setattr(schema, "_upgrade", lambda connection: pytest.fail("It was migrated."))
    assert migrate(engine, KOBO_RECORDS) == []
    assert at_head(engine, KOBO_RECORDS)
    assert all_parts(engine) == made_by_migrations
    engine.dispose()


@pytest.mark.parametrize(
    "last",
    [
        "INSERT INTO kobo_alembic_version",
        "CREATE TABLE kobo_account_forms",
        "CREATE TABLE kobo_submissions",
        "CREATE UNIQUE INDEX uq_kobo_forms_asset_uid",
        "CREATE INDEX ix_kobo_sync_runs_finished",
        "UPDATE kobo_alembic_version",
        "CREATE VIEW kobo_rejected",
        "CREATE TABLE kobo_records",
    ],
)
def test_tables_whose_making_was_killed_halfway_are_finished(fresh_url: str, last: str) -> None:
    engine = open_engine(fresh_url)
    migrate(engine, KOBO_RECORDS)
    whole = all_parts(engine)
    drop_all(engine)
    migrate_with_a_power_cut(engine, last)
    assert migrate(engine, KOBO_RECORDS) == []
    assert at_head(engine, KOBO_RECORDS)
    assert all_parts(engine) == whole
    engine.dispose()


def test_a_database_that_refuses_the_view_is_not_told_to_be_the_newest(fresh_url: str) -> None:
    """MySQL commits before it looks whether it may make a view; no other table is missing then."""
    engine = open_engine(fresh_url)
    run_sql(engine, "CREATE TABLE kobo_rejected (other INTEGER)")
    for _ in range(2):
        with pytest.raises(DatabaseError):
            migrate(engine)
        assert not at_head(engine)
    run_sql(engine, "DROP TABLE kobo_rejected")
    assert migrate(engine) == []
    assert at_head(engine)
    engine.dispose()


def test_what_another_version_began_to_make_is_made_anew(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    migrate(engine, KOBO_RECORDS)
    whole = all_parts(engine)
    run_sql(
        engine,
        "UPDATE kobo_alembic_version SET version_num = 'begun 0020'",
        "ALTER TABLE kobo_forms DROP COLUMN views_fingerprint",
        "DROP TABLE kobo_plans",
    )
    assert not at_head(engine, KOBO_RECORDS)
    assert migrate(engine, KOBO_RECORDS) == []
    assert at_head(engine, KOBO_RECORDS)
    assert all_parts(engine) == whole
    engine.dispose()


def test_what_a_newer_version_began_to_make_is_left(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    migrate(engine, KOBO_RECORDS)
    run_sql(engine, "UPDATE kobo_alembic_version SET version_num = 'begun 9999'")
    with pytest.raises(SchemaError, match="the revision begun 9999, which this version"):
        migrate(engine, KOBO_RECORDS)
    engine.dispose()
