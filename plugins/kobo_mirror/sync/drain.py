"""Reconcile: further doubts beside those of the sweep, and the drain that asks for what is doubted."""

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
from kobo_mirror.store.refetch_queue import Entry, count_attempt, enqueue, is_id, next_entries, settle
from kobo_mirror.store.runs import run_row
from kobo_mirror.sync.deletes import ASK_AT_ONCE
from kobo_mirror.sync.look_back import ROOT
from kobo_mirror.sync.pull import Source, as_many

log = logging.getLogger(__name__)

_YOUNG = timedelta(hours=48)
_DRAIN_PASSES = 3


def enqueue_young(source: Source, lease: Lease, run_id: int, *, resumed: bool) -> None:
    """Ask again for young submissions of a form with media: late attachments keep the edit token.

    Those which this run has read in full are left out (kobo-api.md §4, §7).

    :param resumed: the run goes on with one that stopped: what that had read may be old by now.
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
    """Ask for what is on the list by root uuid; what is gone goes on the list by the ledger's id.

    :param sweeps: this run sweeps after this, which finds what is gone.
    """
    after = ""
    while entries := _entries(source, after, ROOT):
        sent_at = source.sent_at()
        page, entries = as_many(lambda some: source.client.by_root_uuids([e.ref for e in some]), entries)
        states = source.states(page, to_write=True)
        shown = {state.shaped.root_uuid for state in states}
        gone = set() if sweeps else {entry.ref for entry in entries if entry.ref not in shown}
        source.writer.pull(Pulled(states=states, sent_at=sent_at, lease=lease, run_id=run_id))
        _settle_roots(source, lease, entries, gone)
        source.progress("fetch", len(entries), 0)
        after = entries[-1].ref


def _settle_roots(source: Source, lease: Lease, entries: Sequence[Entry], gone: set[str]) -> None:
    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        asset = source.mirror.asset_uid
        if gone:
            enqueue(connection, asset, ids_by_root_uuid(connection, asset, gone), "the history names it")
        settle(connection, asset, entries, kind=ROOT)

    transact(source.engine, work)


def drain(source: Source, lease: Lease, run_id: int) -> list[Entry]:
    """Ask for the newest state of everything on the fetch list and write it.

    An entry goes in the transaction that settled it, unless somebody asked again meanwhile; then the next
    pass has it.

    :returns: the entries that the server had no submission for; they stay on the list.
    """
    absent: list[Entry] = []
    for _ in range(_DRAIN_PASSES):
        asked, absent = _drain_once(source, lease, run_id)
        if asked == len(absent):
            break
    return absent


def _drain_once(source: Source, lease: Lease, run_id: int) -> tuple[int, list[Entry]]:
    after, asked = "", 0
    absent: list[Entry] = []
    while entries := _entries(source, after):
        sent_at = source.sent_at()
        page, entries = as_many(lambda some: source.client.by_ids(_ids(some)), entries)
        present = {str(kobo_id) for kobo_id in page.ids}
        settled = [entry for entry in entries if entry.ref in present]
        states = source.states(page, to_write=True)
        source.writer.pull(
            Pulled(states=states, sent_at=sent_at, lease=lease, run_id=run_id, settled=settled)
        )
        missing = [entry for entry in entries if entry.ref not in present]
        if missing:
            _count_attempt(source, missing)
        absent += missing
        source.progress("fetch", len(entries), 0)
        after, asked = entries[-1].ref, asked + len(entries)
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
        log.warning("The fetch list held %d entries that are no id: they are dropped.", len(odd))
        transact(source.engine, partial(settle, asset_uid=asset, entries=odd, kind=kind))
