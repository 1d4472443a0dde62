"""Work under a lease: it is renewed meanwhile, and the run's row gets the requests and bytes it took."""

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
def holding(engine: Engine, client: KoboClient, lease: Lease, run_id: int) -> Iterator[None]:
    """Renew the lease while the block runs; count its requests once it has ended well."""
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
    """Give the lease back if the block fails."""
    try:
        yield
    except KoboMirrorError:
        release_lease(engine, lease.asset_uid, lease.holder)
        raise


@contextmanager
def noting_not_started(engine: Engine, mirror: Mirror, name: str) -> Iterator[None]:
    """Note a run that fails in the block, before it begins: else the one before it would look newest.

    :param name: the run's name. One that finds another sync at work is no failure.
    """
    try:
        yield
    except LeaseError:
        raise
    except KoboMirrorError as error:
        note_not_started(engine, mirror.form, name, error)
        raise


def note_not_started(engine: Engine, form: Form, name: str, error: KoboMirrorError) -> None:
    """Note a run that failed before it began; a database that does not take it changes nothing.

    It is noted also where the table mirrors no form yet, and mirrors none by that.
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
    """Note a verification that ends without a result: else its last proof would look like the newest word.

    :param name: the run's name.
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
    """Note a verification that could not tell; a database that does not take it changes nothing."""
    with suppress(KoboMirrorError):
        if bound := bound_to(engine, form):
            transact(
                engine,
                partial(failed_runs.note_failed_verification, asset_uid=bound[1], name=name, error=error),
            )


def note_error(engine: Engine, run_id: int, error: KoboMirrorError | str) -> None:
    """Note why a run stopped, or ended without being well."""
    transact(engine, lambda connection: runs.note_error(connection, run_id, error))
