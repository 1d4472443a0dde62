"""Keep a lease while its holder works, and note in the database how that work ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from sqlalchemy import Engine

from kobo_mirror.database.engine import transact
from kobo_mirror.errors import DatabaseError, KoboMirrorError, LeaseError
from kobo_mirror.forms.schema import Form, Mirror
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.store import failed_runs, runs
from kobo_mirror.store.bindings import bound_to
from kobo_mirror.store.leases import Lease, release_lease, renew_lease

_RENEW_EVERY = 30.0  # seconds; a lease lives for five minutes


@contextmanager
def renewing(engine: Engine, client: KoboClient, lease: Lease, run_id: int) -> Iterator[None]:
    """Renew a lease every 30 seconds while the block runs; then add the block's requests to its run.

    :param engine: the database.
    :param client: the client whose requests and bytes are counted.
    :param lease: the lease that the block works under.
    :param run_id: the run that they are counted for.
    :returns: a context. Nothing is counted where the block fails.
    """
    before = client.usage.requests, client.usage.bytes
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(_RENEW_EVERY):
            try:
                renew_lease(engine, lease)
            except LeaseError:
                return
            except DatabaseError:
                continue

    renewer = threading.Thread(target=renew, name="lease", daemon=True)
    renewer.start()
    try:
        yield
    finally:
        ended.set()
        renewer.join()
    counts = {"requests": client.usage.requests - before[0], "bytes": client.usage.bytes - before[1]}
    transact(engine, lambda connection: runs.add_counts(connection, run_id, counts))


@contextmanager
def releasing_on_error(engine: Engine, lease: Lease) -> Iterator[None]:
    """Give a lease back if the block fails.

    :param engine: the database.
    :param lease: the lease.
    :returns: a context.
    """
    try:
        yield
    except KoboMirrorError:
        release_lease(engine, lease.asset_uid, lease.holder)
        raise


@contextmanager
def noting_not_started(engine: Engine, mirror: Mirror, name: str) -> Iterator[None]:
    """Note a run that fails in the block, before it began: else the run before it would look newest.

    One that finds another sync at work is no failure.

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
    """Note a verification that ends without a result: else the last proof would look like the newest result.

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
