"""What a run did, as its note in Airflow's list of runs.

A task cannot set the note of its run, so tasks leave sentences in XComs, and whoever ends the run (the
scheduler, or the API server for a person) turns them into its note by this listener.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

NOTE, ERROR = "note", "error"
LONGEST = 1000
_WORDS = {"inserted": "new", "updated": "edited", "deleted": "deleted", "rejected": "rejected"}


def counts_note(counts: dict[str, Any]) -> str:
    """Such as ``12 new, 3 edited, 1 deleted, 0 rejected in 4.1 s``."""
    return (
        f"{', '.join(f'{counts[name]:,} {word}' for name, word in _WORDS.items())} in {counts['seconds']} s"
    )


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Note what the run did."""
    _note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Note why it failed, and what it did all the same."""
    _note(dag_run)


def _note(dag_run: DagRun) -> None:
    """Set the note in the transaction that ends the run, or in one of its own where that is over."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy.orm import object_session

    if session := object_session(dag_run):
        _write(dag_run, session)
        return
    with create_session() as session:
        _write(session.get_one(DagRun, dag_run.id), session)


def _write(dag_run: DagRun, session: Any) -> None:
    """Write it, unless a person has written one or no task of ours left a sentence."""
    written = dag_run.dag_run_note
    if written is not None and written.user_id:
        return
    if sentences := _sentences(dag_run, session):
        dag_run.note = " ".join(sentences)[:LONGEST]


def _sentences(dag_run: DagRun, session: Any) -> list[str]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy import select

    left = session.scalars(
        select(XComModel)
        .where(XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id)
        .where(XComModel.key.in_([NOTE, ERROR]))
        .order_by(XComModel.key.desc(), XComModel.timestamp)
    ).all()
    failed = select(TaskInstance.task_id, TaskInstance.map_index).where(
        TaskInstance.dag_id == dag_run.dag_id,
        TaskInstance.run_id == dag_run.run_id,
        TaskInstance.state == TaskInstanceState.FAILED,
    )
    lost = {tuple(row) for row in session.execute(failed)} if left else set()
    values = {row: str(XComModel.deserialize_value(row)) for row in left}
    notes = [value for row, value in values.items() if row.key == NOTE]
    errors = [
        f"{row.task_id}: {value}"
        for row, value in values.items()
        if row.key == ERROR and (row.task_id, row.map_index) in lost
    ]
    return [*notes, *errors]
