"""Cases in which a light was once green without being true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import text

from kobo_mirror.cli.status import status
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import DeletesWaitError, KoboMirrorError, SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.codes import waiting_list
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import leases, metadata
from kobo_mirror.store.writer import Writer
from kobo_mirror.sync.form_schema import FormTables
from kobo_mirror.sync.mirror import MirrorSync
from tests.support.mirroring import Mirroring
from tests.support.passing_time import pass_time
from tests.support.submissions import body, submission
from tests.support.tables import answers, records, rows_of

INCREMENTAL = {"mode": "incremental", "exact_up_to": 0}


def run_sql(mirroring: Mirroring, *statements: str) -> None:
    with mirroring.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def light(mirroring: Mirroring) -> str:
    return str(status(mirroring.engine)["light"])


def syncing(mirroring: Mirroring, client: Any) -> MirrorSync:
    return MirrorSync(client, mirroring.engine, server=mirroring.mirror.server)


def test_runs_whose_ids_start_again_read_what_they_should(mirroring: Mirroring) -> None:
    for _ in range(2):
        mirroring.sync()
    restart = (
        "DELETE FROM kobo_sync_runs"
        if mirroring.engine.dialect.name == "sqlite"
        else "TRUNCATE kobo_sync_runs"
    )
    run_sql(mirroring, restart)
    new = mirroring.simulator.control.create(3)
    mirroring.sync(**INCREMENTAL)
    mirroring.sync(**INCREMENTAL)
    assert set(new) <= set(records(mirroring.engine))


def test_a_sync_that_ends_before_it_begins_by_what_was_not_foreseen_is_red(
    mirroring: Mirroring, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirroring.sync()
    mirroring.verify()
    assert light(mirroring) == "green"

    def broken(*_: Any, **__: Any) -> None:
        raise TypeError("an answer")

    with monkeypatch.context() as patched:
        patched.setattr(FormTables, "bring_up", broken)
        with pytest.raises(TypeError):
            mirroring.sync()
    told = status(mirroring.engine)
    assert told["light"] == "red"
    assert re.fullmatch(
        r"It ended by an error that was not foreseen: TypeError in \w+\.py, line \d+; please report it\.",
        told["error"],
    )
    mirroring.sync()
    assert light(mirroring) == "green"


def test_an_old_copy_of_the_table_with_as_many_rows_is_seen(mirroring: Mirroring) -> None:
    mirroring.sync()
    run_sql(mirroring, "CREATE TABLE old_copy AS SELECT * FROM kobo_records")
    mirroring.simulator.control.delete(mirroring.simulator.control.ids()[:3])
    mirroring.simulator.control.create(3)
    mirroring.sync()
    before = answers(mirroring.engine)
    run_sql(mirroring, "DELETE FROM kobo_records", "INSERT INTO kobo_records SELECT * FROM old_copy")
    mirroring.sync(mode="exact")
    assert answers(mirroring.engine) == before


@pytest.mark.parametrize("way", ["another column", "another server", "an unforeseen error"])
def test_a_sync_that_fails_is_red(mirroring: Mirroring, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mirroring.sync()
    mirroring.verify()
    assert light(mirroring) == "green"
    if way == "another column":
        run_sql(mirroring, "ALTER TABLE kobo_records ADD COLUMN oops VARCHAR(5)")
        assert mirroring.command("sync")[0] == 1
    elif way == "another server":
        url = mirroring.simulator.url.replace("127.0.0.1", "localhost")
        assert mirroring.command("sync", KOBO_URL=url)[0] == 1
    else:
        monkeypatch.setattr(MirrorSync, "reconcile", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            mirroring.sync()
    told = status(mirroring.engine)
    assert told["light"] == "red"
    assert told["error"]
    assert "Traceback" not in mirroring.command("status")[2]


def test_no_run_ends_well_that_did_not_compare(mirroring: Mirroring) -> None:
    mirroring.sync()
    mirroring.simulator.control.delete(mirroring.simulator.control.ids()[:3])
    with mirroring.client() as client:
        sync = syncing(mirroring, client)
        run_handle = sync.prepare("kobo_sync 1")
        for group in sync.plan(run_handle):
            sync.pull(run_handle, group)
        with pytest.raises(KoboMirrorError, match="Not everything was read and compared"):
            sync.finish(run_handle)


def test_rows_that_go_before_the_end_are_missed_at_the_end(mirroring: Mirroring) -> None:
    mirroring.sync()
    with mirroring.client() as client:
        sync = syncing(mirroring, client)
        run_handle = sync.prepare("kobo_sync 1")
        for group in sync.plan(run_handle):
            sync.pull(run_handle, group)
        sync.reconcile(run_handle)
        run_sql(mirroring, "DELETE FROM kobo_records WHERE kobo_id % 2 = 0")
        with pytest.raises(KoboMirrorError, match="rows, but 300 submissions fit it"):
            sync.finish(run_handle)
    assert light(mirroring) == "red"
    mirroring.sync()
    assert mirroring.verify().equal


@pytest.mark.parametrize("full", ["", "--full"])
def test_rows_of_another_declaration_prove_nothing(mirroring: Mirroring, full: str) -> None:
    other = Form("kobo_records", (*KOBO_RECORDS.columns[1:], KOBO_RECORDS.columns[0]))
    run_sql(mirroring, "DROP TABLE kobo_records")
    migrate(mirroring.engine, other)
    with mirroring.client() as client:
        MirrorSync(client, mirroring.engine, form=other, server=mirroring.mirror.server).run()
    code, out, err = mirroring.command(*filter(None, ("verify", full)))
    assert (code, out) == (2, "")
    assert "declared otherwise" in err
    assert light(mirroring) != "green"


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_a_table_of_ours_that_was_dropped_is_made_again(embedded: Mirroring, table: str) -> None:
    embedded.sync()
    before = set(records(embedded.engine))
    run_sql(embedded, f"DROP TABLE {table}")
    with pytest.raises(SchemaError, match="lacks our tables"):
        embedded.verify()
    assert embedded.command("sync")[0] == 0
    assert set(records(embedded.engine)) == before
    assert embedded.verify().equal


def stopped(mirroring: Mirroring) -> str:
    mirroring.simulator.control.delete(mirroring.simulator.control.ids()[:30])
    with pytest.raises(DeletesWaitError):
        mirroring.sync()
    with reading(mirroring.engine) as connection:
        found = waiting_list(connection, mirroring.simulator.asset)
    assert found
    return found.code


def test_a_confirmed_repair_leaves_nothing_red(mirroring: Mirroring) -> None:
    mirroring.sync()
    code = stopped(mirroring)
    assert mirroring.command("verify", "--full")[0] == 1
    assert mirroring.command("verify", "--repair", "--confirm-deletes", code)[0] == 0
    assert light(mirroring) in ("green", "amber")
    mirroring.sync()
    assert light(mirroring) == "green"


def test_a_step_that_is_tried_again_with_the_code_ends_well(mirroring: Mirroring) -> None:
    mirroring.sync()
    code = stopped(mirroring)
    with mirroring.client() as client:
        sync = syncing(mirroring, client)
        run_handle = sync.prepare("kobo_sync 1")
        for group in sync.plan(run_handle):
            sync.pull(run_handle, group)
        sync.reconcile(run_handle)
        sync.reconcile(run_handle, confirm=code)
        assert sync.finish(run_handle)["deleted"] == 30


def test_the_late_end_of_an_old_run_spoils_no_newer_one(mirroring: Mirroring) -> None:
    with mirroring.client() as client:
        sync = syncing(mirroring, client)
        old = sync.prepare("kobo_sync old")
        with mirroring.engine.begin() as connection:
            connection.execute(leases.update().values(holder=None))
        new = sync.prepare("kobo_sync new")
        sync.fail(old, "killed long ago")
        for group in sync.plan(new):
            sync.pull(new, group)
        sync.reconcile(new)
        assert sync.finish(new)["inserted"] == 300
    assert rows_of(mirroring.engine, leases)[0]["holder"] is None


@pytest.mark.parametrize("days", [0.5, 2])
def test_a_mirror_that_no_sync_has_reached_for_a_day_is_late(mirroring: Mirroring, days: float) -> None:
    mirroring.sync()
    mirroring.verify()
    pass_time(mirroring.engine, int(days * 24 * 60))
    assert light(mirroring) == ("amber" if days > 1 else "green")


def test_the_right_form_follows_one_that_was_named_by_mistake(mirroring: Mirroring) -> None:
    """What of the wrong one was rejected stays in the ledger, and no row of the table is of it."""
    wrong = Mirror(KOBO_RECORDS, mirroring.mirror.server, "aMistakenForm00000001")
    bind(mirroring.engine, wrong)
    Writer(mirroring.engine, wrong).push(body(submission(1, age="x")))
    assert mirroring.sync()["inserted"] == 300
    assert mirroring.verify().equal
    assert light(mirroring) == "green"
    with mirroring.client(asset=wrong.asset_uid) as client, pytest.raises(SchemaError, match="mirrors form"):
        syncing(mirroring, client).run()
    with pytest.raises(SchemaError, match="mirrors form"):
        bind(mirroring.engine, wrong)


def test_a_form_of_another_server_does_not_follow(mirroring: Mirroring) -> None:
    """Its submissions have the same numbers, and the ledger knows the form by its uid alone."""
    bind(mirroring.engine, Mirror(KOBO_RECORDS, "https://other.example", mirroring.simulator.asset))
    with pytest.raises(SchemaError, match="mirrors form"):
        mirroring.sync()
