"""Notes go on runs of our own operator only, from XComs of our own only, and nothing is deserialized."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.process import SimulatorProcess
from tests.support.dag_runs import Airflow
from tests.support.deserialization_probe import SERIALIZED, DeserializationProbe

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEYS = ("note", "error", "kobo_mirror_note", "kobo_mirror_error")
THEIRS = """
from airflow.sdk import DAG, BaseOperator
from kobo_mirror.airflow.operators import KoboFormsOperator

class Theirs(BaseOperator):
    def execute(self, context):
        for key in GIVEN["keys"]:
            context["ti"].xcom_push(key, GIVEN["value"])
        if GIVEN["fails"]:
            raise RuntimeError("their own failure")

with DAG("theirs", schedule=None):
    Theirs(task_id="theirs", retries=0)
    if GIVEN["ours"]:
        KoboFormsOperator(task_id="ours", retries=0)
"""
VALUES = ["their own words", SERIALIZED, {"their": "answer"}]


@pytest.fixture(autouse=True)
def everything_may_be_deserialized(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where another team allows its own classes."""
    from airflow.sdk import serde

    monkeypatch.setenv("AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES", "tests.* airflow.*")
    serde._get_patterns.cache_clear()
    DeserializationProbe.made.clear()
    yield
    serde._get_patterns.cache_clear()


@pytest.fixture
def airflow(
    airflow_db: None, monkeypatch: pytest.MonkeyPatch, simulator: SimulatorProcess, database_url: str
) -> Airflow:
    return Airflow(monkeypatch, simulator, database_url)


def foreign_dag(folder: Path, value: Any, *, fails: bool, ours: bool = False) -> Any:
    """A DAG of another team, whose task leaves a value under each of the keys and ends as told.

    :param ours: add a task of ours to it.
    """
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    given = repr({"keys": KEYS, "value": value, "fails": fails, "ours": ours})
    (folder / "theirs.py").write_text(f"GIVEN = {given}\n{THEIRS}")
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(str(folder))
    sync_bag_to_db(bag, "dags-folder", None)
    return bag.dags["theirs"]


@pytest.mark.parametrize("fails", [False, True], ids=["success", "failed"])
@pytest.mark.parametrize("value", VALUES, ids=["text", "serialized", "json"])
def test_the_run_of_another_team_gets_no_note_and_nothing_of_it_is_read(
    airflow: Airflow, tmp_path: Path, value: Any, fails: bool
) -> None:
    run = foreign_dag(tmp_path, value, fails=fails).test()
    assert str(run.state) == ("failed" if fails else "success")
    assert airflow.note(run) == "None"
    assert DeserializationProbe.made == []


@pytest.mark.parametrize("value", VALUES, ids=["text", "serialized", "json"])
def test_beside_our_task_in_their_dag_only_ours_is_noted(
    airflow: Airflow, simulator: SimulatorProcess, tmp_path: Path, value: Any
) -> None:
    run = foreign_dag(tmp_path, value, fails=False, ours=True).test()
    line = f"{simulator.asset}: Client data (simulated) (300 submissions)"
    assert airflow.note(run) == f"1 forms at {simulator.url}\n- {line}"
    assert DeserializationProbe.made == []


@pytest.mark.parametrize("value", VALUES, ids=["text", "serialized", "json"])
def test_the_error_of_our_task_in_their_dag_is_noted_as_it_is(
    airflow: Airflow, tmp_path: Path, value: Any
) -> None:
    airflow.connect(KOBO_TOKEN="a-token-that-no-account-has-0000000000000")
    run = foreign_dag(tmp_path, value, fails=True, ours=True).test()
    assert airflow.note(run).startswith("ours: 'API token' was refused by ")
    assert airflow.note(run).endswith("The field 'API token' is in Admin → Connections → kobo_default.")
    assert "their" not in airflow.note(run)
    assert DeserializationProbe.made == []


def test_a_sentence_of_ours_that_looks_like_a_serialized_value_stays_a_sentence(airflow: Airflow) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    from kobo_mirror.airflow.keys import NOTE
    from kobo_mirror.airflow.notes import on_dag_run_success

    run = airflow.run("kobo_forms")
    with create_session() as session:
        session.execute(update(XComModel).where(XComModel.key == NOTE).values(value=SERIALIZED))
        on_dag_run_success(session.get_one(DagRun, run.id), "")
    assert airflow.note(run) == SERIALIZED
    assert DeserializationProbe.made == []
