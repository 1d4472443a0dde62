"""Note failures in the database, where the page and ``status`` find them: of a run, or of a verification."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from sqlalchemy import Engine

from kobo_mirror.database.engine import transact
from kobo_mirror.errors import KoboMirrorError, LeaseError
from kobo_mirror.forms.declared_form import Form, Mirror
from kobo_mirror.store import failed_runs, runs
from kobo_mirror.store.bindings import bound_to


@contextmanager
def noting_not_started(engine: Engine, mirror: Mirror, name: str) -> Iterator[None]:
    """Note a run as failed if the block, which is to begin it, fails; else the run before would look newest.

    A :class:`LeaseError` is not noted: another sync is at work, which is no failure.

    :param engine: the database.
    :param mirror: the form and its table.
    :param name: the run's name.
    :returns: a context; what the block raises goes on.
    """
    try:
        yield
    except LeaseError:
        raise
    except KoboMirrorError as error:
        note_not_started(engine, mirror.form, name, error)
        raise


def note_not_started(engine: Engine, form: Form, name: str, error: KoboMirrorError) -> None:
    """Note a run that failed before it began, if the database takes it.

    Where the table mirrors no form yet, the run is noted under the table's name.

    :param engine: the database.
    :param form: the form table's declaration.
    :param name: the run's name.
    :param error: what stopped it.
    """
    with suppress(KoboMirrorError):
        if bound := bound_to(engine, form):
            transact(
                engine, partial(failed_runs.note_not_started, asset_uid=bound[1], name=name, error=error)
            )
        else:
            transact(
                engine, partial(failed_runs.note_not_bound, form_table=form.table, name=name, error=error)
            )


@contextmanager
def noting_failed_verification(engine: Engine, form: Form, name: str) -> Iterator[None]:
    """Note the verification as failed if the block fails; without that the last proof would look newest.

    :param engine: the database.
    :param form: the form table's declaration.
    :param name: what the verification is noted as.
    :returns: a context; what the block raises goes on.
    """
    try:
        yield
    except KoboMirrorError as error:
        note_failed_verification(engine, form, name, error)
        raise
    except Exception as error:
        unforeseen = KoboMirrorError(f"It ended by an error that was not foreseen: {type(error).__name__}.")
        note_failed_verification(engine, form, name, unforeseen)
        raise


def note_failed_verification(engine: Engine, form: Form, name: str, error: KoboMirrorError) -> None:
    """Note a verification that ended without a result, if the database takes it.

    :param engine: the database.
    :param form: the form table's declaration.
    :param name: what the verification is noted as.
    :param error: what stopped it.
    """
    with suppress(KoboMirrorError):
        if bound := bound_to(engine, form):
            transact(
                engine,
                partial(failed_runs.note_failed_verification, asset_uid=bound[1], name=name, error=error),
            )


def note_error(engine: Engine, run_id: int, error: KoboMirrorError | str) -> None:
    """Note why a run stopped, or ended with an error.

    :param engine: the database.
    :param run_id: the run's id.
    :param error: the error, or a sentence for a person.
    """
    transact(engine, lambda connection: runs.note_error(connection, run_id, error))
