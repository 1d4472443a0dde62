"""Look back: read the server's history, whose end is noted before a run reads its submissions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.kobo.history import Changes, Place, Verdict, end_of_history, read_history
from kobo_mirror.store.lanes import open_lanes
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.ledger import root_uuids_above
from kobo_mirror.store.refetch_queue import enqueue
from kobo_mirror.store.runs import history_until, note_findings, run_row
from kobo_mirror.submissions.document import token
from kobo_mirror.sync.lanes import cut_lanes
from kobo_mirror.sync.source import Source

ROOT = "root"


def plan_from_end_of_history(
    source: Source, run_id: int, start: int, lanes: int, total: int | None = None
) -> None:
    """Open the lanes of a run, and note where the history ends before any of them is read.

    What changes while they are read has its entry behind that place, in a first load too.

    :param source: what the sync works with.
    :param run_id: the run's id.
    :param start: all above this ``_id`` is to be read.
    :param lanes: how many lanes at most.
    :param total: how many submissions lie above ``start``; None where that is not known.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="history") as beside:
        history = beside.submit(end_of_history, source.client)
        bounds = cut_lanes(source.client, start, lanes, total)
        end = history.result()

    def work(connection: Connection) -> None:
        _note(connection, run_id, end)
        open_lanes(connection, source.mirror.asset_uid, run_id, bounds)

    transact(source.engine, work)


def look_back(source: Source, lease: Lease, run_id: int) -> None:
    """Enqueue the submissions that the server's history names, where this token may read it.

    It never replaces a sweep, which sees what the history lacks. But only the history tells of a submission
    whose answers moved while edit token and validation stayed (kobo-api.md §3). What was only added, and was
    read by this run, is left out.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param run_id: the run's id.
    """
    asset = source.mirror.asset_uid
    with reading(source.engine) as connection:
        run = run_row(connection, run_id)
        since = history_until(connection, asset)
    if run["history_until"] is None:
        return
    until = Place(run["history_until"])
    last = Place(*since) if since else None
    changes = read_history(source.client, last if last and last.at <= until.at else None, until)

    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        added = {token(root) or "" for root in changes.added}
        added -= root_uuids_above(connection, asset, run["watermark"] or 0, added)
        roots = added.union(token(root) or "" for root in changes.changed)
        enqueue(connection, asset, roots, "the history names it", kind=ROOT)
        _note(connection, run_id, changes)

    transact(source.engine, work)


def _note(connection: Connection, run_id: int, found: Changes) -> None:
    at, told = found.until or (None, None)
    noted = {"history": found.verdict, "history_until": at, "history_found": told}
    if found.verdict is Verdict.SHORTENED:
        noted["history_gap"] = True
    note_findings(connection, run_id, noted)
