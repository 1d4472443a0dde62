"""Hundreds of forms by Airflow: a round that is killed is followed by one that ends equal, at little cost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kobo_mirror.database.engine import open_engine, reading
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.store.listings import bound_forms
from simulator.process import SimulatorProcess
from tests.support.airflow_environment import ROOT
from tests.support.dag_runs import Airflow
from tests.support.forms.any_mirror import form_file, uid_of
from tests.support.forms.many_mirrors import one_database
from tests.support.forms.office import VISITS

pytestmark = pytest.mark.long
ROUND = (
    "from airflow.dag_processing.dagbag import DagBag\n"
    f"DagBag({str(ROOT / 'dags' / 'kobo_sync_all.py')!r}).dags['kobo_sync_all'].test()"
)
START_OF_A_TASK = 1.25
"""Seconds that a worker needs to start a task, which ``dag.test()`` does not do."""
MOST_MINUTES = 8


@pytest.mark.parametrize("many", [12, 200])
def test_a_round_that_is_killed_goes_on(
    airflow_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, many: int
) -> None:
    names = [f"small{number:03d}" for number in range(many)]
    files = [form_file(tmp_path, name, VISITS, rows=5) for name in names]
    url = f"sqlite:///{tmp_path / 'mirror.db'}"
    monkeypatch.chdir(tmp_path)
    Path("kobo.yml").write_text("forms:\n" + "".join(f"  - uid: {uid_of(name)}\n" for name in names))
    engine = open_engine(url)

    def bound() -> int:
        if not Path("mirror.db").exists():
            return 0
        with reading(engine) as connection:
            return len(bound_forms(connection)) if engine.dialect.has_table(connection, "kobo_forms") else 0

    with SimulatorProcess(form=files) as process:
        airflow = Airflow(monkeypatch, process, url)
        airflow.connect(KOBO_ASSET_ID="")
        killed = subprocess.Popen([sys.executable, "-c", ROUND], stdout=subprocess.DEVNULL, env=os.environ)
        deadline = time.monotonic() + 60 + many * 4
        while bound() < many // 2:
            assert killed.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert many // 2 <= bound() < many
        for name in names[::3]:
            process.control.of(uid_of(name)).create(1)
        for mode in ("exact", "auto"):
            started = time.process_time()
            run = airflow.run("kobo_sync_all", mode=mode)
            worked = time.process_time() - started
            assert str(run.state) == "success", airflow.note(run)
        assert airflow.note(run) == f"Forms: {many}."
        tasks = [task for task in run.get_task_instances() if task.task_id == "sync"]
        assert (worked + START_OF_A_TASK * len(tasks)) * 200 / many < MOST_MINUTES * 60
        with Accounts() as accounts:
            account = accounts.account(process.url, process.token)
            for one in one_database(process, account, engine, map(uid_of, names)):
                assert one.found() == one.wanted()
    engine.dispose()
