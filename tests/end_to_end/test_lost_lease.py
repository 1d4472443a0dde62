"""A step whose lease has gone to another attempt changes nothing, whichever part of it comes late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kobo_mirror.database.engine import transact
from kobo_mirror.errors import LeaseError
from kobo_mirror.store.leases import Lease, take_lease
from kobo_mirror.store.refetch_queue import ROOT, enqueue
from kobo_mirror.store.tables import sync_runs
from kobo_mirror.sync.drain import drain_roots, enqueue_young
from kobo_mirror.sync.look_back import look_back
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.settle import settle
from kobo_mirror.sync.source import Source
from kobo_mirror.sync.sweep import sweep
from tests.support.mirroring import Mirroring
from tests.support.tables import ledger, queued_refs, records, rows_of

PARTS: dict[str, Callable[[Source, Lease, int], object]] = {
    "history": look_back,
    "roots": lambda source, lease, run_id: drain_roots(source, lease, run_id, sweeps=False),
    "sweep": sweep,
    "young": lambda source, lease, run_id: enqueue_young(source, lease, run_id, resumed=True),
    "settle": lambda source, lease, run_id: settle(source, lease, run_id, None),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_late_step_of_a_lost_lease_changes_nothing(embedded: Mirroring, part: str) -> None:
    control, engine, asset = embedded.simulator.control, embedded.engine, embedded.simulator.asset
    control.reset(rows=12)
    control.form(media=True)
    control.create(2)
    embedded.sync()
    first, second = control.ids()[:2]
    with embedded.client() as client:
        sync = MirrorSync(client, engine, server=embedded.mirror.server)
        run_handle = sync.prepare("run")
        for group in sync.plan(run_handle):
            sync.pull(run_handle, group)
        control.edit(first, cd_age="77")
        control.delete(second)
        root = ledger(engine)[first]["root_uuid"]
        transact(engine, lambda connection: enqueue(connection, asset, [first], "test"))
        transact(engine, lambda connection: enqueue(connection, asset, [root], "test", kind=ROOT))
        late = Lease(asset, "run", run_handle.fencing_token)
        take_lease(engine, asset, "run")
        before = records(engine), ledger(engine), queued_refs(engine), rows_of(engine, sync_runs)
        with pytest.raises(LeaseError, match="taken this form over"):
            PARTS[part](sync._source, late, run_handle.run_id)
        assert (records(engine), ledger(engine), queued_refs(engine), rows_of(engine, sync_runs)) == before
