"""Completeness: compare the number of submissions in the ledger with what the server shows."""

from __future__ import annotations

from sqlalchemy import Connection

from kobo_mirror.database.engine import reading
from kobo_mirror.store import runs, totals
from kobo_mirror.store.ledger import existing_among, newest_existing
from kobo_mirror.store.refetch_queue import unreadable_ids
from kobo_mirror.sync.source import Source

_AT_ONCE = 500


def holds_all(source: Source, run_id: int) -> bool:
    """Return True if the ledger holds as many submissions as the server shows, up to the newest one it knows.

    Those that it cannot send count as held: the refetch queue has them. Newer ones are left to the next run.
    Where the token sees only some submissions, a count proves nothing, and the answer is True.

    :param source: what the sync works with.
    :param run_id: the run's id.
    """
    asset = source.mirror.asset_uid
    with reading(source.engine) as connection:
        run = runs.run_row(connection, run_id)
        found = totals.totals(connection, asset)
        counted = totals.counted_by_server(connection, asset)
        newest = _newest(connection, asset)
        unsent = _never_sent(connection, asset)
    held = found["applied"] + found["rejected"]
    if run["sees_part"] or counted == held + len(unsent):
        return True
    shown = source.client.count()
    if shown == held + len(unsent) or not newest:
        return shown == held + len(unsent)
    up_to_newest = held + sum(kobo_id <= newest for kobo_id in unsent)
    return shown - source.client.count(after=newest) == up_to_newest


def _never_sent(connection: Connection, asset_uid: str) -> list[int]:
    """Return the submissions that the server shows, and that the ledger lacks since they cannot be sent."""
    ids = unreadable_ids(connection, asset_uid)
    parts = (ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE))
    held = {kobo_id for part in parts for kobo_id in existing_among(connection, asset_uid, part)}
    return [kobo_id for kobo_id in ids if kobo_id not in held]


def _newest(connection: Connection, asset_uid: str) -> int:
    """Return the highest ``_id`` that the ledger holds, or that a run was shown."""
    last = runs.last_finished(connection, asset_uid)
    return max(newest_existing(connection, asset_uid) or 0, (last["highest_id"] if last else None) or 0)


def missed_history(source: Source, run_id: int) -> bool:
    """Return True if this run found the history cut off before the place up to which it had been read.

    :param source: what the sync works with.
    :param run_id: the run's id.
    """
    with reading(source.engine) as connection:
        return bool(runs.run_row(connection, run_id)["history_gap"])
