"""Pull: walk lanes by keyset, each page committed together with its lane's cursor."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Event
from typing import NamedTuple

from kobo_mirror.database.engine import reading
from kobo_mirror.kobo.form import Page
from kobo_mirror.store.batches import Pulled
from kobo_mirror.store.lanes import Lane, Step
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.ledger import holds_any
from kobo_mirror.store.refetch_queue import unreadable_ids
from kobo_mirror.submissions.rows import State
from kobo_mirror.sync.lanes import walk_concurrently
from kobo_mirror.sync.paging import first_limit, next_limit, page_or_end
from kobo_mirror.sync.source import Source
from kobo_mirror.sync.unreadable import note_unreadable


def pull_lanes(
    source: Source, lease: Lease, run_id: int, lanes: Sequence[Lane], in_flight: int | None = None
) -> None:
    """Read lanes to their ends, several at once; what is committed stays when one of them fails.

    :param source: what the sync works with.
    :param lease: the lease that each page is written under.
    :param run_id: the run's id.
    :param lanes: the lanes; those that are done already are left out.
    :param in_flight: requests at once; None: those of the source.
    :raises KoboMirrorError: the first error of a lane, after the others have finished their page.
    """
    open_lanes = [lane for lane in lanes if not lane.done]
    with reading(source.engine) as connection:
        source.client.expect_unsent(unreadable_ids(connection, source.mirror.asset_uid))
    walks = [partial(_walk, source, lease, run_id, lane) for lane in open_lanes]
    walk_concurrently(in_flight or source.in_flight, walks)


class _Asked(NamedTuple):
    """A page of a lane.

    :param page: without its rows.
    :param states: of its submissions, shaped where they are expected to be written.
    :param sent_at: the database's clock (UTC) before it was asked for.
    :param limit: how many submissions it was asked for at most.
    :param cursor: the ``_id`` behind which it was asked for.
    :param to: the ``_id`` up to which it brings the lane.
    :param done: True if the lane ends with it.
    """

    page: Page
    states: list[State]
    sent_at: datetime
    limit: int
    cursor: int
    to: int
    done: bool


def _walk(source: Source, lease: Lease, run_id: int, lane: Lane, stop: Event) -> None:
    """Walk a lane; while a page is written, the next one is asked for and shaped."""
    size = {"most": source.page_size, "pages_at_once": 2 * source.in_flight_in_all}
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as asking:
        to_write = not _holds_any(source, lane)
        limit = first_limit(source.page_size)
        coming = asking.submit(_ask, source, lane.cursor, lane.last_id, limit, to_write=to_write)
        source.progress("pull", 0, coming.result().page.count)
        while True:
            asked = coming.result()
            if not asked.done:
                limit = next_limit(asked.page, asked.limit, **size)
                coming = asking.submit(_ask, source, asked.to, lane.last_id, limit, to_write=to_write)
            note_unreadable(source, lease, asked.page.unsent)
            counts = source.writer.pull(
                Pulled(
                    states=asked.states,
                    sent_at=asked.sent_at,
                    lease=lease,
                    run_id=run_id,
                    window=(asked.cursor, lane.last_id if asked.done else asked.to),
                    known=not to_write,
                    step=Step(lane.lane, asked.cursor, asked.to, asked.done),
                )
            )
            to_write = not counts.get("unchanged")
            source.progress("pull", len(asked.page.shown), 0)
            if asked.done or stop.is_set():
                return


def _holds_any(source: Source, lane: Lane) -> bool:
    with reading(source.engine) as connection:
        return holds_any(connection, source.mirror.asset_uid, after=lane.cursor, upto=lane.last_id)


def _ask(source: Source, cursor: int, last_id: int | None, limit: int, *, to_write: bool) -> _Asked:
    sent_at = source.sent_at()
    page, limit, done = page_or_end(source.client, source.client.page, limit, after=cursor, upto=last_id)
    states = source.states(page, to_write=to_write)
    read = replace(page, rows=[])  # its states have copies: what was sent need not wait to be written
    return _Asked(read, states, sent_at, limit, cursor, page.shown[-1] if page.shown else cursor, done)
