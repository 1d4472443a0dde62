"""A real Airflow for the benchmarks: its servers, and a scheduler with a number of workers."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import requests
from stack import Children, StackError, airflow_settings, clean_environment, free_port

_PATIENCE = 240.0


@dataclass(frozen=True)
class Task:
    """One task of a run, in seconds since the run was asked for."""

    name: str
    started: float
    ended: float

    @property
    def seconds(self) -> float:
        """Its duration, its process included."""
        return self.ended - self.started


@dataclass(frozen=True)
class DagRun:
    """A run that succeeded.

    :param seconds: from the moment it was asked for to its end.
    """

    seconds: float
    tasks: list[Task]

    def span(self, name: str) -> float:
        """Return the seconds from the start of the first task of that name to the end of the last."""
        mine = [task for task in self.tasks if task.name.rpartition(".")[2] == name]
        return max(task.ended for task in mine) - min(task.started for task in mine)

    @property
    def busy(self) -> float:
        """Seconds in which at least one task ran."""
        total = until = 0.0
        for task in sorted(self.tasks, key=lambda task: task.started):
            total += max(0.0, task.ended - max(until, task.started))
            until = max(until, task.ended)
        return total


class Airflow:
    """``with Airflow(home, settings) as airflow: airflow.run("kobo_sync")``.

    :param home: a directory that may be kept, since making Airflow's tables takes a while.
    :param settings: of the mirror, by the names of their variables.
    """

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self._home = home
        home.mkdir(parents=True, exist_ok=True)
        self._url = f"http://127.0.0.1:{free_port()}"
        self._env = {
            **clean_environment(),
            **airflow_settings(home),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self._url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "KOBO_SYNC_SCHEDULE": "none",
            "KOBO_VERIFY_SCHEDULE": "none",
            **settings,
        }
        self._session = requests.Session()

    def __enter__(self) -> Self:
        self._children = Children(self._home).__enter__()
        try:
            self._children.run("setup", "scripts/airflow_setup.py", "--fresh", env=self._env)
            port = self._url.rpartition(":")[2]
            serve = ("api-server", "--host", "127.0.0.1", "--port", port, "--workers", "1")
            self._children.start("api-server", "-m", "airflow", *serve, env=self._env)
            self._children.start("dag-processor", "-m", "airflow", "dag-processor", env=self._env)
            self._children.wait_for(self._knows_the_dag, "the start of Airflow", seconds=_PATIENCE)
        except BaseException:
            self._children.stop()
            raise
        return self

    def __exit__(self, *problem: object) -> None:
        self._children.stop()

    def _knows_the_dag(self) -> bool:
        try:
            token = self._session.get(f"{self._url}/auth/token", timeout=10).json()["access_token"]
            self._session.headers["Authorization"] = f"Bearer {token}"
            return self._session.get(f"{self._url}/api/v2/dags/kobo_sync", timeout=10).status_code == 200
        except (requests.RequestException, KeyError):
            return False

    @contextmanager
    def scheduler(self, workers: int, connections: Mapping[str, str]) -> Iterator[None]:
        """Run a scheduler whose executor has so many processes for tasks.

        :param workers: how many.
        :param connections: further variables of the tasks, such as those that set our two connections.
        """
        env = {**self._env, **connections, "AIRFLOW__CORE__PARALLELISM": str(workers)}
        logs = self._home / f"scheduler-{workers}"
        logs.mkdir(exist_ok=True)
        with Children(logs) as children:
            children.start("scheduler", "-m", "airflow", "scheduler", "--skip-serve-logs", env=env)
            self._scheduler = children
            yield

    def run(self, dag_id: str, **conf: Any) -> DagRun:
        """Ask for a run and wait for its end.

        :raises StackError: it failed, or took too long.
        """
        runs = f"{self._url}/api/v2/dags/{dag_id}/dagRuns"
        asked = time.time()
        answer = self._session.post(runs, json={"logical_date": None, "conf": conf}, timeout=30)
        if answer.status_code != 200:
            raise StackError(f"Airflow does not take a run of {dag_id}: {answer.text[:300]}")
        mine = f"{runs}/{answer.json()['dag_run_id']}"
        state: dict[str, Any] = {}

        def ended() -> bool:
            self._children.check()
            state.update(self._session.get(mine, timeout=30).json())
            return state["state"] in ("success", "failed")

        self._scheduler.wait_for(ended, f"a run of {dag_id}", seconds=_PATIENCE)
        found = self._session.get(f"{mine}/taskInstances", timeout=30).json()["task_instances"]
        if state["state"] != "success":
            states = {task["task_id"]: task["state"] for task in found}
            raise StackError(f"{dag_id} failed: {json.dumps(states)}; the logs are in {self._home}")
        tasks = [
            Task(task["task_id"], _seconds(task["start_date"]) - asked, _seconds(task["end_date"]) - asked)
            for task in found
            if task["start_date"] and task["state"] == "success"
        ]
        return DagRun(_seconds(state["end_date"]) - asked, tasks)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
