"""What the DAGs cost Airflow: the reading of their files, and what their tasks hand on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from simulator.process import SimulatorProcess
from tests.support.airflow_environment import ROOT, connection_variables

MANY_FORMS = "forms:\n" + "".join(
    f"  - {{uid: aOneOfManyForms0000{number:03d}, table: form_{number:03d}, own_dag: {own}}}\n"
    for number, own in enumerate(["true"] * 5 + ["false"] * 195)
)
MOST_BYTES = 1024
ROWS = 500
AS_MANY_PARTS_AS_THERE_CAN_BE = 2
# Each file is read by a process of its own in which Airflow is imported already.
READ_EACH = """
import gc, os, runpy, sys, time
import airflow.dag_processing.processor  # what reads a DAG file in earnest has this imported
from airflow.sdk import DAG, Asset, BaseOperator, ExceptionRetryPolicy, Param, RetryAction, RetryRule, dag
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
with DAG("another"):
    BaseOperator(task_id="task")
gc.freeze()  # what Airflow has imported is not collected at our cost
for file in sys.argv[1:]:
    if not os.fork():
        started = time.process_time()
        runpy.run_path(file)
        print("took", file, round((time.process_time() - started) * 1000), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.mark.parametrize(
    ("forms", "most_milliseconds"), [("", 100), (MANY_FORMS, 200)], ids=["one form", "two hundred"]
)
def test_a_dag_is_read_in_little_time_beyond_the_import_of_airflow(
    tmp_path: Path, forms: str, most_milliseconds: int
) -> None:
    file = tmp_path / "kobo.yml"
    file.write_text(forms)
    files = sorted(str(path) for path in (ROOT / "dags").glob("*.py"))
    env = {**os.environ, "PYTHONPATH": str(ROOT / "plugins"), "KOBO_FORMS_FILE": str(file) if forms else ""}
    command = [sys.executable, "-c", READ_EACH, *files, *files]  # twice: a busy machine may make one slow
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=120)
    took = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("took ")]
    least = {file: min(int(time) for name, time in took if name == file) for file in files}
    assert max(least.values()) < most_milliseconds, least


def test_no_task_hands_on_more_than_a_kilobyte(
    airflow_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    url = f"sqlite:///{tmp_path / 'mirror.db'}"
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    engine.dispose()
    monkeypatch.setattr("kobo_mirror.sync.lanes._LANE_LEAST", ROWS // 8)  # as many lanes as a large form has
    with SimulatorProcess(rows=ROWS) as simulator:
        about = {"KOBO_URL": simulator.url, "KOBO_TOKEN": simulator.token, "KOBO_ASSET_ID": simulator.asset}
        for name, value in connection_variables(**about, DATABASE_URL=url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("KOBO_SYNC_DEADLINE_MINUTES", "none")
        run = DagBag(str(ROOT / "dags")).dags["kobo_sync"].test()
    assert str(run.state) == "success"
    with create_session() as session:
        mine = session.execute(select(XComModel).where(XComModel.run_id == run.run_id)).scalars().all()
        sizes = {(entry.task_id, entry.map_index, entry.key): len(json.dumps(entry.value)) for entry in mine}
    assert len([task for task in run.get_task_instances() if task.task_id.endswith("pull")]) == (
        AS_MANY_PARTS_AS_THERE_CAN_BE
    )
    assert {"prepare", "publish"} <= {task.rpartition(".")[2] for task, _, _ in sizes}
    assert max(sizes.values()) <= MOST_BYTES, sizes
