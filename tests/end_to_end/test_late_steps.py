"""Steps of a run that come late or again: they never stop or take up a newer run."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.database.engine import clock
from kobo_mirror.errors import LeaseError
from kobo_mirror.store.leases import LIFETIME
from kobo_mirror.store.tables import leases
from kobo_mirror.sync.mirror import MirrorSync
from tests.support.mirroring import Mirroring
from tests.support.tables import rows_of


def syncing(mirroring: Mirroring, client: Any) -> MirrorSync:
    return MirrorSync(client, mirroring.engine, server=mirroring.mirror.server)


def test_a_step_of_an_older_run_that_comes_late_stops_no_newer_one(mirroring: Mirroring) -> None:
    with mirroring.client() as client:
        sync = syncing(mirroring, client)
        old = sync.prepare("kobo_sync old")
        with mirroring.engine.begin() as connection:
            lapsed = clock(mirroring.engine) - LIFETIME - LIFETIME
            connection.execute(leases.update().values(renewed_at=lapsed))
        new = sync.prepare("kobo_sync new")
        number = rows_of(mirroring.engine, leases)[0]["fencing_number"]
        for step in (lambda: sync.reconcile(old), lambda: sync.finish(old)):
            with pytest.raises(LeaseError):
                step()
        assert rows_of(mirroring.engine, leases)[0]["fencing_number"] == number
        for group in sync.plan(new):
            sync.pull(new, group)
        sync.reconcile(new)
        assert sync.finish(new)["inserted"] == 300


def test_a_run_that_was_given_back_is_not_taken_up_by_its_late_steps(mirroring: Mirroring) -> None:
    with mirroring.client() as client:
        sync = syncing(mirroring, client)
        run_handle = sync.prepare("kobo_sync 1")
        sync.fail(run_handle, "killed")
        for step in (lambda: sync.reconcile(run_handle), lambda: sync.finish(run_handle)):
            with pytest.raises(LeaseError):
                step()


def test_another_attempt_of_a_step_goes_on_with_its_own_run(mirroring: Mirroring) -> None:
    with mirroring.client() as client:
        sync = syncing(mirroring, client)
        run_handle = sync.prepare("kobo_sync 1")
        for group in sync.plan(run_handle):
            sync.pull(run_handle, group)
        sync.reconcile(run_handle)
        sync.reconcile(run_handle)
        first = sync.finish(run_handle)
        assert sync.finish(run_handle) == first  # it had died before it could tell
