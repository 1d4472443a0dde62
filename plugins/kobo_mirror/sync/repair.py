"""Repair: write some submissions anew, as the server shows them, whatever is stored."""

from __future__ import annotations

from collections.abc import Sequence

from kobo_mirror.database.engine import transact
from kobo_mirror.errors import DeletesWaitError, KoboMirrorError
from kobo_mirror.store import runs
from kobo_mirror.store.leases import process_holder, release_lease, take_lease
from kobo_mirror.sync.deletes import ASK_AT_ONCE
from kobo_mirror.sync.failure_notes import note_error
from kobo_mirror.sync.lease_keeper import renewing
from kobo_mirror.sync.settle import settle
from kobo_mirror.sync.source import Source


def repair(source: Source, ids: Sequence[int], confirm: str | None) -> None:
    """Invalidate some submissions, ask for them and write them anew, in a run of the mode ``repair``.

    :param source: what the sync works with.
    :param ids: the ``_id`` of each submission.
    :param confirm: the code of a list of deletes that a person has confirmed, or None.
    :raises LeaseError: a sync has the lease.
    :raises DeletesWaitError: deletes wait to be confirmed, of these or of others; all else was done.
    """
    waiting: DeletesWaitError | None = None
    engine, asset = source.engine, source.mirror.asset_uid
    lease = take_lease(engine, asset, process_holder(runs.REPAIR))
    run_id = transact(engine, lambda c: runs.open_run(c, asset, lease.holder, runs.REPAIR, None))
    try:
        with renewing(engine, source.client, lease, run_id):
            for first in range(0, len(ids), ASK_AT_ONCE):
                source.writer.invalidate(ids[first : first + ASK_AT_ONCE], lease)
            try:
                settle(source, lease, run_id, confirm)
            except DeletesWaitError as error:
                waiting = error
                note_error(engine, run_id, error)
        transact(engine, lambda connection: runs.finish_run(connection, run_id))
    except KoboMirrorError as problem:
        note_error(engine, run_id, problem)
        raise
    finally:
        release_lease(engine, asset, lease.holder)
    if waiting:
        raise waiting
