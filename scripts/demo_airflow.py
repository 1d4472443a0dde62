"""The Airflow of the demo, in a process of its own: it runs the DAG that each line of its input names.

Airflow is imported once standard output is redirected to the log, and only as far as it is needed.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import json
import os
import signal
import sys
from typing import IO, Any

from airflow_setup import set_up


def main() -> None:
    """Set Airflow up, then run the DAGs that are asked for until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Airflow prints belongs in the log
    set_up(fresh=True)
    from airflow.dag_processing.dagbag import DagBag

    dags = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags
    _respond(answers, {"dags": sorted(dags)})
    for line in sys.stdin:
        _respond(answers, _run(dags[line.strip()]))
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a run leaves a handler that keeps us from ending


def _run(dag: Any) -> dict[str, Any]:
    """Run a DAG to its end; return its state, and the results and errors of its tasks."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    from kobo_mirror.airflow.keys import ERROR

    run = dag.test()
    left: dict[str, dict[str, Any]] = {"return_value": {}, ERROR: {}}
    with create_session() as session:
        entries: Any = session.scalars(XComModel.get_many(run_id=run.run_id, dag_ids=dag.dag_id))
        for entry in entries:
            left.setdefault(entry.key, {})[entry.task_id] = XComModel.deserialize_value(entry)
    return {"state": str(run.state), "results": left["return_value"], "errors": left[ERROR]}


def _respond(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
