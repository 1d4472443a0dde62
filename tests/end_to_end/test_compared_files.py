"""Which files the daily sweep compares, which it leaves out, and what it does where a row is lost."""

from __future__ import annotations

import pytest

from kobo_mirror.database.engine import clock
from kobo_mirror.errors import LeaseError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.leases import Lease, take_lease
from kobo_mirror.store.tables import forms, sync_runs
from kobo_mirror.sync import sweep_files
from kobo_mirror.sync.mirror import MirrorSync
from tests.support.albums import (
    DAY,
    FILES,
    LONG_AGO,
    files_of,
    later,
    moved,
    pages,
    swept_at,
    synced_long_ago,
)
from tests.support.mirroring import Mirroring
from tests.support.tables import ledger, queued_refs, rows_of, run_sql


def test_a_row_that_was_lost_is_written_again_and_the_submission_stays_as_new_as_it_was(
    small_album: Mirroring,
) -> None:
    ids = synced_long_ago(small_album)
    before = moved(small_album)
    run_sql(
        small_album.engine,
        f"DELETE FROM people__files WHERE kobo_id = {ids[1]} AND file_name = 'p1.png'",
        f"UPDATE people__files SET is_deleted = 1 WHERE kobo_id = {ids[2]}",
    )
    assert not small_album.verify().equal
    small_album.sync(mode="exact")
    assert (small_album.verify().equal, moved(small_album)) == (True, before)


def test_what_the_server_cannot_send_is_left_out_and_all_others_are_compared(small_album: Mirroring) -> None:
    ids = synced_long_ago(small_album, 5)
    control, engine = small_album.simulator.control, small_album.engine
    control.edit(ids[1], n="edited")
    control.poison(ids[1])
    control.faults.add("500", count=None, path=r"/data/\d+\.xml")
    assert small_album.sync(small_album.client(attempts=2), mode="exact")["unreadable"] == 1
    before = ledger(engine)[ids[1]], files_of(small_album, ids[1])
    later(small_album, 2 * DAY)
    for kobo_id, name in ((ids[1], "p1.png"), (ids[3], "p3.png")):
        control.delete_file(kobo_id, name)
    result = small_album.sync(small_album.client(attempts=2), mode="exact")
    assert (result["updated"], result["unreadable"]) == (1, 1)
    assert files_of(small_album, ids[3])["p3.png"] == (True, "pic")
    assert (ledger(engine)[ids[1]], files_of(small_album, ids[1])) == before
    control.faults.clear()
    control.raw(ids[1], {"_geolocation": [None, None]})
    small_album.sync(mode="exact")
    assert files_of(small_album, ids[1])["p1.png"] == (True, "pic")
    assert small_album.verify().equal


def test_a_file_of_what_the_server_can_no_longer_send_waits(small_album: Mirroring) -> None:
    ids = synced_long_ago(small_album, 5)
    control = small_album.simulator.control
    control.poison(ids[1])
    control.faults.add("500", count=None, path=r"/data/\d+\.xml")
    control.delete_file(ids[1], "p1.png")
    result = small_album.sync(small_album.client(attempts=2), mode="exact")
    assert (result["updated"], result["unreadable"]) == (0, 1)
    assert files_of(small_album, ids[1])["p1.png"] == (False, "pic")
    control.faults.clear()
    assert small_album.sync(small_album.client(attempts=2))["updated"] == 1
    assert files_of(small_album, ids[1])["p1.png"] == (True, "pic")


def test_files_that_cannot_be_listed_together_are_read_with_their_submissions(small_album: Mirroring) -> None:
    ids = synced_long_ago(small_album, 5)
    small_album.simulator.control.faults.add("500", count=None, path=FILES)
    small_album.simulator.control.delete_file(ids[3], "p3.png")
    assert small_album.sync(small_album.client(attempts=2), mode="exact")["updated"] == 1
    assert files_of(small_album, ids[3])["p3.png"] == (True, "pic")


def test_a_late_sweep_of_a_lost_lease_changes_nothing(small_album: Mirroring) -> None:
    ids = synced_long_ago(small_album)
    small_album.simulator.control.delete_file(ids[0], "p0.png")
    asset, engine = small_album.simulator.asset, small_album.engine
    with small_album.client() as client:
        sync = MirrorSync(client, engine, server=small_album.mirror.server)
        handle = sync.prepare("run", mode="exact")
        late = Lease(asset, "run", handle.fencing_token)
        take_lease(engine, asset, "run")
        before = ledger(engine), queued_refs(engine), rows_of(engine, sync_runs), rows_of(engine, forms)
        with pytest.raises(LeaseError, match="taken this form over"):
            sweep_files.sweep_files_when_due(sync._source, late, handle.run_id)
        small_album.simulator.control.reset()
        with pytest.raises(LeaseError, match="taken this form over"):
            sweep_files.sweep_files_when_due(sync._source, late, handle.run_id)
        after = ledger(engine), queued_refs(engine), rows_of(engine, sync_runs), rows_of(engine, forms)
        assert after == before


@pytest.mark.parametrize("media", [True, False])
def test_a_declared_table_alone_is_not_compared(embedded: Mirroring, media: bool) -> None:
    embedded.simulator.control.form(media=media)
    for _ in range(2):
        embedded.sync(form=KOBO_RECORDS, mode="exact")
        later(embedded, 3 * DAY)
    assert (pages(embedded), swept_at(embedded)) == ([], None)


def test_a_form_that_never_asked_for_a_file_is_asked_about_once_a_day(embedded: Mirroring) -> None:
    embedded.sync()
    later(embedded, 3 * DAY)
    began = clock(embedded.engine)
    embedded.sync(mode="exact")
    assert (pages(embedded), (swept_at(embedded) or began) > began) == ([], True)


def test_a_photo_beside_a_declared_table_is_compared(embedded: Mirroring) -> None:
    control = embedded.simulator.control
    control.form(media=True)
    kobo_id = control.ids()[0]
    control.raw(kobo_id, LONG_AGO)
    embedded.sync()
    later(embedded, 3 * DAY)
    control.attach(kobo_id)
    assert embedded.sync(mode="exact")["updated"] == 1
    assert embedded.verify().equal
