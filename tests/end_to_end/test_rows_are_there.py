"""A sync says success only if every row is there: after a table was dropped, emptied, declared otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.database.engine import clock, open_engine, reading, transact
from kobo_mirror.errors import KoboMirrorError, LeaseError, SchemaError, UnequalError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.schema import Column, Form, Kind, Mirror
from kobo_mirror.store.bindings import epochs_of
from kobo_mirror.store.leases import LIFETIME
from kobo_mirror.store.row_counts import count_rows
from kobo_mirror.store.schema import bind, migrate
from kobo_mirror.store.tables import leases, sync_runs
from kobo_mirror.store.totals import totals
from kobo_mirror.store.writer import Writer
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.status import status
from kobo_mirror.sync.verify import verify
from tests.support.mirroring import Mirroring
from tests.support.submissions import ASSET, MIRROR, SERVER, body, submission
from tests.support.tables import answers, ledger, records, rows_of, run_sql

LARGE_FORM = {"exact_up_to": 0, "exact_every_hours": 24}


def stop_after(mirroring: Mirroring, pages: int) -> None:
    """Answer so many pages of ten, and then none."""
    mirroring.simulator.control.faults.add("503", count=None, after=pages, path="limit=10$")


def drop_and_migrate(engine: Engine) -> None:
    run_sql(engine, "DROP TABLE kobo_records")
    migrate(engine, KOBO_RECORDS)


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


@pytest.mark.parametrize("options", [{}, LARGE_FORM], ids=["exact", "usual"])
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
    again = mirroring.sync(mode="usual" if options else "auto", **options)
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


def test_a_row_that_nobody_sent_is_removed(mirroring: Mirroring) -> None:
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
        assert count_rows(connection, mirroring.mirror).difference == 0
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
    told = status(embedded.engine, KOBO_RECORDS)
    assert told["light"] == "red"
    assert "The table has 6 rows too few or too many." in told["findings"]
    run_sql(embedded.engine, "DROP TRIGGER thief")
    embedded.sync()
    assert embedded.verify().equal


NEEDS = Column("needs", "sec_c/cd_needs", required=False)
TIME = KOBO_RECORDS.columns[-1]
ONE_FEWER = Form("kobo_records", (*KOBO_RECORDS.columns[:-2], TIME))
ONE_REPLACED = Form("kobo_records", (*KOBO_RECORDS.columns[:-2], NEEDS, TIME))
SAME_VALUES = Form(  # another name for a column: the cells, and with them row_digest, are the same
    "kobo_records", (replace(KOBO_RECORDS.columns[0], name="day"), *KOBO_RECORDS.columns[1:])
)
AS_TEXT = Form(
    "kobo_records",
    tuple(replace(c, kind=Kind.TEXT) if c.name == "age" else c for c in KOBO_RECORDS.columns),
)


def syncing(mirroring: Mirroring, form: Form, client: Any, **options: Any) -> MirrorSync:
    server = mirroring.mirror.server
    return MirrorSync(client, mirroring.engine, form=form, server=server, **options)


def sync_as(mirroring: Mirroring, form: Form, **how: Any) -> dict[str, Any]:
    with mirroring.client() as client:
        return syncing(mirroring, form, client).run(**how)


def equal_as(mirroring: Mirroring, form: Form) -> bool:
    with mirroring.client() as client:
        mirror = Mirror(form, mirroring.mirror.server, mirroring.simulator.asset)
        report = verify(client, mirroring.engine, mirror, lambda *_: None, full=True)
    return report.equal and report.compared == len(records(mirroring.engine, form))


@pytest.mark.parametrize(
    "form",
    [ONE_FEWER, SAME_VALUES, *(pytest.param(one, marks=pytest.mark.long) for one in (ONE_REPLACED, AS_TEXT))],
)
@pytest.mark.parametrize("mode", ["auto", "usual"])
def test_another_declaration_writes_every_row(mirroring: Mirroring, form: Form, mode: str) -> None:
    mirroring.sync()
    run_sql(mirroring.engine, "DROP TABLE kobo_records")
    migrate(mirroring.engine, form)
    sync_as(mirroring, form, mode=mode)
    assert len(records(mirroring.engine, form)) == 300
    assert equal_as(mirroring, form)


@pytest.mark.parametrize("form", [ONE_FEWER, SAME_VALUES])
@pytest.mark.parametrize("pages", [1, 4])
def test_an_unfinished_run_is_not_resumed_under_another_declaration(
    mirroring: Mirroring, form: Form, pages: int
) -> None:
    stop_after(mirroring, pages)
    with pytest.raises(KoboMirrorError):
        mirroring.sync(mirroring.client(attempts=1), page_size=10, in_flight=1)
    mirroring.simulator.control.faults.clear()
    assert 0 < len(records(mirroring.engine)) < 300
    run_sql(mirroring.engine, "DROP TABLE kobo_records")
    migrate(mirroring.engine, form)
    sync_as(mirroring, form)
    assert equal_as(mirroring, form)
    assert len(records(mirroring.engine, form)) == 300


def test_an_unfinished_run_of_the_same_epoch_is_resumed(mirroring: Mirroring) -> None:
    stop_after(mirroring, 5)
    with pytest.raises(KoboMirrorError):
        mirroring.sync(mirroring.client(attempts=1), page_size=10, in_flight=1)
    mirroring.simulator.control.faults.clear()
    loaded = len(records(mirroring.engine))
    assert 0 < loaded < 300
    mirroring.sync(page_size=10)
    (run,) = rows_of(mirroring.engine, sync_runs)
    assert (run["inserted"], run["rows_read"]) == (300, 300)


def test_a_process_of_another_declaration_is_refused_and_writes_nothing(mirroring: Mirroring) -> None:
    mirroring.sync()
    run_sql(mirroring.engine, "DROP TABLE kobo_records")
    migrate(mirroring.engine, ONE_FEWER)
    writer = Writer(mirroring.engine, mirroring.mirror)
    before = ledger(mirroring.engine)
    for kobo_id in (1, 412001):
        with pytest.raises(SchemaError, match="declared otherwise"):
            writer.push(body(submission(kobo_id)))
    assert ledger(mirroring.engine) == before
    sync_as(mirroring, ONE_FEWER)
    assert equal_as(mirroring, ONE_FEWER)


def test_a_delivery_during_the_epoch_that_came_is_of_that_epoch(mirroring: Mirroring) -> None:
    mirroring.sync()
    writer = Writer(mirroring.engine, mirroring.mirror)
    mirroring.simulator.control.set_delivery("lose")
    (new,) = mirroring.simulator.control.create(1)
    drop_and_migrate(mirroring.engine)
    (row,) = mirroring.simulator.control.rows(new)
    assert writer.push(body(row)).result == "inserted"
    assert ledger(mirroring.engine)[new]["epoch"] == 2
    assert {row["epoch"] for key, row in ledger(mirroring.engine).items() if key != new} == {1}
    mirroring.sync()
    assert {row["epoch"] for row in ledger(mirroring.engine).values()} == {2}
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
    assert status(mirroring.engine, KOBO_RECORDS)["light"] != "green"
    mirroring.sync(mode="usual", **LARGE_FORM)
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
    told = status(mirroring.engine, KOBO_RECORDS)
    assert (told["light"], told["submissions"], told["rejected"]) == ("red", 0, 300)
    control.edit(control.ids()[0], cd_client_name="Amina")
    code, out, _ = mirroring.command("sync")
    assert code == 0
    assert out.startswith("success, with 299 rejected: ")
    assert status(mirroring.engine, KOBO_RECORDS)["light"] != "green"


def test_a_step_of_an_older_run_that_comes_late_stops_no_newer_one(mirroring: Mirroring) -> None:
    with mirroring.client() as client:
        sync = syncing(mirroring, KOBO_RECORDS, client)
        old = sync.prepare("kobo_sync old")
        with mirroring.engine.begin() as connection:
            lapsed = clock(mirroring.engine) - LIFETIME - LIFETIME
            connection.execute(leases.update().values(renewed_at=lapsed))
        new = sync.prepare("kobo_sync new")
        number = rows_of(mirroring.engine, leases)[0]["fencing_number"]
        for step in (lambda: sync.reconcile(old), lambda: sync.finish(old)):
            with pytest.raises(LeaseError):
                step()
        assert rows_of(mirroring.engine, leases)[0]["fencing_number"] == number
        for group in sync.plan(new):
            sync.pull(new, group)
        sync.reconcile(new)
        assert sync.finish(new)["inserted"] == 300


def test_a_run_that_was_given_back_is_not_taken_up_by_its_late_steps(mirroring: Mirroring) -> None:
    with mirroring.client() as client:
        sync = syncing(mirroring, KOBO_RECORDS, client)
        run_handle = sync.prepare("kobo_sync 1")
        sync.fail(run_handle, "killed")
        for step in (lambda: sync.reconcile(run_handle), lambda: sync.finish(run_handle)):
            with pytest.raises(LeaseError):
                step()


def test_another_attempt_of_a_step_goes_on_with_its_own_run(mirroring: Mirroring) -> None:
    with mirroring.client() as client:
        sync = syncing(mirroring, KOBO_RECORDS, client)
        run_handle = sync.prepare("kobo_sync 1")
        for group in sync.plan(run_handle):
            sync.pull(run_handle, group)
        sync.reconcile(run_handle)
        sync.reconcile(run_handle)
        first = sync.finish(run_handle)
        assert sync.finish(run_handle) == first  # it had died before it could tell


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
                found.append(count_rows(connection, MIRROR).difference)

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


def test_a_webhook_that_is_first_binds_the_form_and_no_other_follows(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    assert Writer(engine, MIRROR).push(body(submission(1))).result == "inserted"
    other = Mirror(KOBO_RECORDS, SERVER, "aAnotherForm0000000001")
    for kobo_id in (1, 2):
        with pytest.raises(SchemaError, match=f"mirrors form {ASSET}"):
            Writer(engine, other).push(body(submission(kobo_id)))
    assert list(records(engine)) == [1]
    transact(engine, lambda connection: connection.execute(text("DELETE FROM kobo_forms")))
    assert Writer(engine, MIRROR).push(body(submission(2))).result == "inserted"
    engine.dispose()
