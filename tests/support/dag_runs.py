"""Runs of our DAGs by Airflow's own ``dag.test()``."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.process import SimulatorProcess
from tests.support.airflow_environment import ROOT, connection_variables

ENDPOINT = "http://127.0.0.1:9/api/real-time-updates"


class Airflow:
    """Runs our DAGs with the two connections set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, simulator: SimulatorProcess, url: str) -> None:
        self._monkeypatch, self._simulator, self._url = monkeypatch, simulator, url
        self.connect()

    def connect(self, **changes: str) -> None:
        """Set the two connections; a change is named after its setting."""
        settings = {
            "KOBO_URL": self._simulator.url,
            "KOBO_TOKEN": self._simulator.token,
            "KOBO_ASSET_ID": self._simulator.asset,
            "DATABASE_URL": self._url,
            "REAL_TIME_POST_ENDPOINT_URL": ENDPOINT,
            "WEBHOOK_SECRET": "a secret of the tests",
        }
        for name, value in connection_variables(**{**settings, **changes}).items():
            self._monkeypatch.setenv(name, value)

    def run(self, dag_id: str, **params: Any) -> Any:
        """Run a DAG to its end and return the run."""
        return fresh_dags()[dag_id].test(run_conf=params)  # test() leaves the params of a run in its DAG

    def note(self, run: Any) -> str:
        """Return the note of a run."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session

        with create_session() as session:
            return str(session.get_one(DagRun, run.id).note)

    def states(self, run: Any) -> dict[str, str]:
        """Return the state of each task of a run."""
        return {task.task_id: str(task.state) for task in run.get_task_instances()}

    def tries(self, run: Any, task_id: str) -> int:
        """Return how often a task was tried, or the only one that is mapped from it."""
        (number,) = (one.try_number for one in run.get_task_instances() if one.task_id == task_id)
        return int(number)


def fresh_dags() -> dict[str, Any]:
    """Return our DAGs by their ids, parsed anew."""
    from airflow.dag_processing.dagbag import DagBag

    return dict(DagBag(str(ROOT / "dags")).dags)
