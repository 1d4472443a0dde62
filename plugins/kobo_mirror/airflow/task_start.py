"""What tasks do first: check the settings, make missing tables, and note a failure where that is impossible.

A failure that is noted is shown by the page and by ``status``; one in Airflow's log alone would not be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kobo_mirror.airflow.keys import ERROR, FAILURE
from kobo_mirror.errors import ConfigurationError, KoboMirrorError, NoSuchFormError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from sqlalchemy import Engine

    from kobo_mirror.airflow.operators.base import BaseKoboOperator

log = logging.getLogger(__name__)

NoteFailure = Callable[..., None]


def require_form(task: BaseKoboOperator, name: str, note_failure: NoteFailure) -> None:
    """Check that connections and ``kobo.yml`` say which form a task is about; else note the run as failed.

    :param task: the task.
    :param name: the run's name.
    :param note_failure: writes the note: ``note_not_started`` or ``note_failed_verification``.
    :raises ConfigurationError: a field is missing or malformed, the file is, or there is no such form.
    """
    with noting_refusal(task.database_conn_id, name, note_failure):
        task.hook().settings(need=())
        with target_engine(task.database_conn_id) as engine:
            form = task.chosen(engine)
            if form.problem is not None:
                note_failure(engine, name, form.problem, form.form_key, among_others=form.among_others)
    form.require_account()


@contextmanager
def noting_refusal(database_conn_id: str, name: str, note_failure: NoteFailure) -> Iterator[None]:
    """Note a run as failed if the block is refused something by the settings.

    That a form was named which is not mirrored, perhaps since a moment, is told by the task alone: it is no
    failure of the others.

    :param database_conn_id: the connection of the database in which that is noted.
    :param name: the run's name.
    :param note_failure: as for :func:`require_form`.
    :returns: a context; what the block raises goes on.
    """
    try:
        yield
    except NoSuchFormError:
        raise
    except ConfigurationError as error:
        with suppress(KoboMirrorError), target_engine(database_conn_id) as engine:
            note_failure(engine, name, error)
        raise


def make_tables(database_conn_id: str, name: str) -> None:
    """Make those of our tables that are missing, as ``python -m kobo_mirror sync`` does.

    :param database_conn_id: the database's connection.
    :param name: the run's name, under which a failure is noted.
    :raises DatabaseError: the database cannot make them now.
    :raises SchemaError: the database's tables are not ours, or are newer than this code.
    """
    from kobo_mirror.store.schema import at_head, migrate
    from kobo_mirror.sync.failure_notes import note_not_started

    with target_engine(database_conn_id) as engine:
        try:
            if not at_head(engine):
                log.warning("The database lacks tables of ours or has old ones: they are made now.")
                migrate(engine)
        except KoboMirrorError as error:
            note_not_started(engine, name, error)
            raise


@contextmanager
def target_engine(database_conn_id: str) -> Iterator[Engine]:
    """Yield an engine for a connection's database, and close its connections after the block.

    :param database_conn_id: the database's connection.
    :raises ConfigurationError: the connection names no database that we can write to.
    """
    from kobo_mirror.airflow.hooks import open_target

    engine = open_target(database_conn_id)
    try:
        yield engine
    finally:
        engine.dispose()


def problems_of(context: Context) -> Iterator[tuple[str, str]]:
    """Yield the error's class and a sentence for each task of this run that failed and is not tried again.

    A task that left no error of ours, such as one that was killed, has an empty class.
    """
    ti: Any = context["ti"]
    for task in ti.get_task_breadcrumbs(ti.dag_id, ti.run_id):
        if task["state"] == "failed":
            name, index = task["task_id"], task["map_index"]
            error, failure = (
                ti.xcom_pull(task_ids=name, key=key, map_indexes=index) for key in (ERROR, FAILURE)
            )
            yield failure or "", f"{name}: {error or 'it ended without an error of its own; see its log.'}"
