"""Reconcile: compare what the pull does not see, ask again for what may have changed, delete what is gone."""

from __future__ import annotations

from kobo_mirror.errors import DeletesWaitError
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.mode_names import EXACT
from kobo_mirror.sync.completeness import holds_all, missed_history
from kobo_mirror.sync.drain import drain_roots, enqueue_young
from kobo_mirror.sync.failed_deliveries import enqueue_failed_deliveries
from kobo_mirror.sync.failure_notes import note_error
from kobo_mirror.sync.look_back import look_back
from kobo_mirror.sync.run_handle import RunHandle
from kobo_mirror.sync.settle import settle
from kobo_mirror.sync.source import Source
from kobo_mirror.sync.sweep import sweep
from kobo_mirror.sync.sweep_files import sweep_files_when_due


def reconcile(source: Source, lease: Lease, run_handle: RunHandle, confirm: str | None) -> None:
    """Sweep, if the run is exact, drain the refetch queue, and delete what is proven to be gone.

    A run becomes exact where a part of the history was missed, or where the ledger does not hold as many
    submissions as the server shows. Deletes that wait are noted with the run.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param run_handle: the run.
    :param confirm: the code of a waiting list of deletes that a person has confirmed, or None.
    :raises LeaseError: another sync has taken the lease over.
    """
    run_id = run_handle.run_id
    enqueue_failed_deliveries(source, lease)
    look_back(source, lease, run_id)
    exact = run_handle.mode == EXACT or missed_history(source, run_id)
    # A sweep finds what is gone by itself.
    drain_roots(source, lease, run_id, sweeps=exact)
    if exact:
        _sweep(source, lease, run_handle)
    try:
        settle(source, lease, run_id, confirm, exact=exact)
        if not holds_all(source, run_id):
            _sweep(source, lease, run_handle, anew=True)
            settle(source, lease, run_id, None, exact=True)
    except DeletesWaitError as waiting:
        note_error(source.engine, run_id, waiting)


def _sweep(source: Source, lease: Lease, run_handle: RunHandle, *, anew: bool = False) -> None:
    sweep(source, lease, run_handle.run_id, anew=anew)
    enqueue_young(source, lease, run_handle.run_id, resumed=run_handle.resumed)
    sweep_files_when_due(source, lease, run_handle.run_id)
