"""Drain the refetch queue, and enqueue what neither a pull nor a sweep can see."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.store.batches import Pulled
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.ledger import ids_by_root_uuid, recently_submitted
from kobo_mirror.store.refetch_queue import ROOT, Entry, count_attempt, enqueue, is_id, next_entries, take_off
from kobo_mirror.store.runs import run_row
from kobo_mirror.sync.deletes import ASK_AT_ONCE
from kobo_mirror.sync.paging import ask_halving
from kobo_mirror.sync.source import Source
from kobo_mirror.sync.unreadable import drain_unreadable, note_unreadable

log = logging.getLogger(__name__)

_YOUNG = timedelta(hours=48)
_DRAIN_PASSES = 3


def enqueue_young(source: Source, lease: Lease, run_id: int, *, resumed: bool) -> None:
    """Enqueue what was submitted to a form with media in the last 48 hours.

    Attachments that come late leave the edit token as it is (kobo-api.md §4, §7). What this run has read in
    full is left out.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param run_id: the run's id.
    :param resumed: True if the run goes on with one that stopped: what that has read may be old by now.
    """
    with reading(source.engine) as connection:
        upto = None if resumed else run_row(connection, run_id)["watermark"] or 0
        ids = recently_submitted(connection, source.mirror.asset_uid, upto, _YOUNG)
    if not ids or not source.client.form().has_media:
        return

    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        enqueue(connection, source.mirror.asset_uid, ids, "attachments may come late")

    transact(source.engine, work)


def drain_roots(source: Source, lease: Lease, run_id: int, *, sweeps: bool) -> None:
    """Ask for what is queued by root uuid; enqueue what is gone by its ``_id`` in the ledger.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param run_id: the run's id.
    :param sweeps: True if the run sweeps later, which finds what is gone.
    """
    after = ""
    while entries := _entries(source, after, ROOT):
        sent_at = source.sent_at()
        page, entries = ask_halving(lambda some: source.client.by_root_uuids([e.ref for e in some]), entries)
        states = source.states(page, to_write=True)
        shown = {state.shaped.root_uuid for state in states}
        note_unreadable(source, lease, page.unsent)
        gone = set() if sweeps else {entry.ref for entry in entries if entry.ref not in shown}
        source.writer.pull(Pulled(states=states, sent_at=sent_at, lease=lease, run_id=run_id))
        _take_off_roots(source, lease, entries, gone)
        source.progress("fetch", len(entries), 0)
        after = entries[-1].ref


def _take_off_roots(source: Source, lease: Lease, entries: Sequence[Entry], gone: set[str]) -> None:
    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        asset = source.mirror.asset_uid
        if gone:
            enqueue(connection, asset, ids_by_root_uuid(connection, asset, gone), "the history names it")
        take_off(connection, asset, entries, kind=ROOT)

    transact(source.engine, work)


def drain(source: Source, lease: Lease, run_id: int) -> list[Entry]:
    """Ask for the newest state of every queued submission and write it.

    An entry goes in the transaction that writes the answer. One that was enqueued again since the request was
    sent stays, and the next pass asks for it. What the server could not send before is asked for last.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param run_id: the run's id.
    :returns: the entries that the server had no submission for; they stay in the queue.
    """
    absent: list[Entry] = []
    for _ in range(_DRAIN_PASSES):
        asked, absent = _drain_once(source, lease, run_id)
        if asked == len(absent):
            break
    return absent + drain_unreadable(source, lease, run_id)


def _drain_once(source: Source, lease: Lease, run_id: int) -> tuple[int, list[Entry]]:
    after, asked = "", 0
    absent: list[Entry] = []
    while entries := _entries(source, after):
        sent_at = source.sent_at()
        page, entries = ask_halving(lambda some: source.client.by_ids(_ids(some)), entries)
        present = {str(kobo_id) for kobo_id in page.ids}
        unsent = {str(kobo_id) for kobo_id in page.unsent}
        note_unreadable(source, lease, page.unsent)
        to_take_off = [entry for entry in entries if entry.ref in present]
        states = source.states(page, to_write=True)
        source.writer.pull(
            Pulled(states=states, sent_at=sent_at, lease=lease, run_id=run_id, to_take_off=to_take_off)
        )
        missing = [entry for entry in entries if entry.ref not in present | unsent]
        if missing:
            _count_attempt(source, missing)
        absent += missing
        source.progress("fetch", len(entries), 0)
        after, asked = entries[-1].ref, asked + len(entries) - len(unsent)
    return asked, absent


def _ids(entries: Sequence[Entry]) -> list[int]:
    return sorted(int(entry.ref) for entry in entries)


def _count_attempt(source: Source, entries: Sequence[Entry]) -> None:
    transact(source.engine, lambda connection: count_attempt(connection, source.mirror.asset_uid, entries))


def _entries(source: Source, after: str, kind: str = "id") -> list[Entry]:
    asset = source.mirror.asset_uid
    while True:
        with reading(source.engine) as connection:
            found = next_entries(connection, asset, after=after, limit=ASK_AT_ONCE, kind=kind)
        odd = [entry for entry in found if kind == "id" and not is_id(entry.ref)]
        if not odd:
            return found
        log.warning("The refetch queue held %d entries that are no id: they are dropped.", len(odd))
        transact(source.engine, partial(take_off, asset_uid=asset, entries=odd, kind=kind))
