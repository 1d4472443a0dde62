"""Note failures in the database, where the page and ``status`` find them: of a run, or of a verification."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from sqlalchemy import Engine

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import KoboMirrorError, LeaseError
from kobo_mirror.store import failed_runs, runs
from kobo_mirror.store.listings import bound_forms


@contextmanager
def noting_not_started(engine: Engine, name: str) -> Iterator[None]:
    """Note a run as failed if the block, which is to begin it, fails; else the run before would look newest.

    A :class:`LeaseError` is not noted: another sync is at work, which is no failure.

    :param engine: the database.
    :param name: the run's name.
    :returns: a context; what the block raises goes on.
    """
    try:
        yield
    except LeaseError:
        raise
    except KoboMirrorError as error:
        note_not_started(engine, name, error)
        raise
    except Exception as error:
        note_not_started(engine, name, _unforeseen(error))
        raise


def note_not_started(engine: Engine, name: str, error: KoboMirrorError) -> None:
    """Note a run that failed before it began, if the database takes it.

    While the database mirrors no form, the run is noted for the one that it will mirror.

    :param engine: the database.
    :param name: the run's name.
    :param error: what stopped it.
    """
    with suppress(KoboMirrorError):
        if asset_uid := _bound_uid(engine):
            transact(
                engine, partial(failed_runs.note_not_started, asset_uid=asset_uid, name=name, error=error)
            )
        else:
            transact(engine, partial(failed_runs.note_not_bound, name=name, error=error))


def _unforeseen(error: Exception) -> KoboMirrorError:
    return KoboMirrorError(f"It ended by an error that was not foreseen: {type(error).__name__}.")


def _bound_uid(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return next((form.asset_uid for form in bound_forms(connection)), None)


@contextmanager
def noting_failed_verification(engine: Engine, name: str) -> Iterator[None]:
    """Note the verification as failed if the block fails; without that the last proof would look newest.

    :param engine: the database.
    :param name: what the verification is noted as.
    :returns: a context; what the block raises goes on.
    """
    try:
        yield
    except KoboMirrorError as error:
        note_failed_verification(engine, name, error)
        raise
    except Exception as error:
        note_failed_verification(engine, name, _unforeseen(error))
        raise


def note_failed_verification(engine: Engine, name: str, error: KoboMirrorError) -> None:
    """Note a verification that ended without a result, if the database takes it.

    :param engine: the database.
    :param name: what the verification is noted as.
    :param error: what stopped it.
    """
    with suppress(KoboMirrorError):
        if asset_uid := _bound_uid(engine):
            transact(
                engine,
                partial(failed_runs.note_failed_verification, asset_uid=asset_uid, name=name, error=error),
            )


def note_error(engine: Engine, run_id: int, error: KoboMirrorError | str) -> None:
    """Note why a run stopped, or ended with an error.

    :param engine: the database.
    :param run_id: the run's id.
    :param error: the error, or a sentence for a person.
    """
    transact(engine, lambda connection: runs.note_error(connection, run_id, error))
