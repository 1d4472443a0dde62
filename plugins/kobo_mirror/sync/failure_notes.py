"""Note failures in the database, where the page and ``status`` find them: of a run, or of a verification."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from sqlalchemy import Engine

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import KoboMirrorError, LeaseError, unforeseen
from kobo_mirror.store import failed_runs, runs
from kobo_mirror.store.bindings import LetGoError
from kobo_mirror.store.listings import bound_forms


@contextmanager
def noting_not_started(
    engine: Engine, name: str, asset_uid: str | None = None, *, among_others: bool = False
) -> Iterator[None]:
    """Note a run as failed if the block, which is to begin it, fails; else the run before would look newest.

    A :class:`LeaseError` is not noted: another sync is at work, which is no failure. Nor is it one that the
    form is mirrored no longer.

    :param engine: the database.
    :param name: the run's name.
    :param asset_uid: as for :func:`note_not_started`.
    :param among_others: as for :func:`note_not_started`.
    :returns: a context; what the block raises goes on.
    """
    try:
        yield
    except (LeaseError, LetGoError):
        raise
    except KoboMirrorError as error:
        note_not_started(engine, name, error, asset_uid, among_others=among_others)
        raise
    except Exception as error:
        note_not_started(engine, name, unforeseen(error), asset_uid, among_others=among_others)
        raise


def note_not_started(
    engine: Engine,
    name: str,
    error: KoboMirrorError,
    asset_uid: str | None = None,
    *,
    among_others: bool = False,
) -> None:
    """Note a run that failed before it began, if the database takes it.

    While the database mirrors no form, the run is noted for the one that it will mirror. Where it is not
    known which form the run is about, it is noted for all: none of them was brought up to date.

    :param engine: the database.
    :param name: the run's name.
    :param error: what stopped it.
    :param asset_uid: the key of the form that it is about; None: it is not known.
    :param among_others: the form may be a further one of a database that mirrors others: the run is noted for
        it alone.
    """
    with suppress(KoboMirrorError):
        about = [asset_uid] if asset_uid and among_others else _about(engine, asset_uid)
        for uid in about:
            transact(engine, partial(failed_runs.note_not_started, asset_uid=uid, name=name, error=error))
        if not about:
            transact(engine, partial(failed_runs.note_not_bound, name=name, error=error))


def _about(engine: Engine, asset_uid: str | None) -> list[str]:
    """Return the key of this form if the database mirrors it, else those of all that it mirrors."""
    with reading(engine) as connection:
        bound = [form.asset_uid for form in bound_forms(connection)]
    return [asset_uid] if asset_uid in bound else bound


@contextmanager
def noting_failed_verification(
    engine: Engine, name: str, asset_uid: str | None = None, *, among_others: bool = False
) -> Iterator[None]:
    """Note the verification as failed if the block fails; without that the last proof would look newest.

    :param engine: the database.
    :param name: what the verification is noted as.
    :param asset_uid: as for :func:`note_failed_verification`.
    :param among_others: as for :func:`note_failed_verification`.
    :returns: a context; what the block raises goes on.
    """
    try:
        yield
    except KoboMirrorError as error:
        note_failed_verification(engine, name, error, asset_uid, among_others=among_others)
        raise
    except Exception as error:
        note_failed_verification(engine, name, unforeseen(error), asset_uid, among_others=among_others)
        raise


def note_failed_verification(
    engine: Engine,
    name: str,
    error: KoboMirrorError,
    asset_uid: str | None = None,
    *,
    among_others: bool = False,
) -> None:
    """Note a verification that ended without a result, if the database takes it.

    :param engine: the database.
    :param name: what the verification is noted as.
    :param error: what stopped it.
    :param asset_uid: the key of the form that it is about; None: it is not known.
    :param among_others: as for :func:`note_not_started`; nothing is noted of a form that is not mirrored yet.
    """
    with suppress(KoboMirrorError):
        for uid in _about(engine, asset_uid):
            if uid == asset_uid or not among_others:
                note = partial(failed_runs.note_failed_verification, asset_uid=uid, name=name, error=error)
                transact(engine, note)


def note_error(engine: Engine, run_id: int, error: KoboMirrorError | str) -> None:
    """Note why a run stopped, or ended with an error.

    :param engine: the database.
    :param run_id: the run's id.
    :param error: the error, or a sentence for a person.
    """
    transact(engine, lambda connection: runs.note_error(connection, run_id, error))
