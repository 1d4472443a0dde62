"""Many forms by Airflow: a task for each, which is named, fails alone and is tried again alone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from kobo_mirror.database.engine import reading
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.tables import codes
from tests.support.dag_runs import Airflow, fresh_dags
from tests.support.forms.any_mirror import uid_of
from tests.support.forms.office import HOUSE, IMPATIENT, NOTES, SEVEN, TEN, VISIT, Office

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALL = f"""\
forms:
  - uid: {HOUSE}
    table: households
  - {{uid: {VISIT}, table: visits}}
  - uid: {NOTES}
"""
ALL_TEN = ALL + "".join(f"  - uid: {uid_of(name)}\n" for name in SEVEN)


@pytest.fixture
def airflow(office_airflow: Airflow) -> Airflow:
    return office_airflow


@pytest.fixture
def impatient(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Try each task twice, without a wait."""
    from kobo_mirror.airflow import sync_dag
    from kobo_mirror.airflow.hooks import KoboHook

    monkeypatch.setitem(sync_dag.DEFAULT_ARGS, "retries", 1)
    monkeypatch.setitem(sync_dag.DEFAULT_ARGS, "retry_delay", timedelta(0))
    patient = KoboHook.get_client
    monkeypatch.setattr(
        KoboHook, "get_client", lambda *hook, **options: patient(*hook, **options | IMPATIENT)
    )


def ended(run: Any, task_id: str = "sync") -> dict[str, str]:
    """How the task of each form ended, by the name of its index."""
    tasks = run.get_task_instances()
    return {task.rendered_map_index: str(task.state) for task in tasks if task.task_id == task_id}


def told(since: int = 0) -> list[tuple[str, str, int]]:
    """Name and address of the asset of each event, and how many new submissions it tells of."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        events = session.scalars(select(AssetEvent).order_by(AssetEvent.id)).all()[since:]
        return [(event.asset.name, event.asset.uri, event.extra["inserted"]) for event in events]


def test_each_form_has_a_task_that_is_named_after_it_and_tells_its_asset(
    airflow: Airflow, office: Office
) -> None:
    before = len(told())
    office.write(ALL)
    run = airflow.run("kobo_sync_all")
    assert ended(run) == dict.fromkeys(("households", "visits", "notes"), "success"), airflow.note(run)
    office.check()
    assert sorted(told(before)) == [
        (name, f"kobo://mirror/{name}", rows)
        for name, rows in (("households", 12), ("notes", 5), ("visits", 30))
    ]
    assert [office.form(uid).stats()["hooks"] for uid in (HOUSE, VISIT, NOTES)] == [1, 1, 1]
    assert airflow.note(run).startswith("Forms: 3. ")
    assert "households: 12 new, 0 edited, 0 deleted, 0 rejected in " in airflow.note(run)
    run = airflow.run("kobo_sync_all", forms=["visits", NOTES])
    assert ended(run) == dict.fromkeys(("visits", "notes"), "success")
    assert airflow.note(run) == "Forms: 2."
    proof = airflow.run("kobo_verify")
    assert ended(proof, "verify") == dict.fromkeys(("households", "visits", "notes"), "success")
    assert "visits: mirror equals source: 30 submissions, 0 differences" in airflow.note(proof)


@pytest.mark.long
@pytest.mark.parametrize("office_server", [TEN], indirect=True, ids=["ten"])
def test_of_ten_forms_one_whose_every_page_is_a_500_fails_alone_and_is_tried_again_alone(
    airflow: Airflow, office: Office, impatient: None
) -> None:
    nine = {"households", "notes", *SEVEN}
    office.write(ALL_TEN)
    assert str(airflow.run("kobo_sync_all").state) == "success"
    office.faults.add("500", count=None, path=rf"{VISIT}/data\.json")
    office.form(NOTES).create(2)
    run = airflow.run("kobo_sync_all", mode="exact")
    assert str(run.state) == "failed"
    assert ended(run) == dict.fromkeys(nine, "success") | {"visits": "failed"}
    tries = {
        task.rendered_map_index: task.try_number for task in run.get_task_instances() if task.map_index >= 0
    }
    assert tries == dict.fromkeys(nine, 1) | {"visits": 2}
    assert "sync: visits: " in airflow.note(run)
    assert "notes: 2 new" in airflow.note(run)
    assert "Its tables stay as they are." in airflow.note(run)
    assert office.counts() == SEVEN | {"households": 12, "visits": 30, "notes": 7}


@pytest.mark.parametrize("kind", ["404", pytest.param("401", marks=pytest.mark.long)])
def test_a_form_that_is_gone_or_refused_is_named_once_and_keeps_its_tables(
    airflow: Airflow, office: Office, kind: str
) -> None:
    office.write(ALL)
    airflow.run("kobo_sync_all")
    office.faults.add(kind, count=None, path=VISIT)
    run = airflow.run("kobo_sync_all")
    assert ended(run) == {"households": "success", "notes": "success", "visits": "failed"}
    (failed,) = (task for task in run.get_task_instances() if str(task.state) == "failed")
    assert failed.try_number == 1
    assert airflow.note(run).startswith("Forms: 3. sync: visits: ")
    office.run("status")  # with what Airflow has printed before
    (visits,) = (one for one in office.told("status") if one["form_table"] == "visits")
    assert (visits["light"], visits["waiting_deletes"]) == ("amber" if kind == "404" else "red", None)
    assert office.counts() == {"households": 12, "visits": 30, "notes": 5}


@pytest.mark.long
def test_a_lease_that_another_run_holds_fails_one_form_alone(
    airflow: Airflow, office: Office, impatient: None
) -> None:
    office.write(ALL)
    airflow.run("kobo_sync_all")
    take_lease(office.engine, VISIT, "another run")
    run = airflow.run("kobo_sync_all")
    assert ended(run) == {"households": "success", "notes": "success", "visits": "failed"}
    assert "sync: visits: " in airflow.note(run)


@pytest.mark.long
def test_what_cannot_be_listed_is_told_beside_the_forms_that_are_known(
    airflow: Airflow, office: Office
) -> None:
    office.write(f"discover: {{exclude: [{HOUSE}]}}\nforms: [{{uid: {VISIT}, table: visits}}]")
    run = airflow.run("kobo_sync_all")
    assert ended(run) == dict.fromkeys(("visits", "notes"), "success")
    office.faults.add("401", count=None, path=r"assets/\?")
    run = airflow.run("kobo_sync_all")
    assert ended(run) == {"visits": "success", "notes": "success", "discover:": "failed"}
    assert "The forms of the account cannot be listed, so none is discovered: " in airflow.note(run)


@pytest.mark.long
def test_the_form_of_the_connection_stays_with_kobo_sync(airflow: Airflow, office: Office) -> None:
    airflow.connect(KOBO_ASSET_ID=NOTES)
    office.write(f"{ALL}    own_dag: true\n")
    run = airflow.run("kobo_sync_all")
    assert ended(run) == dict.fromkeys(("households", "visits"), "success")
    assert str(airflow.run("kobo_sync").state) == "success"
    assert office.tables() == {HOUSE: "households", VISIT: "visits", NOTES: "notes"}
    skipped = airflow.run(f"kobo_sync__{NOTES}")
    assert set(airflow.states(skipped).values()) == {"skipped"}
    assert "each run is skipped: `kobo_sync` mirrors that one." in str(
        fresh_dags()[f"kobo_sync__{NOTES}"].doc_md
    )
    refused = airflow.run("kobo_sync_all", forms=["notes"])
    assert airflow.states(refused)["forms"] == "failed"
    assert "is mirrored by kobo_sync: start that DAG." in airflow.note(refused)
    office.check()


@pytest.mark.long
def test_a_form_that_is_not_mirrored_is_no_failure_of_the_others(airflow: Airflow, office: Office) -> None:
    office.write(ALL)
    airflow.run("kobo_sync_all")
    refused = airflow.run("kobo_sync_all", forms=["no_such_table"])
    assert airflow.states(refused)["forms"] == "failed"
    assert "No form that is mirrored has the table or the uid" in airflow.note(refused)
    office.run("status")  # with what Airflow has printed before
    assert "red" not in [one["light"] for one in office.told("status")]


@pytest.mark.long
def test_a_code_chooses_its_form(airflow: Airflow, office: Office) -> None:
    office.write(ALL)
    airflow.run("kobo_sync_all")
    office.form(VISIT).delete(office.form(VISIT).ids()[:20])
    run = airflow.run("kobo_sync_all", mode="exact")
    assert ended(run)["visits"] == "failed"
    with reading(office.engine) as connection:
        code = connection.scalar(select(codes.c.code))
    assert code is not None and code in airflow.note(run)
    wrong = airflow.run("kobo_sync_all", confirm_deletes="0" * 12)
    assert airflow.states(wrong)["forms"] == "failed"
    run = airflow.run("kobo_sync_all", mode="exact", confirm_deletes=code)
    assert ended(run) == {"visits": "success"}
    assert office.counts()["visits"] == 10


@pytest.mark.long
def test_a_connection_of_airflow_holds_the_account_of_a_form(
    airflow: Airflow, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = office.server.url
    office.write(f"server: {url}\nconnection: kobo_office\nforms: [{{uid: {NOTES}}}]")
    airflow.connect(KOBO_ASSET_ID="", KOBO_TOKEN="a-token-of-no-account-000000000000000")
    run = airflow.run("kobo_sync_all")
    assert "There is no connection kobo_office: add it in Admin → Connections." in airflow.note(run)
    account = {"conn_type": "kobo", "password": office.server.token, "extra": {"server": url}}
    monkeypatch.setenv("AIRFLOW_CONN_KOBO_OFFICE", json.dumps(account))
    run = airflow.run("kobo_sync_all")
    assert ended(run) == {NOTES: "success"} or ended(run) == {"notes": "success"}
    assert office.counts() == {"notes": 5}
    account["password"] = "a-token-that-is-refused-00000000000000000"
    monkeypatch.setenv("AIRFLOW_CONN_KOBO_OFFICE", json.dumps(account))
    run = airflow.run("kobo_sync_all")
    assert "The field 'API token' is in Admin → Connections → kobo_office." in airflow.note(run)
    assert "a-token-that-is-refused" not in airflow.note(run)


CONSUMER = """
from airflow.sdk import DAG, BaseOperator
from kobo_mirror.airflow.assets import asset_of
with DAG("report_on_visits", schedule=[asset_of("visits")]):
    BaseOperator(task_id="task")
"""


@pytest.mark.long
def test_a_dag_that_waits_for_a_form_is_started_by_its_sync_alone(
    airflow: Airflow, office: Office, tmp_path: Path
) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.asset import AssetDagRunQueue
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    (tmp_path / "consumer.py").write_text(CONSUMER)
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(DagBag(str(tmp_path / "consumer.py")), "dags-folder", None)
    with create_session() as session:
        session.get_one(DagModel, "report_on_visits").is_paused = False

    def queued() -> list[str]:
        with create_session() as session:
            return list(session.scalars(select(AssetDagRunQueue.target_dag_id)))

    office.write(ALL)
    airflow.run("kobo_sync_all", forms=["households"])
    assert queued() == []
    airflow.run("kobo_sync_all", forms=["visits"])
    assert queued() == ["report_on_visits"]
