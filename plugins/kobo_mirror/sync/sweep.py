"""Sweep: compare id, edit token and validation of every submission on the server with the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

import msgspec
from sqlalchemy import Connection

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import SubmissionError
from kobo_mirror.kobo.form import Page, Swept
from kobo_mirror.store.lanes import cover, lanes
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.ledger_windows import SweptRow, stored_window_text, swept_rows_between, window_text
from kobo_mirror.store.mode_names import EXACT
from kobo_mirror.store.refetch_queue import enqueue
from kobo_mirror.store.runs import add_counts, note_findings
from kobo_mirror.store.totals import counted_by_server
from kobo_mirror.submissions.document import first_levels, parse, stamp_of, text_of, token, validation
from kobo_mirror.sync.lanes import cut_lanes, walk_concurrently
from kobo_mirror.sync.paging import page_or_end
from kobo_mirror.sync.source import Source

SWEEP_PAGE = 1000
_HELD_AT_ONCE = 5_000


def sweep(source: Source, lease: Lease, run_id: int, *, anew: bool = False) -> int:
    """Compare ``_id``, ``_uuid`` and ``_validation_status`` of every submission; enqueue what differs.

    Server and ledger are both read in the order of ``_id``, so memory stays the same whatever the form's
    size. The ids are cut into lanes that are walked at once.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param run_id: the run's id; it becomes exact.
    :param anew: cut new lanes, whatever lanes the run has read.
    :returns: how many differences were found.
    """
    walks = [_Walk(source, lease, first, last) for first, last in _lanes(source, run_id, anew=anew)]
    walk_concurrently(source.in_flight, [walk.go for walk in walks])
    found = sum(walk.found for walk in walks)
    highest = max(walk.after for walk in walks)

    def note(connection: Connection) -> None:
        check_lease(connection, lease)
        add_counts(connection, run_id, {}, highest_id=highest or None)
        note_findings(connection, run_id, {"sweep_found": found, "mode": EXACT})

    transact(source.engine, note)
    return found


def _lanes(source: Source, run_id: int, *, anew: bool) -> list[tuple[int, int | None]]:
    """Return the bounds of the run's lanes if it has read everything, else of new ones."""
    with reading(source.engine) as connection:
        pulled = lanes(connection, source.mirror.asset_uid, run_id)
        if not anew and cover(pulled, 0):
            return [(lane.first_id, lane.last_id) for lane in pulled]
        total = counted_by_server(connection, source.mirror.asset_uid)
    source.progress("sweep", 0, total or 0)
    return cut_lanes(source.client, 0, source.in_flight, total)


class _Walk:
    """A lane of the sweep: ``first < id <= last``, None for no end."""

    def __init__(self, source: Source, lease: Lease, first: int, last: int | None) -> None:
        self._source, self._lease, self._last = source, lease, last
        self._asset = source.mirror.asset_uid
        self.after, self.found = first, 0

    def go(self, stop: Event) -> None:
        client, limit, done = self._source.client, SWEEP_PAGE, False
        while not done and not stop.is_set():
            page, limit, done = page_or_end(
                client, client.sweep_page, limit, after=self.after, upto=self._last
            )
            to = page.ids[-1] if page.ids else self.after
            self._compare(page, self._last if done else to)
            self._source.progress("sweep", len(page.ids), 0)
            self.after = to

    def _compare(self, page: Page, upto: int | None) -> None:
        """Enqueue what only one side has, and what differs in what a sweep can see."""
        shown = page_text(page)
        with reading(self._source.engine) as connection:
            if shown == stored_window_text(connection, self._asset, self.after, upto):
                return
        left, after = {seen.kobo_id: seen for seen in swept_rows_of(page)}, self.after
        while held := self._held(after, upto):
            self._enqueue([kobo_id for kobo_id, seen in held.items() if left.pop(kobo_id, None) != seen])
            after = max(held)
        self._enqueue(list(left))

    def _held(self, after: int, upto: int | None) -> dict[int, SweptRow]:
        with reading(self._source.engine) as connection:
            return swept_rows_between(connection, self._asset, after, upto, limit=_HELD_AT_ONCE)

    def _enqueue(self, ids: Sequence[int]) -> None:
        def work(connection: Connection) -> None:
            check_lease(connection, self._lease)
            enqueue(connection, self._asset, ids, "the sweep saw a difference")

        if ids:
            transact(self._source.engine, work)
            self.found += len(ids)


def page_text(page: Page) -> str:
    """Return a page as :func:`window_text` writes it, without reading its rows where that is not needed.

    The rows' values are taken as they were sent. A value that is stored in another form (no token, no whole
    number) makes a line that no ledger row has, so that the page counts as different and is read row by row.
    Only a line break or the prefix ``uuid:`` could hide a difference: such a page is read row by row at once.

    :param page: a page of the sweep.
    """
    lines = [
        f"{row.id}\t{row.uuid}\t\t\n"
        if (status := row.status) is None
        else f"{row.id}\t{row.uuid}\t{status.uid or ''}\t{'' if (at := status.timestamp) is None else at}\n"
        for row in page.swept
    ]
    text = ",".join(lines)
    if lines and text.count("\n") == len(lines) and "uuid:" not in text:
        return text
    return window_text(swept_rows_of(page))


def swept_rows_of(page: Page) -> list[SweptRow]:
    """Return what a page of the sweep shows; of a row that cannot be read, what its first levels hold.

    :param page: a page of the sweep.
    """
    return list(map(_seen, page.swept)) if page.swept else list(map(_read_odd, page.rows, page.ids))


def _seen(row: Swept) -> SweptRow:
    uuid, status = token(row.uuid or None), row.status
    if status is None or (status.uid is None and status.timestamp is None):
        return SweptRow(row.id, uuid, None, None)
    return SweptRow(row.id, uuid, token(status.uid or None), stamp_of(status.timestamp))


def _read_odd(row: msgspec.Raw, kobo_id: int) -> SweptRow:
    try:
        data = parse(row)
    except SubmissionError:
        data = first_levels(row)
    status, stamp = validation(data)
    return SweptRow(kobo_id, token(text_of(data, "_uuid")), status, stamp)
