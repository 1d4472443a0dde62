"""Keep a lease while its holder works, and give it back where that work fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from kobo_mirror.database.engine import transact
from kobo_mirror.errors import DatabaseError, KoboMirrorError, LeaseError
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.store import runs
from kobo_mirror.store.leases import Lease, release_lease, renew_lease

_RENEW_EVERY = 30.0  # seconds; a lease lives for five minutes


@contextmanager
def renewing(engine: Engine, client: KoboClient, lease: Lease, run_id: int) -> Iterator[None]:
    """Renew a lease every 30 seconds while the block runs; then count the client's requests for the run.

    :param engine: the database.
    :param client: the client that the block uses: its requests and bytes are counted.
    :param lease: the lease to renew.
    :param run_id: the run whose counts are raised.
    :returns: a context; if its block fails, nothing is counted.
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
    """Release a lease if the block fails; otherwise it stays taken.

    :param engine: the database.
    :param lease: the lease.
    :returns: a context; what the block raises goes on.
    """
    try:
        yield
    except KoboMirrorError:
        release_lease(engine, lease.asset_uid, lease.holder)
        raise
