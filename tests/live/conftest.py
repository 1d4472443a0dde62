"""A real Airflow: API server, scheduler with two workers, dag-processor; beside it a simulated server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from scripts.stack import ROOT, Children, airflow_settings, clean_environment, free_port
from simulator.process import SimulatorProcess

ROWS = 20_000
PASSWORD = "a password of the tests"  # nothing but loopback sees it
SECRET = "a-secret-of-the-tests-alone-that-is-long-enough-to-sign-with-sha512!"


class LiveAirflow:
    """What runs, and its REST API as an admin sees it.

    :param simulator: the server, which it starts; its connection names the first form there.
    """

    password = PASSWORD

    def __init__(self, folder: Path, simulator: SimulatorProcess) -> None:
        self.folder = folder
        self.children = Children(folder)
        self.simulator = simulator
        self.database_url = f"sqlite:///{folder / 'mirror.sqlite'}"
        self.url = f"http://127.0.0.1:{free_port()}"
        self._session = requests.Session()

    def start(self) -> None:
        self.simulator.start()
        self.start_parts()

    def start_parts(self) -> None:
        """Set Airflow up, start its processes, and wait until it has read our DAGs."""
        env = self.environment()
        self.set_up(env)
        port = self.url.rpartition(":")[2]
        api = ("api-server", "--host", "127.0.0.1", "--port", port, "--workers", "1")
        self.children.start("api-server", "-m", "airflow", *api, env=env)
        self.children.start("dag-processor", "-m", "airflow", "dag-processor", env=env)
        self.children.start("scheduler", "-m", "airflow", "scheduler", "--skip-serve-logs", env=env)
        self.children.wait_for(self._signed_in, "the start of Airflow", seconds=180)
        self.children.wait_for(self._knows_the_dags, "the reading of the DAGs", seconds=180)

    def set_up(self, env: dict[str, str]) -> None:
        """Make the tables, the connections and the pool, as docker compose does before Airflow starts."""
        self.children.run("migrate", "-m", "kobo_mirror", "migrate", env=env)
        self.children.run("setup", "scripts/airflow_setup.py", env=env)

    def stop(self) -> None:
        self.children.stop()
        self.simulator.stop()

    def environment(self) -> dict[str, str]:
        passwords = self.folder / "passwords.json"
        passwords.write_text(json.dumps({"admin": PASSWORD, "webhook": PASSWORD}))
        return (
            clean_environment()
            | airflow_settings(self.folder)
            | {
                "AIRFLOW__API_AUTH__JWT_SECRET": SECRET,
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
                "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
                "AIRFLOW__CORE__PARALLELISM": "2",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,webhook:op",
                "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "12",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
                "DATABASE_URL": self.database_url,
                "KOBO_URL": self.simulator.url,
                "KOBO_TOKEN": self.simulator.token,
                "KOBO_ASSET_ID": self.simulator.asset,
                "KOBO_SYNC_SCHEDULE": "none",
                "KOBO_VERIFY_SCHEDULE": "none",
                "KOBO_SYNC_DEADLINE_MINUTES": "60",
            }
        )

    def _signed_in(self) -> bool:
        login = {"username": "admin", "password": PASSWORD}
        try:
            answer = self._session.post(f"{self.url}/auth/token", json=login, timeout=10)
        except requests.ConnectionError:
            return False
        if answer.status_code == 201:
            self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer.status_code == 201

    def _knows_the_dags(self) -> bool:
        known = self.get("/api/v2/dags")["total_entries"]
        files = {path.stem for path in (ROOT / "dags").glob("kobo_*.py")}
        return bool(known == len(files - {"kobo_sync_own"}))  # which has none without kobo.yml

    def get(self, path: str, **params: Any) -> Any:
        answer = self._session.get(f"{self.url}{path}", params=params, timeout=30)
        assert answer.status_code == 200, answer.text[:500]
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._session.post(f"{self.url}{path}", json=body, timeout=60)
        assert answer.status_code < 300, answer.text[:500]
        return answer.json()

    def trigger(self, dag_id: str, **conf: Any) -> str:
        run = self.post(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return str(run["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> Any:
        return self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")

    def ended(self, dag_id: str, run_id: str, *, seconds: float = 120) -> Any:
        self.wait_for(lambda: self.run(dag_id, run_id)["state"] in ("success", "failed"), dag_id, seconds)
        return self.run(dag_id, run_id)

    def tasks(self, dag_id: str, run_id: str, task_id: str) -> list[Any]:
        found = self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", task_id=task_id)
        return [task for task in found["task_instances"] if task["task_id"] == task_id]

    def wait_for(self, happened: Callable[[], object], what: str, seconds: float = 60) -> None:
        self.children.wait_for(happened, what, seconds=seconds)

    def scheduler(self) -> psutil.Process:
        """The scheduler, whose children are the workers."""
        return psutil.Process(self.children._running["scheduler"].pid)

    def workers(self) -> list[psutil.Process]:
        """The processes that run a task now, each with what it started."""
        found = self.scheduler().children(recursive=True)
        return [one for one in found if "LocalExecutor" in " ".join(one.cmdline()) and one.children()]


@pytest.fixture(scope="session")
def start_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], LiveAirflow]]:
    running: dict[int, LiveAirflow] = {}

    def start(rows: int) -> LiveAirflow:
        if rows not in running:
            running[rows] = LiveAirflow(tmp_path_factory.mktemp("airflow"), SimulatorProcess(rows=rows))
            running[rows].start()
        return running[rows]

    yield start
    for airflow in running.values():
        airflow.stop()


@pytest.fixture
def airflow(start_airflow: Callable[[int], LiveAirflow]) -> LiveAirflow:
    return start_airflow(ROWS)
