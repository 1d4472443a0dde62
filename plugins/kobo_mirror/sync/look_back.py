"""Look back: enqueue what the server's history names since the place where it ended for the run before."""

from __future__ import annotations

from sqlalchemy import Connection

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.kobo.history import Changes, Place, Verdict, read_history
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.ledger import root_uuids_above
from kobo_mirror.store.refetch_queue import ROOT, enqueue
from kobo_mirror.store.runs import history_until, note_findings, run_row
from kobo_mirror.submissions.document import token
from kobo_mirror.sync.source import Source


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
        note_history(connection, run_id, changes)

    transact(source.engine, work)


def note_history(connection: Connection, run_id: int, found: Changes) -> None:
    """Note in a run's row what its history said, and up to which place.

    :param connection: an open transaction.
    :param run_id: the run's id.
    :param found: what was read of the history.
    """
    at, told = found.until or (None, None)
    noted = {"history": found.verdict, "history_until": at, "history_found": told}
    if found.verdict is Verdict.SHORTENED:
        noted["history_gap"] = True
    note_findings(connection, run_id, noted)
