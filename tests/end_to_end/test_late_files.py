"""Files that come late or are deleted leave nothing that a sweep sees: they are compared once a day."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from kobo_mirror.database.engine import clock
from kobo_mirror.store.tables import forms, sync_runs, to_fetch
from kobo_mirror.sync import sweep_files
from tests.support.albums import (
    DAY,
    asked_again,
    files_of,
    later,
    moved,
    pages,
    sent,
    swept_at,
    synced_long_ago,
)
from tests.support.crashes import Crash
from tests.support.mirroring import Mirroring
from tests.support.tables import ledger, rows_of

LARGE_FORM: dict[str, Any] = {"exact_up_to": 0, "exact_every_hours": 24 * 365}


def test_a_file_that_comes_after_three_days_is_mirrored_by_the_next_exact_run(album: Mirroring) -> None:
    first, *others = synced_long_ago(album, uploaded=False)
    before = moved(album)
    album.simulator.control.attach(first, "p0.png")
    assert album.sync(mode="exact")["updated"] == 1
    assert files_of(album, first) == {"p0.png": (False, "pic")}
    after = moved(album)
    assert after[first] > before[first]
    assert [after[i] for i in others] == [before[i] for i in others]
    assert (rows_of(album.engine, to_fetch), album.verify().equal) == ([], True)
    assert rows_of(album.engine, sync_runs)[-1]["sweep_found"] == 1


def test_a_file_that_is_deleted_on_the_server_says_so(album: Mirroring) -> None:
    ids = synced_long_ago(album)
    before, digests = moved(album), ledger(album.engine)
    album.simulator.control.delete_file(ids[2], "face 2.png")
    assert album.sync(mode="exact")["updated"] == 1
    assert files_of(album, ids[2]) == {"face 2.png": (True, "portrait"), "p2.png": (False, "pic")}
    assert [kobo_id for kobo_id, moment in moved(album).items() if moment != before[kobo_id]] == [ids[2]]
    now = ledger(album.engine)[ids[2]]
    assert now["document_digest"] != digests[ids[2]]["document_digest"]
    assert now["row_digest"] != digests[ids[2]]["row_digest"]
    assert album.verify().equal


def test_nothing_is_asked_again_where_nothing_changed_and_no_page_read_twice_within_a_day(
    album: Mirroring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_files, "_FIRST_PAGE", 2)
    monkeypatch.setattr(sweep_files, "_LARGEST_PAGE", 3)
    ids = sent(album, 9)
    control = album.simulator.control
    shown = {row["_id"]: row["_attachments"] for row in control.rows(ids)}
    odd = [{"media_file_basename": "x.png"}, "?", *shown[ids[1]], shown[ids[1]][0] | {"is_deleted": True}]
    control.raw(ids[1], {"_attachments": odd})
    control.raw(ids[2], {"_attachments": [shown[ids[2]][0] | {"is_deleted": None, "bytes": 7}]})
    control.raw(ids[3], {"_attachments": None})
    control.raw(ids[4], {"_attachments": "none"})
    control.raw(ids[5], {}, remove=["_attachments"])
    album.sync()
    assert not pages(album), "a run that reads every submission whole has its files"
    later(album, 3 * DAY)
    before = moved(album), ledger(album.engine)
    assert album.sync(mode="exact")["updated"] == 0
    assert max(Counter(pages(album)).values()) == 1
    assert len(pages(album)) == 4
    assert not asked_again(album)
    for minutes in (0, 22 * 60):
        later(album, minutes)
        album.sync(mode="exact")
    assert len(pages(album)) == 4
    assert before[0] == moved(album)
    later(album, 70)
    album.sync(mode="exact")
    assert len(pages(album)) == 8
    assert (asked_again(album), album.verify().equal) == ([], True)


def test_a_sweep_that_is_killed_begins_again_in_the_next_run(
    small_album: Mirroring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_files, "_FIRST_PAGE", 2)
    monkeypatch.setattr(sweep_files, "_LARGEST_PAGE", 2)
    ids = synced_long_ago(small_album, 6)
    noted = swept_at(small_album)
    for kobo_id, name in ((ids[0], "p0.png"), (ids[5], "p5.png")):
        small_album.simulator.control.delete_file(kobo_id, name)
    client = small_album.client()
    ask, asked = client.files_page, list[int]()

    def page(**window: Any) -> Any:
        asked.append(window["after"])
        if len(asked) == 2:
            raise Crash
        return ask(**window)

    monkeypatch.setattr(client, "files_page", page)
    with pytest.raises(Crash):
        small_album.sync(client, mode="exact")
    assert swept_at(small_album) == noted
    assert {row["reason"] for row in rows_of(small_album.engine, to_fetch)} == {sweep_files.REASON}
    small_album.simulator.control.clear_requests()
    small_album.sync()
    assert len(pages(small_album)) == 3
    assert files_of(small_album, ids[0])["p0.png"] == files_of(small_album, ids[5])["p5.png"] == (True, "pic")
    assert noted is not None
    assert (swept_at(small_album) or noted) > noted
    assert small_album.verify().equal


def test_incremental_runs_do_not_compare_files(small_album: Mirroring) -> None:
    ids = sent(small_album, 3)
    for _ in range(3):
        small_album.sync(**LARGE_FORM)
        later(small_album, 30)
    later(small_album, 3 * DAY)
    small_album.simulator.control.clear_requests()
    small_album.simulator.control.delete_file(ids[0], "p0.png")
    noted = swept_at(small_album)
    assert small_album.sync(mode="incremental", **LARGE_FORM)["mode"] == "incremental"
    assert (pages(small_album), swept_at(small_album)) == ([], noted)
    small_album.sync(mode="exact", **LARGE_FORM)
    assert files_of(small_album, ids[0])["p0.png"] == (True, "pic")


def test_a_run_that_reads_everything_has_read_the_files(small_album: Mirroring) -> None:
    ids = synced_long_ago(small_album)
    small_album.simulator.control.delete_file(ids[0], "p0.png")
    began = clock(small_album.engine)
    assert small_album.sync(mode="exact", since=0)["updated"] == 1
    assert (pages(small_album), (swept_at(small_album) or began) > began) == ([], True)


def test_a_moment_of_the_future_counts_as_none(small_album: Mirroring) -> None:
    synced_long_ago(small_album)
    with small_album.engine.begin() as connection:
        ahead = clock(small_album.engine) + timedelta(days=40)
        connection.execute(update(forms).values(files_swept_at=ahead))
    small_album.sync(mode="exact")
    assert len(pages(small_album)) == 1
    assert (swept_at(small_album) or ahead) < ahead
