"""A form arrives in SQL, and what happens to it afterwards."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import Engine, func, select

from kobo_mirror.config.settings import server_url
from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import CredentialsError, KoboMirrorError, LeaseError, SchemaError
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import checkpoints, forms, leases, sync_runs
from kobo_mirror.sync.mirror import MirrorSync
from tests.support.mirroring import Mirroring
from tests.support.submissions import QUESTION
from tests.support.tables import answers, ledger, queued_refs, records, rows_of


def counts(result: dict[str, Any]) -> dict[str, int]:
    """The counts of a run that are not nought."""
    names = ("inserted", "updated", "unchanged", "stale", "deferred", "deleted", "revived", "rejected")
    return {name: result[name] for name in names if result[name]}


def test_a_form_arrives_and_a_second_sync_writes_nothing(mirroring: Mirroring) -> None:
    first = mirroring.sync()
    assert counts(first) == {"inserted": 300}
    assert re.fullmatch(
        r"success: 300 new in [0-9.]+ s \(exact\); the form has 300 submissions", first["sentence"]
    )
    assert (first["mode"], first["rows_read"]) == ("exact", 300)
    assert 0 < first["requests"] <= len(mirroring.simulator.control.requests())
    before = records(mirroring.engine), ledger(mirroring.engine)
    assert len(before[0]) == 300
    second = mirroring.sync()
    assert (counts(second), second["rows_read"]) == ({}, 0)
    assert (records(mirroring.engine), ledger(mirroring.engine)) == before
    assert counts(mirroring.sync(since=0)) == {"unchanged": 300}
    assert (records(mirroring.engine), ledger(mirroring.engine)) == before
    assert mirroring.verify().sentence == "mirror equals source: 300 submissions, 0 differences"


def test_every_cell_is_what_the_server_shows(mirroring: Mirroring) -> None:
    mirroring.sync()
    rows = answers(mirroring.engine)
    for shown in mirroring.simulator.control.rows():
        row = rows.pop(shown["_id"])
        assert row["submission_time"].isoformat() == shown["_submission_time"]
        for name in ("unique_id", "client_name", "phone", "nationality"):
            assert row[name] == shown[QUESTION[name]]
        assert row["age"] == int(shown[QUESTION["age"]])
        assert row["disability"] == shown.get(QUESTION["disability"], "No")
        assert row["alt_phone"] == shown.get(QUESTION["alt_phone"])
        assert (row["survey_date"] and row["survey_date"].isoformat()) == shown.get(QUESTION["survey_date"])
    assert rows == {}


def test_what_changed_on_the_server_changes_here_and_nothing_else(mirroring: Mirroring) -> None:
    control = mirroring.simulator.control
    mirroring.sync()
    before = records(mirroring.engine)
    ids = control.ids()
    control.edit(ids[:3], cd_client_name="Ann")
    control.edit(ids[3], cd_age="abc")
    control.edit(ids[4], cd_phoneno_alt_number=None)
    control.validate(ids[5], "approved")
    control.raw(ids[6], {"_geolocation": [1.0, 2.0]})
    new = control.create(5)
    copy = control.duplicate(ids[7])
    result = mirroring.sync()
    assert counts(result) == {"inserted": 6, "updated": 5, "rejected": 1}
    assert result["sentence"].startswith("success, with 1 rejected: 6 new, 5 changed in ")
    after = records(mirroring.engine)
    moved = {key for key in before if before[key]["updated_at"] != after.get(key, before[key])["updated_at"]}
    assert moved == {*ids[:3], *([ids[4]] if before[ids[4]]["alt_phone"] is not None else [])}
    assert set(after) == ({*before, *new, copy} - {ids[3]})
    assert {after[key]["client_name"] for key in ids[:3]} == {"Ann"}
    assert {key: after[key]["id"] for key in before if key in after} == {
        key: before[key]["id"] for key in before if key in after
    }
    assert ledger(mirroring.engine)[ids[5]]["validation_status"] == "validation_status_approved"
    assert mirroring.verify().equal
    assert mirroring.verify().rejected == 1
    control.age_history(seconds=600)
    control.edit(ids[3], cd_age="44")
    assert counts(mirroring.sync()) == {"updated": 1}
    assert records(mirroring.engine)[ids[3]]["inserted_at"] == before[ids[3]]["inserted_at"]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_small_form(mirroring: Mirroring, rows: int) -> None:
    mirroring.simulator.control.reset(rows=rows)
    assert counts(mirroring.sync()) == ({"inserted": 1} if rows else {})
    assert mirroring.sync()["rows_read"] == 0
    assert mirroring.verify().sentence == f"mirror equals source: {rows} submissions, 0 differences"
    mirroring.simulator.control.create(1)
    assert counts(mirroring.sync()) == {"inserted": 1}
    assert mirroring.verify().compared == rows + 1


@pytest.mark.parametrize("rows", [1000, 1001])
def test_a_form_that_fills_its_pages(mirroring: Mirroring, rows: int) -> None:
    mirroring.simulator.control.reset(rows=rows)
    assert counts(mirroring.sync()) == {"inserted": rows}
    assert mirroring.verify().compared == rows


@pytest.mark.long
def test_a_large_form_is_read_in_four_lanes_and_every_row_once(embedded: Mirroring) -> None:
    embedded.simulator.control.reset(rows=20_000)
    embedded.simulator.control.clear_requests()
    assert counts(embedded.sync()) == {"inserted": 20_000}
    lanes = rows_of(embedded.engine, checkpoints)
    assert [(lane["lane"], lane["done_at"] is not None) for lane in lanes] == [(n, True) for n in range(4)]
    assert [lane["first_id"] for lane in lanes[1:]] == [lane["last_id"] for lane in lanes[:3]]
    assert (lanes[0]["first_id"], lanes[3]["last_id"]) == (0, None)
    pages = [query(request) for request in embedded.requests() if whole(request)]
    assert len(pages) in range(20, 30)
    limits = [parse_qs(request["query"])["limit"][0] for request in embedded.requests() if whole(request)]
    assert Counter(limits)["250"] == 4, "a lane's first page, which tells how large submissions are"
    assert max(Counter(pages).values()) == 1
    with embedded.engine.begin() as connection:
        assert connection.execute(select(func.count()).select_from(sync_runs)).scalar_one() == 1
    assert set(records(embedded.engine)) == set(embedded.simulator.control.ids())


def query(request: dict[str, Any]) -> str:
    """What was asked for."""
    return str(parse_qs(request["query"])["query"])


def whole(request: dict[str, Any]) -> bool:
    """Whether it asked for whole submissions."""
    return "fields" not in request["query"] and "%24gt" in request["query"]


def test_one_sync_at_a_time(mirroring: Mirroring) -> None:
    take_lease(mirroring.engine, mirroring.simulator.asset, "manual__2026-11-23")
    with pytest.raises(
        LeaseError, match=r"^Sync manual__2026-11-23 holds this form since .* UTC: wait until it ends\.$"
    ):
        mirroring.sync()
    assert records(mirroring.engine) == {}
    assert rows_of(mirroring.engine, sync_runs) == []


def test_two_that_start_at_once(mirroring: Mirroring) -> None:
    """They are told apart by their names, as two hosts would be: one does it, the other is told."""
    ended: list[Any] = []

    def work(name: str) -> None:
        with mirroring.client() as client:
            sync = MirrorSync(client, mirroring.engine, server=server_url(mirroring.simulator.url))
            try:
                run_handle = sync.prepare(name)
                for group in sync.plan(run_handle):
                    sync.pull(run_handle, group)
                sync.reconcile(run_handle)
                ended.append(sync.finish(run_handle))
            except LeaseError as error:
                ended.append(error)

    threads = [threading.Thread(target=work, args=(f"run {number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [result for result in ended if isinstance(result, dict)]
    assert len(done) >= 1
    assert done[0]["inserted"] == 300
    assert mirroring.verify().equal


def test_an_incremental_run_that_stopped_reads_on_to_what_is_there_now(mirroring: Mirroring) -> None:
    control = mirroring.simulator.control
    mirroring.sync()
    with mirroring.client() as client:
        sync = MirrorSync(client, mirroring.engine, server=mirroring.mirror.server)
        run_handle = sync.prepare("stops")
        for group in sync.plan(run_handle):
            sync.pull(run_handle, group)
        sync.fail(run_handle, "power cut")
    control.create(7)
    assert counts(mirroring.sync(mode="incremental")) == {"inserted": 7}


def test_another_form_is_refused_before_anything_is_touched(mirroring: Mirroring) -> None:
    mirroring.sync()
    before = records(mirroring.engine), ledger(mirroring.engine), rows_of(mirroring.engine, sync_runs)
    mirroring.simulator.control.clear_requests()
    for asset, server in (
        ("aOther000000000000001", mirroring.mirror.server),
        (mirroring.mirror.asset_uid, "https://other.example"),
    ):
        with mirroring.client(asset=asset) as client, pytest.raises(SchemaError) as caught:
            MirrorSync(client, mirroring.engine, server=server).run()
        said = str(caught.value)
        assert f"form {mirroring.mirror.asset_uid} of {mirroring.mirror.server}" in said
        assert f"{asset} of {server}" in said
    synced, *refused = rows_of(mirroring.engine, sync_runs)
    assert (records(mirroring.engine), ledger(mirroring.engine), [synced]) == before
    assert {run["failure"] for run in refused} == {"SchemaError"}
    assert mirroring.simulator.control.requests() == []


def test_a_mistyped_form_or_token_leaves_the_table_free_for_the_right_one(mirroring: Mirroring) -> None:
    for wrong in ({"asset": "aMistyped00000000000"}, {"token": "wrong"}):
        with pytest.raises(CredentialsError):
            mirroring.sync(mirroring.client(**wrong))
    assert rows_of(mirroring.engine, forms) == []
    assert counts(mirroring.sync()) == {"inserted": 300}


def test_a_lease_is_given_back_at_the_end_however_it_comes(mirroring: Mirroring) -> None:
    faults = mirroring.simulator.control.faults
    mirroring.sync()
    for kind in ("500", "401", "404"):
        faults.add(kind, count=None, after=1, path=r"data\.json")
        with pytest.raises(KoboMirrorError):
            mirroring.sync()
        faults.clear()
        assert [row["holder"] for row in rows_of(mirroring.engine, leases)] == [None]
    assert [row["error"] is None for row in rows_of(mirroring.engine, sync_runs)] == [True, False]


def test_the_database_was_never_set_up(mirroring: Mirroring, tmp_path: Any) -> None:
    bare: Engine = open_engine(f"sqlite:///{tmp_path / 'bare.sqlite'}")
    with (
        mirroring.client() as client,
        pytest.raises(SchemaError, match="run `python -m kobo_mirror migrate`"),
    ):
        MirrorSync(client, bare, server=mirroring.mirror.server).run()
    migrate(bare)
    with mirroring.client() as client:
        assert MirrorSync(client, bare, server=mirroring.mirror.server).run()["inserted"] == 300
    bare.dispose()


def test_nothing_is_left_in_the_refetch_queue(mirroring: Mirroring) -> None:
    mirroring.sync()
    ids = mirroring.simulator.control.ids()
    mirroring.simulator.control.edit(ids[:100], cd_age="50")
    mirroring.simulator.control.delete(ids[290:])
    result = mirroring.sync()
    assert counts(result) == {"updated": 100, "deleted": 10}
    assert queued_refs(mirroring.engine) == {}
