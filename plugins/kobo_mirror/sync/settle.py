"""Settle: drain the refetch queue, delete what is gone, and count whether every row is there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import DeletesWaitError
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.refetch_queue import unreadable_ids
from kobo_mirror.store.row_counts import (
    BEFORE_ALL,
    correct_totals,
    count_rows,
    differing,
    differs_below_the_root,
    largest_difference,
    misplaced_declared,
    misplaced_in_root,
    totals_differ,
)
from kobo_mirror.store.runs import note_findings
from kobo_mirror.sync.deletes import ASK_AT_ONCE, remove_absent
from kobo_mirror.sync.drain import drain
from kobo_mirror.sync.source import Source

_Look = Callable[..., list[int]]
"""Finds submissions whose rows are others than they should be, in the order of ``_id``."""
_LOOKS: tuple[_Look, ...] = (misplaced_declared, misplaced_in_root)


def settle(source: Source, lease: Lease, run_id: int, confirm: str | None, *, exact: bool = False) -> None:
    """Drain the refetch queue, delete what is gone, and bring rows and totals together.

    An exact run counts all tables, any other the declared table and the root. The difference in number that
    remains is noted in the run's row as ``count_difference``, and how many submissions the server shows and
    cannot send as ``unreadable``.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param run_id: the run's id.
    :param confirm: the code of a list of deletes that a person has confirmed, or None.
    :param exact: look for each row, also where their number is right.
    :raises DeletesWaitError: deletes wait to be confirmed; all else was done.
    """
    waiting: DeletesWaitError | None = None
    try:
        _drain_and_remove(source, lease, run_id, confirm)
    except DeletesWaitError as error:
        waiting = error
    was_wrong = _invalidate_misplaced(source, lease, exact=exact)
    if was_wrong:
        try:
            _drain_and_remove(source, lease, run_id, None)
        except DeletesWaitError as error:
            waiting = error
    difference = _difference(source)
    if difference or (exact and _totals_differ(source)):
        transact(source.engine, lambda connection: correct_totals(connection, source.mirror))
        difference = _difference(source)
    if was_wrong and exact:  # else the other tables were right just now
        difference = _difference(source, whole=True)
    found = {"count_difference": difference, "unreadable": _unreadable(source)}
    transact(source.engine, lambda connection: note_findings(connection, run_id, found))
    if waiting:
        raise waiting


def _drain_and_remove(source: Source, lease: Lease, run_id: int, confirm: str | None) -> None:
    """Drain the refetch queue and delete what is gone; what came back meanwhile is asked for again."""
    absent = drain(source, lease, run_id)
    if remove_absent(source, lease, run_id, absent, confirm):
        drain(source, lease, run_id)


def _difference(source: Source, *, whole: bool = False) -> int:
    with reading(source.engine) as connection:
        return largest_difference(count_rows(connection, source.mirror, whole=whole))


def _differs_below_the_root(source: Source) -> bool:
    with reading(source.engine) as connection:
        return differs_below_the_root(connection, source.mirror)


def _unreadable(source: Source) -> int:
    with reading(source.engine) as connection:
        return len(unreadable_ids(connection, source.mirror.asset_uid))


def _totals_differ(source: Source) -> bool:
    with reading(source.engine) as connection:
        return totals_differ(connection, source.mirror)


def _invalidate_misplaced(source: Source, lease: Lease, *, exact: bool) -> bool:
    """Invalidate submissions whose rows are missing or should not be there; True if any table is wrong.

    The tables are looked through at once, since a query keeps one core of the database busy.
    """
    if not exact and not _difference(source):
        return False
    with ThreadPoolExecutor(max_workers=len(_LOOKS) + 1, thread_name_prefix="look") as pool:
        looking_below = pool.submit(_differs_below_the_root, source) if exact else None
        found = any([*pool.map(partial(_invalidate, source, lease), _LOOKS)])
    if looking_below and looking_below.result():
        _invalidate(source, lease, differing)
        return True
    return found


def _invalidate(source: Source, lease: Lease, look: _Look) -> bool:
    after = BEFORE_ALL
    while ids := _found(source, look, after):
        source.writer.invalidate(ids, lease)
        after = ids[-1]
    return after > BEFORE_ALL


def _found(source: Source, look: _Look, after: int) -> list[int]:
    with reading(source.engine) as connection:
        return look(connection, source.mirror, after=after, limit=ASK_AT_ONCE)
