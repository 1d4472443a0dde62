"""Repair: believe nothing of what is held of some submissions, and bring in what the server shows."""

from __future__ import annotations

from collections.abc import Sequence

from kobo_mirror.database.engine import transact
from kobo_mirror.errors import DeletesWaitError, KoboMirrorError
from kobo_mirror.store import runs
from kobo_mirror.store.leases import process_holder, release_lease, take_lease
from kobo_mirror.store.schema import check_binding
from kobo_mirror.sync.deletes import ASK_AT_ONCE
from kobo_mirror.sync.lease_keeper import holding, note_error
from kobo_mirror.sync.pull import Source
from kobo_mirror.sync.settle import settle


def ask_again(source: Source, ids: Sequence[int], confirm: str | None) -> None:
    """Ask for these submissions and write them anew, in a run of its own that is no sync.

    :param confirm: the code of a list of deletes that a person has confirmed.
    :raises LeaseError: a sync holds this form.
    :raises DeletesWaitError: deletes wait for a person's word, of these or of others; all else was done.
    """
    waiting: DeletesWaitError | None = None
    engine, asset = source.engine, source.mirror.asset_uid
    check_binding(engine, source.mirror)
    lease = take_lease(engine, asset, process_holder(runs.REPAIR))
    run_id = transact(engine, lambda c: runs.open_run(c, asset, lease.holder, runs.REPAIR, None))
    try:
        with holding(engine, source.client, lease, run_id):
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
