"""Submissions that the server shows and cannot send: remembered, never deleted, and asked for in every run.

A point that is no number makes every page that holds it a 5xx (kobo-api.md §1.5). The client reads such a
submission without ``_geolocation``; here is what remains.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.store.batches import Pulled
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.refetch_queue import UNREADABLE, Entry, count_attempt, enqueue, is_id, next_entries
from kobo_mirror.sync.deletes import ASK_AT_ONCE
from kobo_mirror.sync.source import Source


def note_unreadable(source: Source, lease: Lease, ids: Sequence[int]) -> None:
    """Enqueue submissions that the server could not send, before the page that lacks them is written.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param ids: the ``_id`` of each.
    """

    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        enqueue(connection, source.mirror.asset_uid, ids, UNREADABLE)

    if ids:
        transact(source.engine, work)


def drain_unreadable(source: Source, lease: Lease, run_id: int) -> list[Entry]:
    """Ask again for what the server could not send, each by itself, and write what it sends now.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param run_id: the run's id.
    :returns: the entries that the server has no submission for any more; they stay in the queue.
    """
    after, absent = "", list[Entry]()
    while entries := _entries(source, after):
        after = entries[-1].ref
        by_id = {int(entry.ref): entry for entry in entries if is_id(entry.ref)}
        shown = set(source.client.shown_among(list(by_id)))
        absent += [entry for kobo_id, entry in by_id.items() if kobo_id not in shown]
        for kobo_id in shown:
            _ask_alone(source, lease, run_id, by_id[kobo_id])
    return absent


def _entries(source: Source, after: str) -> list[Entry]:
    with reading(source.engine) as connection:
        return next_entries(
            connection, source.mirror.asset_uid, after=after, limit=ASK_AT_ONCE, unreadable=True
        )


def _ask_alone(source: Source, lease: Lease, run_id: int, entry: Entry) -> None:
    sent_at = source.sent_at()
    page = source.client.alone(int(entry.ref))
    if page.ids:
        states = source.states(page, to_write=True)
        pulled = Pulled(states=states, sent_at=sent_at, lease=lease, run_id=run_id, to_take_off=[entry])
        source.writer.pull(pulled)
    else:
        transact(
            source.engine,
            lambda connection: count_attempt(connection, source.mirror.asset_uid, [entry]),
        )
    source.progress("fetch", 1, 0)
