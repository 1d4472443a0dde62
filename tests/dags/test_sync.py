"""The DAGs run by Airflow, task by task, against a simulated server and a real database."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine, select, text

from kobo_mirror.database.engine import reading
from kobo_mirror.store.tables import leases, proofs, sync_runs
from simulator.process import SimulatorProcess
from tests.support.dag_runs import Airflow

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STEPS = ("prepare", "register_webhook", "plan", "pull", "reconcile", "publish", "release")


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM kobo_records")).scalar_one())


def last_run(engine: Engine) -> Any:
    with reading(engine) as connection:
        return connection.execute(select(sync_runs).order_by(sync_runs.c.id.desc()).limit(1)).one()


def lease_holder(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return connection.execute(select(leases.c.holder)).scalar_one_or_none()


def asset_events() -> list[Any]:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        return list(session.scalars(select(AssetEvent).order_by(AssetEvent.id)))


def links(run: Any, task_id: str) -> dict[str, Any]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        found = XComModel.get_many(run_id=run.run_id, dag_ids=run.dag_id, task_ids=task_id)
        entries: Any = session.scalars(found)
        return {
            entry.key: XComModel.deserialize_value(entry)
            for entry in entries
            if entry.key.startswith("_link_")
        }


def test_a_form_arrives_is_registered_once_and_is_proven_equal(
    airflow: Airflow, simulator: SimulatorProcess, engine: Engine
) -> None:
    before = len(asset_events())
    first = airflow.run("kobo_sync")
    assert airflow.states(first) == dict.fromkeys(STEPS, "success")
    assert count(engine) == 300
    assert simulator.control.stats()["hooks"] == 1

    second = airflow.run("kobo_sync")
    assert str(second.state) == "success"
    assert simulator.control.stats()["hooks"] == 1

    assert re.fullmatch(r"300 new, 0 edited, 0 deleted, 0 rejected in [\d.]+ s", airflow.note(first))
    assert re.fullmatch(r"0 new, 0 edited, 0 deleted, 0 rejected in [\d.]+ s", airflow.note(second))

    told = [event.extra for event in asset_events()[before:]]
    assert [(event["inserted"], event["unchanged"], event["rejected"]) for event in told] == [
        (300, 0, 0),
        (0, told[1]["unchanged"], 0),
    ]
    assert lease_holder(engine) is None

    verify = airflow.run("kobo_verify", full=True)
    assert str(verify.state) == "success"
    assert airflow.note(verify) == "mirror equals source: 300 submissions, 0 differences"


@ON_SQLITE
def test_the_first_proof_compares_every_answer_and_the_next_one_is_quick(
    airflow: Airflow, engine: Engine
) -> None:
    airflow.run("kobo_sync")
    for _ in range(2):
        assert str(airflow.run("kobo_verify").state) == "success"
    airflow.run("kobo_verify", full=True)
    with reading(engine) as connection:
        kinds = connection.execute(select(proofs.c.whole).order_by(proofs.c.id)).scalars().all()
    assert kinds == [True, False, True]


def test_edits_and_deletes_arrive_and_a_planted_difference_fails_the_proof_until_it_is_repaired(
    airflow: Airflow, simulator: SimulatorProcess, engine: Engine
) -> None:
    airflow.run("kobo_sync")
    ids = simulator.control.ids()
    simulator.control.edit(ids[0], cd_age="77")
    simulator.control.delete(ids[1:3])
    assert str(airflow.run("kobo_sync", mode="exact").state) == "success"
    assert (last_run(engine).updated, last_run(engine).deleted, count(engine)) == (1, 2, 298)

    with engine.begin() as connection:
        connection.execute(text("UPDATE kobo_records SET age = 1 WHERE kobo_id = :id"), {"id": ids[5]})
    failed = airflow.run("kobo_verify")
    assert airflow.states(failed) == {"forms": "success", "verify": "failed"}
    assert airflow.tries(failed, "verify") == 1
    assert airflow.note(failed) == "mirror differs from source: 298 submissions, 1 differences (1 different)"
    assert str(airflow.run("kobo_verify", repair=True).state) == "success"
    assert str(airflow.run("kobo_verify", full=True).state) == "success"


@ON_SQLITE
def test_a_wrong_token_fails_at_once_and_leaves_no_lease(airflow: Airflow, engine: Engine) -> None:
    airflow.connect(KOBO_TOKEN="not-the-token-of-anybody-000000000000000")
    run = airflow.run("kobo_sync")
    assert str(run.state) == "failed"
    assert airflow.states(run)["prepare"] == "failed"
    assert airflow.tries(run, "prepare") == 1
    assert lease_holder(engine) is None
    assert count(engine) == 0


@ON_SQLITE
@pytest.mark.long
def test_what_fails_in_the_middle_is_noted_and_the_next_run_goes_on(
    airflow: Airflow, simulator: SimulatorProcess, engine: Engine
) -> None:
    simulator.control.faults.add("404", count=None, path=r"data\.json.*limit=50\b")
    run = airflow.run("kobo_sync", page_size=50)
    states = airflow.states(run)
    assert (states["pull"], states["publish"], states["release"]) == ("failed", "upstream_failed", "success")
    assert str(run.state) == "failed"
    assert lease_holder(engine) is None
    assert last_run(engine).error.startswith("pull: ")
    assert last_run(engine).error in airflow.note(run)
    assert last_run(engine).failure == "CredentialsError"
    assert last_run(engine).finished_at is None

    simulator.control.faults.clear()
    assert str(airflow.run("kobo_sync").state) == "success"
    assert count(engine) == 300


@ON_SQLITE
@pytest.mark.long
def test_the_mode_check_writes_nothing_and_skips_the_rest(
    airflow: Airflow, simulator: SimulatorProcess, engine: Engine
) -> None:
    airflow.run("kobo_sync")
    checked = airflow.run("kobo_sync", mode="check")
    assert str(checked.state) == "success"
    assert set(airflow.states(checked).values()) == {"skipped"}
    assert airflow.note(checked) == "mirror equals source: 300 submissions, 0 differences"

    simulator.control.edit(simulator.control.ids()[0], cd_age="78")
    differs = airflow.run("kobo_sync", mode="check")
    assert str(differs.state) == "failed"
    assert airflow.note(differs) == "mirror differs from source: 300 submissions, 1 differences (1 stale)"
    assert last_run(engine).updated == 0
    assert lease_holder(engine) is None


@ON_SQLITE
@pytest.mark.long
def test_the_mode_again_reads_the_whole_form(
    airflow: Airflow, simulator: SimulatorProcess, engine: Engine
) -> None:
    airflow.run("kobo_sync")
    airflow.run("kobo_sync", mode="again")
    assert (last_run(engine).mode, last_run(engine).unchanged) == ("exact", 300)


@ON_SQLITE
@pytest.mark.long
def test_a_mended_rejection_is_replayed_and_the_runs_note_says_so(
    airflow: Airflow, simulator: SimulatorProcess, engine: Engine
) -> None:
    mended, left = simulator.control.create(2, cd_age="forty")
    airflow.run("kobo_sync")
    simulator.control.edit(mended, cd_age=40)
    run = airflow.run("kobo_replay", rejections=[mended, left], dead_letters=[])
    assert airflow.states(run) == {"forms": "success", "replay": "success"}
    assert airflow.note(run) == (
        f"1 of 2 replayed: 1 mended ({mended}), 1 rejected ({left}: it does not fit the table)"
    )
    assert count(engine) == 301
    assert lease_holder(engine) is None


@ON_SQLITE
def test_the_forms_of_the_account_are_listed_even_before_one_is_chosen(
    airflow: Airflow, simulator: SimulatorProcess
) -> None:
    airflow.connect(KOBO_ASSET_ID="")
    run = airflow.run("kobo_forms")
    assert str(run.state) == "success"
    line = f"{simulator.asset}: Client data (simulated) (300 submissions)"
    assert airflow.note(run) == f"1 forms at {simulator.url}\n- {line}"


@ON_SQLITE
def test_a_task_leads_to_the_form_and_to_its_run(airflow: Airflow, simulator: SimulatorProcess) -> None:
    run = airflow.run("kobo_verify")
    assert links(run, "verify") == {
        "_link_FormLink": f"{simulator.url}/#/forms/{simulator.asset}/summary",
        "_link_RunLink": f"/plugin/kobo-mirror?{urlencode({'run': f'kobo_verify {run.run_id}'})}",
    }


@ON_SQLITE
def test_a_persons_note_is_not_overwritten(airflow: Airflow) -> None:
    from airflow.models.dagrun import DagRun, DagRunNote
    from airflow.utils.session import create_session

    from kobo_mirror.airflow.notes import on_dag_run_success

    run = airflow.run("kobo_sync")
    with create_session() as session:
        stored = session.get_one(DagRun, run.id)
        stored.dag_run_note = DagRunNote("the one before the holidays", "a person")
        on_dag_run_success(stored, "")
        assert stored.note == "the one before the holidays"


@ON_SQLITE
def test_a_token_that_may_only_read_skips_the_registration(
    airflow: Airflow, simulator: SimulatorProcess, engine: Engine
) -> None:
    viewer = "5eed0000demo0000may0only0view00000000000"
    airflow.connect(KOBO_TOKEN=viewer)
    run = airflow.run("kobo_sync")
    assert str(run.state) == "success"
    assert airflow.states(run) == dict.fromkeys(STEPS, "success") | {"register_webhook": "skipped"}
    assert count(engine) == 300


@ON_SQLITE
@pytest.mark.long
def test_without_an_endpoint_nothing_is_registered(
    airflow: Airflow, simulator: SimulatorProcess, engine: Engine
) -> None:
    airflow.connect(REAL_TIME_POST_ENDPOINT_URL="")
    run = airflow.run("kobo_sync")
    assert str(run.state) == "success"
    assert airflow.states(run)["register_webhook"] == "skipped"
    assert simulator.control.stats()["hooks"] == 0


@ON_SQLITE
@pytest.mark.long
def test_a_registrar_that_refuses_fails_the_run_but_not_the_pull(
    airflow: Airflow, simulator: SimulatorProcess, engine: Engine
) -> None:
    airflow.connect(INKOMOKO_REGISTER_WEBHOOK_URL=f"{simulator.url}/no/such/registrar")
    run = airflow.run("kobo_sync")
    states = airflow.states(run)
    assert states == dict.fromkeys(STEPS, "success") | {"register_webhook": "failed"}
    assert str(run.state) == "failed"
    assert count(engine) == 300
    assert lease_holder(engine) is None


@ON_SQLITE
@pytest.mark.long
def test_very_many_deletes_wait_for_a_person_who_confirms_them_in_the_form(
    airflow: Airflow, simulator: SimulatorProcess, engine: Engine
) -> None:
    airflow.run("kobo_sync")
    simulator.control.delete(simulator.control.ids()[:40])
    held = airflow.run("kobo_sync", mode="exact")
    assert airflow.states(held)["publish"] == "failed"
    assert airflow.tries(held, "publish") == 1
    assert count(engine) == 300

    mark = last_run(engine).error.rpartition("--confirm-deletes ")[2].rstrip("`.")
    assert str(airflow.run("kobo_sync", mode="exact", confirm_deletes=mark).state) == "success"
    assert count(engine) == 260
