"""A listener that makes our pools: one for each server, and ``kobo.yml`` may name another at any time.

A task whose pool is not there is never started, and no task can make a pool: so the process that starts a run
(the scheduler) does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from kobo_mirror.airflow.pools import POOL, add_missing

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:
    """Make the pools that the tasks of a run name and that are missing, if they are ours.

    :param dag_run: the run that starts.
    :param msg: Airflow's reason; not used.
    """
    from airflow.utils.session import create_session
    from sqlalchemy.orm import object_session

    if session := object_session(dag_run):
        _make(dag_run, session)
        return
    with create_session() as own:
        _make(dag_run, own)


def _make(dag_run: DagRun, session: Any) -> None:
    from airflow.models.pool import Pool
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    mine = (TaskInstance.dag_id == dag_run.dag_id) & (TaskInstance.run_id == dag_run.run_id)
    ours = (TaskInstance.pool == POOL) | TaskInstance.pool.startswith(f"{POOL}__", autoescape=True)
    named = select(TaskInstance.pool).where(mine, ours)
    if names := list(session.scalars(named.distinct())):
        add_missing(session, Pool, names)
