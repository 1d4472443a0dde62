"""Reconcile: the sweep finds every doubt, the drain asks for the newest state of what is doubted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from sqlalchemy import Connection

from kobo_mirror.errors import SubmissionError
from kobo_mirror.forms.submission import parse, token, validation
from kobo_mirror.forms.submission import text_of as text
from kobo_mirror.kobo.history import read_history
from kobo_mirror.store.database import reading, transact
from kobo_mirror.store.exchange import Pulled
from kobo_mirror.store.fetch_list import Entry, ask_for, count_attempt, next_entries, settle
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.ledger import Seen, ids_of_roots, seen_between, young
from kobo_mirror.store.runs import add_counts, history_until, note_findings, run_row
from kobo_mirror.sync.pull import Source, as_many, is_end
from kobo_mirror.sync.removal import ASK_AT_ONCE

SWEEP_PAGE = 1000
ROOT = "root"
_YOUNG = timedelta(hours=48)
_DRAIN_PASSES = 3


def sweep(source: Source, lease: Lease, run_id: int) -> int:
    """Walk ``_id, _uuid, _validation_status`` of all beside the ledger; put differences on the fetch list.

    Both are in the order of ``_id``, so memory stays the same whatever the form's size.

    :returns: how many doubts were found.
    """
    after, found, done = 0, 0, False
    while not done:
        page = source.client.sweep_page(after=after, limit=SWEEP_PAGE)
        if not page.ids:
            done = is_end(source.client, after)
            continue
        shown = dict(zip(page.ids, map(read_seen, page.rows, page.ids), strict=True))
        with reading(source.engine) as connection:
            held = seen_between(connection, source.mirror.asset_uid, after, page.ids[-1])
        found += _note_doubts(source, lease, run_id, doubtful(shown, held), page.ids[-1])
        source.progress("sweep", len(page.ids), page.count if after == 0 else None)
        after = page.ids[-1]
    found += _sweep_rest(source, lease, run_id, after)
    transact(source.engine, lambda connection: note_findings(connection, run_id, {"sweep_found": found}))
    return found


def _sweep_rest(source: Source, lease: Lease, run_id: int, after: int) -> int:
    """Doubt whatever the ledger holds above the last submission that the server shows."""
    found = 0
    while True:
        with reading(source.engine) as connection:
            held = seen_between(connection, source.mirror.asset_uid, after, None, limit=SWEEP_PAGE)
        if not held:
            return found
        found += _note_doubts(source, lease, run_id, sorted(held), None)
        after = max(held)


def read_seen(row: msgspec.Raw, kobo_id: int) -> Seen:
    """One row of a sweep; of one that cannot be read nothing is known, so that it is asked for."""
    try:
        data = parse(row)
    except SubmissionError:
        data = {}
    status, stamp = validation(data)
    return Seen(kobo_id, token(text(data, "_uuid")), status, stamp)


def doubtful(shown: dict[int, Seen], held: dict[int, Seen]) -> list[int]:
    """Ids that only one side has, or that differ in what a sweep can see."""
    return sorted(
        kobo_id for kobo_id in shown.keys() | held.keys() if shown.get(kobo_id) != held.get(kobo_id)
    )


def _note_doubts(
    source: Source, lease: Lease, run_id: int, doubts: Sequence[int], highest: int | None
) -> int:
    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        ask_for(connection, source.mirror.asset_uid, doubts, "the sweep saw a difference")
        add_counts(connection, run_id, {}, highest_id=highest)

    transact(source.engine, work)
    return len(doubts)


def look_back(source: Source, lease: Lease, run_id: int, *, swept: bool) -> None:
    """Put what the server's history tells of on the fetch list, where this token may read it.

    It fills the time between two sweeps and never replaces one: what it missed, the next sweep sees.

    :param swept: this run sweeps, so that only the place to go on from is wanted.
    """
    with reading(source.engine) as connection:
        since = None if swept else history_until(connection, source.mirror.asset_uid)
    changes = read_history(source.client, since)

    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        roots = [token(root) or "" for root in changes.root_uuids]
        ask_for(connection, source.mirror.asset_uid, roots, "the history names it", kind=ROOT)
        found = {"history": changes.verdict, "history_found": len(roots), "history_until": changes.until}
        note_findings(connection, run_id, found)

    transact(source.engine, work)


def ask_for_young(source: Source, lease: Lease, run_id: int, *, resumed: bool) -> None:
    """Ask again for young submissions of a form with media: late attachments keep the edit token.

    Those which this run has read in full are left out (kobo-api.md §4, §7).

    :param resumed: the run goes on with one that stopped: what that had read may be old by now.
    """
    if not source.client.form().has_media:
        return

    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        upto = None if resumed else run_row(connection, run_id)["watermark"] or 0
        ids = young(connection, source.mirror.asset_uid, upto, _YOUNG)
        ask_for(connection, source.mirror.asset_uid, ids, "attachments may come late")

    transact(source.engine, work)


def drain_roots(source: Source, lease: Lease, run_id: int) -> None:
    """Ask for what is on the list by root uuid; what is gone goes on the list by the ledger's id."""
    after = ""
    while entries := _entries(source, after, ROOT):
        sent_at = source.sent_at()
        page, entries = as_many(lambda some: source.client.by_root_uuids([e.ref for e in some]), entries)
        states = source.states(page)
        shown = {state.shaped.root_uuid for state in states}
        gone = {entry.ref for entry in entries if entry.ref not in shown}
        source.writer.pull(Pulled(states=states, sent_at=sent_at, lease=lease, run_id=run_id))
        _settle_roots(source, lease, entries, gone)
        source.progress("fetch", len(entries), None)
        after = entries[-1].ref


def _settle_roots(source: Source, lease: Lease, entries: Sequence[Entry], gone: set[str]) -> None:
    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        asset = source.mirror.asset_uid
        if gone:
            ask_for(connection, asset, ids_of_roots(connection, asset, gone), "the history names it")
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
        source.writer.pull(
            Pulled(states=source.states(page), sent_at=sent_at, lease=lease, run_id=run_id, settled=settled)
        )
        missing = [entry for entry in entries if entry.ref not in present]
        if missing:
            _count_attempt(source, missing)
        absent += missing
        source.progress("fetch", len(entries), None)
        after, asked = entries[-1].ref, asked + len(entries)
    return asked, absent


def _ids(entries: Sequence[Entry]) -> list[int]:
    return sorted(int(entry.ref) for entry in entries)


def _count_attempt(source: Source, entries: Sequence[Entry]) -> None:
    transact(source.engine, lambda connection: count_attempt(connection, source.mirror.asset_uid, entries))


def _entries(source: Source, after: str, kind: str = "id") -> list[Entry]:
    with reading(source.engine) as connection:
        return next_entries(connection, source.mirror.asset_uid, after=after, limit=ASK_AT_ONCE, kind=kind)
