"""A step whose lease has gone to another attempt changes nothing, whichever part of it comes late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kobo_mirror.errors import LeaseError
from kobo_mirror.forms.kobo_records import KOBO_RECORDS
from kobo_mirror.store.database import transact
from kobo_mirror.store.fetch_list import ask_for
from kobo_mirror.store.leases import Lease, take_lease
from kobo_mirror.store.tables import sync_runs
from kobo_mirror.sync.look_back import ROOT, look_back
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.pull import Source
from kobo_mirror.sync.reconcile import ask_for_young, drain_roots
from kobo_mirror.sync.settle import settle
from kobo_mirror.sync.sweep import sweep
from tests.support.mirroring import Mirroring
from tests.support.tables import fetch_list, ledger, records, rows_of

PARTS: dict[str, Callable[[Source, Lease, int], object]] = {
    "history": look_back,
    "roots": lambda source, lease, run_id: drain_roots(source, lease, run_id, sweeps=False),
    "sweep": sweep,
    "young": lambda source, lease, run_id: ask_for_young(source, lease, run_id, resumed=True),
    "settle": lambda source, lease, run_id: settle(source, lease, run_id, None),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_comes_late_changes_nothing(embedded: Mirroring, part: str) -> None:
    control, engine, asset = embedded.simulator.control, embedded.engine, embedded.simulator.asset
    control.reset(rows=12)
    control.form(media=True)
    control.create(2)
    embedded.sync()
    first, second = control.ids()[:2]
    with embedded.client() as client:
        sync = MirrorSync(client, engine, form=KOBO_RECORDS, server=embedded.mirror.server)
        ticket = sync.prepare("run")
        for group in sync.plan(ticket):
            sync.pull(ticket, group)
        control.edit(first, cd_age="77")
        control.delete(second)
        root = ledger(engine)[first]["root_uuid"]
        transact(engine, lambda connection: ask_for(connection, asset, [first], "test"))
        transact(engine, lambda connection: ask_for(connection, asset, [root], "test", kind=ROOT))
        late = Lease(asset, "run", ticket["fence"])
        take_lease(engine, asset, "run")
        before = records(engine), ledger(engine), fetch_list(engine), rows_of(engine, sync_runs)
        with pytest.raises(LeaseError, match="taken this form over"):
            PARTS[part](sync._source, late, ticket["run_id"])
        assert (records(engine), ledger(engine), fetch_list(engine), rows_of(engine, sync_runs)) == before
