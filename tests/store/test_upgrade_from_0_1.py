"""A mirror that version 0.1 made, upgraded in place, while its readers and its old webhook go on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import open_engine, reading
from kobo_mirror.errors import DatabaseError, SchemaError
from kobo_mirror.store.bindings import Epochs, epochs_of
from kobo_mirror.store.schema import at_head, migrate
from tests.support import version_0_1
from tests.support.crashes import Crash, CrashPoint
from tests.support.database_server import DatabaseServer
from tests.support.interleaved_server import InterleavedServer
from tests.support.tables import ledger, letters, queued_refs, rows_in, run_sql
from tests.support.version_0_1 import DEFERRED, DELETED, LETTER, REJECTED, UNFINISHED, prove, sync

BOOKKEEPING = ("kobo_forms", "kobo_submissions", "kobo_to_fetch", "kobo_rejections", "kobo_dead_letters")
OLD_LEDGER = text("SELECT kobo_id, first_seen_at, deleted_at, state FROM kobo_submissions ORDER BY kobo_id")


@pytest.fixture
def of_0_1(fresh_url: str) -> Iterator[Engine]:
    """Return an engine on a database that version 0.1 made."""
    version_0_1.restore(fresh_url)
    engine = open_engine(fresh_url, several=True)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def kobo() -> Iterator[InterleavedServer]:
    """Return the server that version 0.1 mirrored."""
    with version_0_1.mirrored_by_0_1() as running:
        yield running


def everything(engine: Engine) -> dict[str, Any]:
    """Return what is in the tables that a sync, a webhook or a repair of version 0.1 writes rows to."""
    return {name: rows_in(engine, name) for name in (*BOOKKEEPING, "kobo_records", "kobo_sync_runs")}


def old_columns(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(OLD_LEDGER)]


def test_it_becomes_a_mirror_of_today_by_one_full_read(
    of_0_1: Engine, fresh_url: str, kobo: InterleavedServer
) -> None:
    before, noted = records_as_text(of_0_1), old_columns(of_0_1)
    assert (len(before), waiting(of_0_1)) == (28, [str(DEFERRED)])
    query = "SELECT * FROM kobo_records ORDER BY kobo_id"
    with version_0_1.reading_all_the_time(fresh_url, query) as seen:
        assert migrate(of_0_1) == []
        first = sync(kobo, of_0_1)
        second_before = everything(of_0_1)
        second = sync(kobo, of_0_1)
    assert seen == [before] == [records_as_text(of_0_1)]  # ids, inserted_at, updated_at and all answers
    assert old_columns(of_0_1) == noted
    assert (first["mode"], first["rows_read"], first["updated"]) == ("exact", 30, 28)
    assert (second["rows_read"], second["updated"], second["unchanged"]) == (0, 0, 0)
    after = everything(of_0_1)
    changed = [name for name in after if after[name] != second_before[name]]
    assert changed == ["kobo_forms", "kobo_sync_runs"]  # the former says when the server was asked
    with reading(of_0_1) as connection:
        assert epochs_of(connection, "kobo_records") == Epochs(2, 2)
        tables = dialect_of(connection).stored_tables(connection)
    assert [name for name in tables if name.startswith("kobo_records")] == ["kobo_records"]
    held = ledger(of_0_1)
    assert (held[REJECTED]["state"], held[DELETED]["state"]) == ("rejected", "deleted")
    assert {row["epoch"] for key, row in held.items() if key != DELETED} == {2}
    assert [row["kobo_id"] for row in rows_in(of_0_1, "kobo_rejections")] == [REJECTED]
    assert [(row["body"], row["replayed_at"]) for row in letters(of_0_1)] == [(LETTER, None)]
    assert queued_refs(of_0_1) == {}
    runs = {row["id"]: row for row in rows_in(of_0_1, "kobo_sync_runs")}
    assert (runs[UNFINISHED]["finished_at"], runs[UNFINISHED]["rows_read"]) == (None, 12)  # of another epoch
    assert runs[UNFINISHED + 1]["finished_at"] is not None
    report = prove(kobo, of_0_1)
    assert (report.compared, any(report.differing.values())) == (29, False)


def waiting(engine: Engine) -> list[str]:
    """Return what is to be asked for, whatever further columns the table has."""
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT ref FROM kobo_to_fetch")).scalars())


def records_as_text(engine: Engine) -> list[Any]:
    """Return the form table as a reader without our types sees it."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM kobo_records ORDER BY kobo_id"))
        return [tuple(row) for row in rows]


def test_what_version_0_1_sends_is_refused_and_changes_nothing(
    of_0_1: Engine, kobo: InterleavedServer
) -> None:
    """Between the migration and the first sync, and after it."""
    migrate(of_0_1)
    sent = version_0_1.recorded("sqlite" if of_0_1.dialect.name == "sqlite" else "mysql")
    assert len(sent) == 9
    for is_synced in (False, True):
        if is_synced:
            sync(kobo, of_0_1)
        before = everything(of_0_1)
        for transaction in sent:
            taken, is_refused = version_0_1.replay(of_0_1, transaction)
            assert is_refused, transaction.what
            assert not any("INTO kobo_records" in one or "FROM kobo_records" in one for one in taken)
        assert everything(of_0_1) == before


def test_before_the_upgrade_the_same_statements_are_taken(of_0_1: Engine) -> None:
    """So that they are refused for the column, and not for a mistake in the record."""
    sent = version_0_1.recorded("sqlite" if of_0_1.dialect.name == "sqlite" else "mysql")
    assert [one.what for one in sent if version_0_1.replay(of_0_1, one)[1]] == []
    assert len(records_as_text(of_0_1)) == 28 + 2 - 1


@pytest.mark.long
def test_a_run_of_0_1_that_ends_late_is_mended_by_the_next_sync(
    of_0_1: Engine, kobo: InterleavedServer
) -> None:
    """Its last step does not read the ledger, and notes its own declaration."""
    with of_0_1.connect() as connection:
        (noted,) = connection.execute(text("SELECT fingerprint FROM kobo_forms")).scalars()
    migrate(of_0_1)
    before = records_as_text(of_0_1)
    with of_0_1.begin() as connection:
        connection.execute(text("UPDATE kobo_forms SET fingerprint = :old"), {"old": noted})
    sync(kobo, of_0_1)
    with reading(of_0_1) as connection:
        assert epochs_of(connection, "kobo_records") == Epochs(3, 3)
    assert records_as_text(of_0_1) == before
    assert not any(prove(kobo, of_0_1).differing.values())


@pytest.mark.long
def test_an_upgrade_that_is_killed_at_any_statement_is_finished(fresh_url: str) -> None:
    """On SQLite it is one transaction; elsewhere each statement is done once."""
    version_0_1.restore(fresh_url)
    engine = open_engine(fresh_url)
    crash_point = CrashPoint(engine)
    number = 0
    while not at_head(engine):
        number += 3 if engine.dialect.name == "sqlite" else 1
        try:
            with crash_point.crash_after(number):
                migrate(engine)
        except Crash:
            continue
    assert number > 20
    assert len(records_as_text(engine)) == 28
    names = {column["name"] for column in inspect(engine).get_columns("kobo_submissions")}
    assert names & {"digest", "document_digest"} == {"document_digest"}
    engine.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on a file that version 0.1 made."""
    url = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    version_0_1.restore(url)
    engine = open_engine(url)
    yield engine
    engine.dispose()


def test_a_broken_view_is_named_and_nothing_is_half_done(file: Engine) -> None:
    """SQLite reads every view of the file before it renames a column."""
    run_sql(
        file,
        "CREATE VIEW late AS SELECT kobo_id, digest FROM kobo_submissions",
        "CREATE TABLE gone (a INTEGER)",
        "CREATE VIEW \"of a 'gone'\" AS SELECT a FROM gone",
        "CREATE VIEW also AS SELECT * FROM \"of a 'gone'\"",
        "DROP TABLE gone",
    )
    before = definitions(file)
    with pytest.raises(SchemaError) as caught:
        migrate(file)
    assert str(caught.value) == (
        "SQLite renames no column while a view of the file is broken: drop or mend the views also, of a "
        "'gone', then run `python -m kobo_mirror migrate` again."
    )
    assert definitions(file) == before
    run_sql(file, "DROP VIEW also")
    with pytest.raises(SchemaError, match=r"drop or mend the view of a 'gone', then"):
        migrate(file)
    run_sql(file, "CREATE TABLE gone (a INTEGER)")
    migrate(file)
    assert len(rows_in(file, "late")) == 30  # a view that is whole reads the column by its new name


def test_a_broken_trigger_is_told_of(file: Engine) -> None:
    run_sql(
        file,
        "CREATE TABLE gone (a INTEGER)",
        "CREATE TRIGGER odd AFTER INSERT ON kobo_leases BEGIN UPDATE gone SET a = 1; END",
        "DROP TABLE gone",
    )
    before = definitions(file)
    with pytest.raises(DatabaseError, match=r"one of its triggers is broken: drop it, then run"):
        migrate(file)
    assert definitions(file) == before


def definitions(engine: Engine) -> list[Any]:
    return rows_in(engine, "sqlite_master")


@pytest.mark.long
def test_who_waits_for_an_idle_reader_keeps_others_waiting_a_second_at_most(server: DatabaseServer) -> None:
    """A reader that left its transaction open holds the ledger; who comes later waits behind the upgrade."""
    url = server.fresh_database()
    version_0_1.restore(url)
    engine, slowest = open_engine(url), 0.0
    with ThreadPoolExecutor(1) as pool:
        with engine.connect() as idle:
            idle.execute(OLD_LEDGER)
            upgrading = pool.submit(migrate, engine)
            until = time.monotonic() + 2.5
            while time.monotonic() < until:
                begun = time.monotonic()
                with engine.connect() as connection:
                    connection.execute(OLD_LEDGER)
                slowest = max(slowest, time.monotonic() - begun)
            assert not upgrading.done()
            idle.rollback()
        upgrading.result(timeout=20)
    assert at_head(engine)
    assert slowest < 1.5
    engine.dispose()
    server.drop_database(url)
