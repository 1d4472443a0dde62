"""A sync succeeds only if every row is there: after a table was dropped, emptied or changed by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.cli.status import status
from kobo_mirror.database.engine import open_engine, reading, transact
from kobo_mirror.errors import KoboMirrorError, SchemaError, UnequalError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.bindings import NotBoundError, epochs_of
from kobo_mirror.store.row_counts import count_rows, largest_difference
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import sync_runs
from kobo_mirror.store.totals import totals
from kobo_mirror.store.writer import Writer
from tests.support.mirroring import Mirroring
from tests.support.rebuilding import LARGE_FORM, drop_and_migrate, stop_after
from tests.support.submissions import ASSET, MIRROR, SERVER, body, submission
from tests.support.tables import answers, ledger, records, rows_of, run_sql


def rename_and_migrate(engine: Engine) -> None:
    run_sql(engine, "ALTER TABLE kobo_records RENAME TO kept_aside")
    if (
        engine.dialect.name == "sqlite"
    ):  # there the names of indexes and triggers belong to the whole database
        run_sql(engine, "DROP TRIGGER kobo_records_updated_at", "DROP INDEX ix_kobo_records_unique_id")
    migrate(engine, KOBO_RECORDS)


def drop_and_die_while_migrating(engine: Engine) -> None:
    """The table is gone, the epoch has risen, and the process died before it made the table again."""
    drop_and_migrate(engine)
    drop_and_migrate(engine)


def lose(engine: Engine, rows: str) -> None:
    run_sql(engine, f"DELETE FROM kobo_records WHERE kobo_id % {rows}")  # our own text


WAYS: dict[str, Callable[[Engine], None]] = {
    "dropped": drop_and_migrate,
    "renamed": rename_and_migrate,
    "dropped twice": drop_and_die_while_migrating,
    "emptied": lambda engine: run_sql(engine, "DELETE FROM kobo_records"),
    "nine of ten gone": lambda engine: lose(engine, "10 <> 0"),
    "one of a hundred gone": lambda engine: lose(engine, "100 = 0"),
}


MORE_OF_A_KIND = ("renamed", "dropped twice")


@pytest.mark.parametrize("options", [{}, LARGE_FORM], ids=["exact", "incremental"])
@pytest.mark.parametrize(
    "way",
    [
        *list(WAYS)[:1],
        *(pytest.param(way, marks=pytest.mark.long) for way in list(WAYS)[1:3]),
        *list(WAYS)[3:],
    ],
)
def test_rows_that_are_gone_are_back_after_one_sync(
    mirroring: Mirroring, way: str, options: dict[str, Any]
) -> None:
    mirroring.sync()
    before = answers(mirroring.engine)
    WAYS[way](mirroring.engine)
    assert answers(mirroring.engine) != before
    again = mirroring.sync(mode="incremental" if options else "auto", **options)
    assert answers(mirroring.engine) == before
    assert again["sentence"].endswith("the form has 300 submissions")
    assert mirroring.verify().equal
    (*_, last) = rows_of(mirroring.engine, sync_runs)
    assert last["count_difference"] == 0
    third = mirroring.sync()
    assert third["rows_read"] <= third["unchanged"]


def test_inserted_at_outlives_a_table_that_was_dropped(mirroring: Mirroring) -> None:
    mirroring.sync()
    before = {kobo_id: row["inserted_at"] for kobo_id, row in records(mirroring.engine).items()}
    drop_and_migrate(mirroring.engine)
    mirroring.sync()
    assert {kobo_id: row["inserted_at"] for kobo_id, row in records(mirroring.engine).items()} == before


def test_a_row_without_a_submission_is_removed(mirroring: Mirroring) -> None:
    mirroring.sync()
    before = answers(mirroring.engine)
    columns = ", ".join(column for column in next(iter(records(mirroring.engine).values())) if column != "id")
    values = columns.replace("kobo_id", "kobo_id + 1000000")
    run_sql(
        mirroring.engine,
        f"INSERT INTO kobo_records (id, {columns}) "  # our own names
        f"SELECT x'00112233445566778899aabbccddeeff', {values} FROM kobo_records WHERE kobo_id = 412001",
    )
    mirroring.sync()
    assert answers(mirroring.engine) == before


@pytest.mark.parametrize("lie", [3, -2, 300])
def test_totals_that_are_wrong_are_counted_anew(mirroring: Mirroring, lie: int) -> None:
    mirroring.sync()
    before = answers(mirroring.engine)
    run_sql(mirroring.engine, f"UPDATE kobo_tallies SET applied = applied + {lie}")
    mirroring.sync()
    with reading(mirroring.engine) as connection:
        assert totals(connection, mirroring.simulator.asset)["applied"] == 300
        assert largest_difference(count_rows(connection, mirroring.mirror, whole=True)) == 0
    assert answers(mirroring.engine) == before


def test_a_difference_that_remains_is_an_error_and_red(embedded: Mirroring) -> None:
    """Rows that go as fast as they are written: no sync may call that a success."""
    embedded.sync()
    run_sql(
        embedded.engine,
        "CREATE TRIGGER thief AFTER INSERT ON kobo_records WHEN NEW.kobo_id % 50 = 0 "
        "BEGIN DELETE FROM kobo_records WHERE kobo_id = NEW.kobo_id; END",
        "DELETE FROM kobo_records WHERE kobo_id % 50 = 0",
    )
    with pytest.raises(UnequalError, match=r"has 294 rows, but 300 submissions fit it"):
        embedded.sync()
    told = status(embedded.engine)
    assert told["light"] == "red"
    assert "The table has 6 rows too few or too many." in told["findings"]
    run_sql(embedded.engine, "DROP TRIGGER thief")
    embedded.sync()
    assert embedded.verify().equal


def test_a_delivery_during_the_epoch_that_came_is_of_that_epoch(mirroring: Mirroring) -> None:
    mirroring.sync()
    (before,) = {row["epoch"] for row in ledger(mirroring.engine).values()}
    writer = Writer(mirroring.engine, mirroring.mirror)
    mirroring.simulator.control.set_delivery("lose")
    (new,) = mirroring.simulator.control.create(1)
    drop_and_migrate(mirroring.engine)
    (row,) = mirroring.simulator.control.rows(new)
    assert writer.push(body(row)).result == "inserted"
    assert ledger(mirroring.engine)[new]["epoch"] == before + 1
    assert {row["epoch"] for key, row in ledger(mirroring.engine).items() if key != new} == {before}
    mirroring.sync()
    assert {row["epoch"] for row in ledger(mirroring.engine).values()} == {before + 1}
    assert mirroring.verify().equal


def test_every_run_reads_from_the_start_until_one_has_read_all(mirroring: Mirroring) -> None:
    mirroring.sync()
    drop_and_migrate(mirroring.engine)
    stop_after(mirroring, 5)
    with pytest.raises(KoboMirrorError):
        mirroring.sync(mirroring.client(attempts=1), page_size=10, in_flight=1)
    mirroring.simulator.control.faults.clear()
    with reading(mirroring.engine) as connection:
        assert epochs_of(connection, "kobo_records").must_read_all
    assert status(mirroring.engine)["light"] != "green"
    mirroring.sync(mode="incremental", **LARGE_FORM)
    with reading(mirroring.engine) as connection:
        assert not epochs_of(connection, "kobo_records").must_read_all
    assert mirroring.verify().equal


def test_no_form_can_be_all_rejected_and_a_success(mirroring: Mirroring) -> None:
    control = mirroring.simulator.control
    control.bulk_edit(control.ids(), cd_client_name=None)
    code, out, err = mirroring.command("sync")
    assert (code, out) == (1, "")
    assert "None of the form's 300 submissions fits the table kobo_records" in err
    assert "client_name: the answer to sec_c/cd_client_name is missing" in err
    for full in ([], ["--full"]):
        code, out, _ = mirroring.command("verify", *full)
        assert code == 1
        assert "equals" not in out
        assert "all 300 submissions are rejected" in out
    told = status(mirroring.engine)
    assert (told["light"], told["submissions"], told["rejected"]) == ("red", 0, 300)
    control.edit(control.ids()[0], cd_client_name="Amina")
    code, out, _ = mirroring.command("sync")
    assert code == 0
    assert out.startswith("success, with 299 rejected: ")
    assert status(mirroring.engine)["light"] != "green"


def test_a_count_beside_a_busy_webhook_is_no_false_alarm(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    bind(engine, MIRROR)
    done = threading.Event()

    def deliver(first: int) -> None:
        writer = Writer(engine, MIRROR)
        for number in range(60):
            writer.push(body(submission(first + number)))

    def count() -> None:
        while not done.is_set():
            with reading(engine) as connection:
                found.append(largest_difference(count_rows(connection, MIRROR)))

    found: list[int] = []
    senders = [threading.Thread(target=deliver, args=(1 + 1000 * number,)) for number in range(3)]
    counter = threading.Thread(target=count)
    for thread in (counter, *senders):
        thread.start()
    for thread in senders:
        thread.join()
    done.set()
    counter.join()
    assert set(found) == {0}
    assert len(found) > 20
    engine.dispose()


def test_a_writer_binds_no_form_and_writes_for_no_other(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    with pytest.raises(NotBoundError):
        Writer(engine, MIRROR).push(body(submission(1)))
    bind(engine, MIRROR)
    assert Writer(engine, MIRROR).push(body(submission(1))).result == "inserted"
    other = Mirror(KOBO_RECORDS, SERVER, "aAnotherForm0000000001")
    for kobo_id in (1, 2):
        with pytest.raises(SchemaError, match=f"mirrors form {ASSET}"):
            Writer(engine, other).push(body(submission(kobo_id)))
    transact(engine, lambda connection: connection.execute(text("DELETE FROM kobo_forms")))
    with pytest.raises(NotBoundError):
        Writer(engine, MIRROR).push(body(submission(2)))
    assert list(records(engine)) == list(ledger(engine)) == [1]
    engine.dispose()
