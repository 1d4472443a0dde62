"""Operators executed without a scheduler, with as much of Airflow's context as ours look at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class TaskRun:
    """A run in which operators are executed one after the other.

    ``left`` holds the XComs that they pushed by key, ``told`` what they told of their outlets, ``kind`` what
    has started the run.
    """

    def __init__(self, kind: str = "manual") -> None:
        self.kind = kind
        self.left: dict[str, Any] = {}
        self.told: dict[Any, SimpleNamespace] = {}

    def execute(self, operator: str, **parameters: Any) -> Any:
        """Execute an operator that is given by its class's name; return its XCom."""
        from airflow.sdk.api.datamodels._generated import DagRunType

        from kobo_mirror.airflow import operators

        task = getattr(operators, operator)(task_id="task", **parameters)
        self.told = {outlet: SimpleNamespace(extra={}) for outlet in task.outlets}
        context = {
            "dag": SimpleNamespace(dag_id="dag"),
            "run_id": "run",
            "dag_run": SimpleNamespace(run_type=DagRunType(self.kind)),
            "ti": SimpleNamespace(xcom_push=self.left.__setitem__),
            "outlet_events": self.told,
        }
        return task.execute(context)
