"""How a task begins, and what is left of one that cannot: a failure that the page and ``status`` tell of."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kobo_mirror.airflow.keys import ERROR, FAILURE
from kobo_mirror.errors import ConfigurationError, KoboMirrorError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from sqlalchemy import Engine

    from kobo_mirror.forms.schema import Form

log = logging.getLogger(__name__)

Note = Callable[["Engine", "Form", str, KoboMirrorError], None]


def require_settings(kobo_conn_id: str, database_conn_id: str, name: str, note: Note) -> None:
    """Have a run that ends for want of a setting noted as one that failed.

    :param name: the run's name.
    :param note: how it is noted: one of those in ``kobo_mirror.sync.lease_keeper``.
    :raises ConfigurationError: the connection lacks a setting.
    """
    from kobo_mirror.airflow.hooks import KoboHook
    from kobo_mirror.forms.declared import FORM

    try:
        KoboHook(kobo_conn_id).settings()
    except ConfigurationError as error:
        with suppress(KoboMirrorError), target(database_conn_id) as engine:
            note(engine, FORM, name, error)
        raise


def make_tables(database_conn_id: str, name: str) -> None:
    """Make what is missing of our tables, as ``python -m kobo_mirror sync`` does.

    :param name: the run's name.
    :raises DatabaseError, SchemaError: they cannot be made.
    """
    from kobo_mirror.forms.declared import FORM
    from kobo_mirror.store.schema import at_head, migrate
    from kobo_mirror.sync.lease_keeper import note_not_started

    with target(database_conn_id) as engine:
        try:
            if not at_head(engine, FORM):
                log.warning("The database lacks tables of ours or has old ones: they are made now.")
                migrate(engine, FORM)
        except KoboMirrorError as error:
            note_not_started(engine, FORM, name, error)
            raise


@contextmanager
def target(database_conn_id: str) -> Iterator[Engine]:
    """An engine for the database that a connection names, as long as the block runs."""
    from kobo_mirror.airflow.hooks import open_target

    engine = open_target(database_conn_id)
    try:
        yield engine
    finally:
        engine.dispose()


def problems_of(context: Context) -> Iterator[tuple[str, str]]:
    """The class of the error, and a sentence, for each task of this run that failed for good."""
    ti: Any = context["ti"]
    for task in ti.get_task_breadcrumbs(ti.dag_id, ti.run_id):
        if task["state"] == "failed":
            name, index = task["task_id"], task["map_index"]
            error, failure = (
                ti.xcom_pull(task_ids=name, key=key, map_indexes=index) for key in (ERROR, FAILURE)
            )
            yield failure or "", f"{name}: {error or 'it ended without an error of its own; see its log.'}"
