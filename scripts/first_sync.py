"""The first kobo_sync of `make up`: started by Airflow's API, its progress told in sentences."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import quote

import requests

from kobo_mirror.airflow.keys import ERROR, SKIPPED

_DAG = "kobo_sync"
_WHERE = (
    "Mend the connection kobo_default in Airflow, Admin → Connections, whose Test button says what is wrong."
)


class Level(Enum):
    """How serious a sentence is, as a style of the screen."""

    GOOD = "green"
    WARNING = "yellow"
    BAD = "bold red"


class Notice(NamedTuple):
    """A sentence for the screen."""

    level: Level
    sentence: str


class FirstSync:
    """A run of kobo_sync, watched from its start to its end: the first of all, which may be the schedule's.

    :param airflow: the address of Airflow's API server.
    :param password: of the user ``admin``.
    :param since: when Airflow was started (UTC); runs that started earlier do not count.
    """

    def __init__(self, airflow: str, password: str, since: datetime) -> None:
        self._airflow, self._password, self._since = airflow, password, since
        self._session = requests.Session()
        self._run = ""
        self._told: set[Notice] = set()
        self.ended = self.succeeded = False

    def start(self) -> bool:
        """Start a run, however the schedule is; return False while Airflow cannot take it yet."""
        login = {"username": "admin", "password": self._password}
        signed_in = self._session.post(f"{self._airflow}/auth/token", json=login, timeout=30)
        if not signed_in.ok:  # Airflow is still starting
            return False
        self._session.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        runs = f"{self._airflow}/api/v2/dags/{_DAG}/dagRuns"
        answer = self._session.post(runs, json={"logical_date": None}, timeout=30)
        return answer.status_code == 200  # else the dag-processor has not read the DAG

    def new_notices(self) -> list[Notice]:
        """Return what is new since the last call; nothing once the run has ended."""
        try:
            found = [] if self.ended else self._look()
        except requests.RequestException:  # a slow answer; the next look will tell
            return []
        fresh = [one for one in found if one not in self._told]
        self._told |= set(fresh)
        return fresh

    def _look(self) -> list[Notice]:
        run = self._first_run()
        if run is None:
            return []
        self._run = f"dags/{_DAG}/dagRuns/{quote(run['dag_run_id'])}"
        self.succeeded = run["state"] == "success"
        self.ended = self.succeeded or run["state"] == "failed"
        found = [] if self.ended else self._retries()
        if run["state"] == "success":
            found = [Notice(Level.GOOD, f"{_DAG}: {run['note']}"), *self._registration()]
        if run["state"] == "failed":
            found = [Notice(Level.BAD, f"{_DAG} failed. {run['note']} {_WHERE}"), *self._registration()]
        return found

    def _first_run(self) -> Any:
        """Return the run that started first; None: none has started yet."""
        first = {"order_by": "start_date", "start_date_gte": self._since.isoformat(), "limit": 1}
        found = self._get(f"dags/{_DAG}/dagRuns", **first)["dag_runs"]
        return found[0] if found else None

    def _retries(self) -> list[Notice]:
        """Return the errors of tasks that are tried again."""
        tasks = self._get(f"{self._run}/taskInstances")["task_instances"]
        waiting = [task["task_id"] for task in tasks if task["state"] == "up_for_retry"]
        errors = ((task, self._xcom(task, ERROR)) for task in waiting)
        return [
            Notice(Level.WARNING, f"{_DAG}: {task}: {error} It is tried again.")
            for task, error in errors
            if error
        ]

    def _registration(self) -> list[Notice]:
        if done := self._xcom("register_webhook", "return_value"):
            return [Notice(Level.GOOD, f"webhook: {done}")]
        if skipped := self._xcom("register_webhook", SKIPPED):
            return [Notice(Level.WARNING, f"webhook: {skipped}")]
        return []

    def _xcom(self, task: str, key: str) -> str | None:
        """Return what a task has left under a key; None if there is nothing."""
        answer = self._session.get(
            f"{self._airflow}/api/v2/{self._run}/taskInstances/{task}/xcomEntries/{key}", timeout=30
        )
        return str(answer.json()["value"]) if answer.ok else None

    def _get(self, path: str, **query: Any) -> Any:
        answer = self._session.get(f"{self._airflow}/api/v2/{path}", params=query, timeout=30)
        answer.raise_for_status()
        return answer.json()
