"""Reconcile: the sweep finds every doubt, the drain asks for the newest state of what is doubted."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from kobo_mirror.forms.submission import parse, token, validation
from kobo_mirror.forms.submission import text_of as text
from kobo_mirror.store.database import reading, transact
from kobo_mirror.store.fetch_list import Entry, ask_for, next_entries
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.ledger import Seen, seen_between
from kobo_mirror.store.runs import add_counts
from kobo_mirror.store.writer import Pulled
from kobo_mirror.sync.pull import Source
from kobo_mirror.sync.removal import ASK_AT_ONCE

SWEEP_PAGE = 1000
_DRAIN_PASSES = 3


def sweep(source: Source, lease: Lease, run_id: int) -> int:
    """Walk ``_id, _uuid, _validation_status`` of all beside the ledger; put differences on the fetch list.

    Both are in the order of ``_id``, so memory stays the same whatever the form's size.

    :returns: how many doubts were found.
    """
    after, found, last_page = 0, 0, False
    while not last_page:
        page = source.client.sweep_page(after=after, limit=SWEEP_PAGE)
        last_page = not page.ids
        upto = None if last_page else page.ids[-1]
        shown = {seen.kobo_id: seen for seen in map(read_seen, page.rows)}
        with reading(source.engine) as connection:
            held = seen_between(connection, source.mirror.asset_uid, after, upto)
        doubts = doubtful(shown, held)
        highest = page.ids[-1] if page.ids else None
        if doubts or highest:
            _note(source, lease, run_id, doubts, highest)
        found += len(doubts)
        source.progress("sweep", len(page.ids), page.count if after == 0 else None)
        after = highest or after
    return found


def read_seen(row: msgspec.Raw) -> Seen:
    """One row of a sweep."""
    data = parse(row)
    status, stamp = validation(data)
    return Seen(data["_id"], token(text(data, "_uuid")), status, stamp)


def doubtful(shown: dict[int, Seen], held: dict[int, Seen]) -> list[int]:
    """Ids that only one side has, or that differ in what a sweep can see."""
    return sorted(
        kobo_id for kobo_id in shown.keys() | held.keys() if shown.get(kobo_id) != held.get(kobo_id)
    )


def _note(source: Source, lease: Lease, run_id: int, doubts: Sequence[int], highest: int | None) -> None:
    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        ask_for(connection, source.mirror.asset_uid, doubts, "the sweep saw a difference")
        add_counts(connection, run_id, {}, highest_id=highest)

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
        page = source.client.by_ids(sorted(int(entry.ref) for entry in entries))
        present = {str(kobo_id) for kobo_id in page.ids}
        settled = [entry for entry in entries if entry.ref in present]
        source.writer.pull(
            Pulled(states=source.states(page), sent_at=sent_at, lease=lease, run_id=run_id, settled=settled)
        )
        absent += [entry for entry in entries if entry.ref not in present]
        source.progress("fetch", len(entries), None)
        after, asked = entries[-1].ref, asked + len(entries)
    return asked, absent


def _entries(source: Source, after: str) -> list[Entry]:
    with reading(source.engine) as connection:
        return next_entries(connection, source.mirror.asset_uid, after=after, limit=ASK_AT_ONCE)
