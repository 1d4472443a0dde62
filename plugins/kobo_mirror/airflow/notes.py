"""A listener that writes what a run did into its note in Airflow's list of runs.

A task cannot set the note of its run. So our tasks leave sentences in XComs, and the process that ends the
run (the scheduler, or the API server where a person ends it) makes the note of them. Airflow calls this at
the end of every run, also of other teams' DAGs: only XComs of our operators under our keys are read, as the
text that is stored; nothing is deserialized.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from kobo_mirror.airflow.keys import ERROR, NOTE

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

LONGEST = 1000
_WORDS = {"inserted": "new", "updated": "edited", "deleted": "deleted", "rejected": "rejected"}


def counts_note(counts: dict[str, Any]) -> str:
    """Return the note of a sync, such as ``12 new, 3 edited, 1 deleted, 0 rejected in 4.1 s``.

    What has become of the form's tables, and what of that waits, comes after it.

    :param counts: what ``MirrorSync.finish`` returned.
    """
    done = ", ".join(f"{counts[name]:,} {word}" for name, word in _WORDS.items())
    return "; ".join((f"{done} in {counts['seconds']} s", *counts.get("tables", ())))


def has_news(counts: dict[str, Any]) -> bool:
    """Return True if a sync has changed something, or something waits.

    :param counts: what ``MirrorSync.finish`` returned.
    """
    return any(counts[name] for name in _WORDS) or bool(counts.get("tables"))


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Note what a run did.

    :param dag_run: the run that has ended.
    :param msg: Airflow's reason; not used.
    """
    _note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Note why a run failed, and what its other tasks did.

    :param dag_run: the run that has ended.
    :param msg: Airflow's reason; not used.
    """
    _note(dag_run)


def _note(dag_run: DagRun) -> None:
    """Write the note in the transaction that ends the run or, where that is over, in another one."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy.orm import object_session

    if session := object_session(dag_run):
        _write(dag_run, session)
        return
    with create_session() as session:
        _write(session.get_one(DagRun, dag_run.id), session)


def _write(dag_run: DagRun, session: Any) -> None:
    """Write the note, unless no task of ours left a sentence, or a person has written a note."""
    if not (sentences := _sentences(dag_run, session)):
        return
    written = dag_run.dag_run_note
    if written is None or not written.user_id:
        dag_run.note = " ".join(sentences)[:LONGEST]


def _sentences(dag_run: DagRun, session: Any) -> list[str]:
    """Return what our tasks of a run left: notes of all of them, errors of those that failed in the end."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy import and_, select

    from kobo_mirror.airflow.operators import __all__ as operators

    same_task = and_(
        XComModel.dag_id == TaskInstance.dag_id,
        XComModel.run_id == TaskInstance.run_id,
        XComModel.task_id == TaskInstance.task_id,
        XComModel.map_index == TaskInstance.map_index,
    )
    left = session.execute(
        select(XComModel.key, XComModel.task_id, XComModel.value, TaskInstance.state)
        .join(TaskInstance, same_task)
        .where(TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id)
        .where(TaskInstance.operator.in_(operators), XComModel.key.in_([NOTE, ERROR]))
        .order_by(XComModel.timestamp)
    ).all()
    texts = [row for row in left if isinstance(row.value, str)]
    notes = [row.value for row in texts if row.key == NOTE]
    failed = [row for row in texts if row.key == ERROR and row.state == TaskInstanceState.FAILED]
    errors = [f"{row.task_id}: {row.value}" for row in failed]
    said = [*notes, *errors]
    return said if len(" ".join(said)) <= LONGEST else [*errors, *notes]
