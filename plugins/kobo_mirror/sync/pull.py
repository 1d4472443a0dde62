"""Pull: lanes walked by keyset, each page committed together with its lane's cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event
from typing import NamedTuple, TypeVar

import msgspec
from sqlalchemy import Engine

from kobo_mirror.database.engine import clock, reading
from kobo_mirror.errors import ServerError, SubmissionError
from kobo_mirror.forms.schema import Mirror
from kobo_mirror.kobo.form import KoboClient, Page, ResponseTooLargeError
from kobo_mirror.store.batches import Pulled
from kobo_mirror.store.lanes import Lane, Step
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.ledger import holds_any
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import State, read_state, unreadable_state

Progress = Callable[[str, int, int], None]
"""Told of each phase: its name, how many submissions are newly done, how many more are known to lie ahead."""

T = TypeVar("T")

_BYTES_IN_FLIGHT = 64 * 2**20
_LANE_LEAST = 2_500
_EMPTY_PAGES = 3
_NOTHING_SENT = "The server shows further submissions and yet sends none of them."


def silent(phase: str, done: int, ahead: int) -> None:
    """Nobody is told how far it is."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What every part of a sync works with.

    :param page_size: submissions a page at most; pages of large submissions shrink by themselves.
    :param in_flight: requests at once.
    :param in_flight_in_all: the same of all tasks that share the work: so large may a page be.
    """

    client: KoboClient
    engine: Engine
    mirror: Mirror
    writer: Writer
    progress: Progress
    page_size: int = 1000
    in_flight: int
    in_flight_in_all: int

    def sent_at(self) -> datetime:
        """The database's clock, read before a request is sent."""
        return clock(self.engine)

    def states(self, page: Page, *, to_write: bool) -> list[State]:
        """What a page of whole submissions says.

        :param to_write: most of them will be written. Each is shaped at once, while what was parsed of it is
            in the processor's cache: so a submission takes a sixth less.
        """
        states = (state_of(*pair, self.mirror) for pair in zip(page.rows, page.ids, strict=True))
        return [state.shape_now() for state in states] if to_write else list(states)


def state_of(row: msgspec.Raw, kobo_id: int, mirror: Mirror) -> State:
    """What one row of a page says; a row that cannot be read is a rejection, and the page goes on."""
    try:
        return read_state(row, mirror)
    except SubmissionError as problem:
        return unreadable_state(row, kobo_id, str(problem))


def plan_lanes(
    client: KoboClient, after: int, lanes: int, total: int | None = None
) -> list[tuple[int, int | None]]:
    """Cut what lies above ``after`` at exact quantiles; the last lane has no end.

    :param total: how many submissions that are, if it is known.
    :returns: ``(first, last)`` of each lane: ``first < id <= last``.
    """
    total = client.count(after=after) if total is None else total
    wanted = max(1, min(lanes, total // _LANE_LEAST))
    with ThreadPoolExecutor(max_workers=wanted, thread_name_prefix="cut") as pool:
        starts = [number * total // wanted for number in range(1, wanted)]
        cuts = pool.map(partial(client.id_at, after=after), starts)
        bounds = [after, *(cut for cut in cuts if cut is not None)]
    return list(zip(bounds, [*bounds[1:], None], strict=True))


def pull_lanes(source: Source, lease: Lease, run_id: int, lanes: Sequence[Lane]) -> None:
    """Walk lanes side by side to their ends; what is committed stays when one of them fails.

    :raises KoboMirrorError: the first error of a lane, after the others have finished their page.
    """
    open_lanes = [lane for lane in lanes if not lane.done]
    walks = [partial(_walk, source, lease, run_id, lane) for lane in open_lanes]
    side_by_side(source.in_flight, walks)


def side_by_side(most: int, walks: Sequence[Callable[[Event], None]]) -> None:
    """Take walks at once, at most so many; each ends early when its event is set, as it is when one fails.

    :raises KoboMirrorError: the first error of a walk, after the others have finished their page.
    """
    stop = Event()
    with ThreadPoolExecutor(max_workers=most, thread_name_prefix="lane") as pool:
        started = [pool.submit(walk, stop) for walk in walks]
        try:
            wait(started, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
        for walk in started:
            walk.result()


class _Asked(NamedTuple):
    """A page of a lane: it was asked from ``cursor`` on and brings the lane up to ``to``."""

    page: Page
    sent_at: datetime
    limit: int
    cursor: int
    to: int
    done: bool


def _walk(source: Source, lease: Lease, run_id: int, lane: Lane, stop: Event) -> None:
    """Walk a lane; while a page is written, the next one is on its way."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as asking:
        coming = asking.submit(_ask, source, lane.cursor, lane.last_id, source.page_size)
        to_write = not _holds_any(source, lane)
        source.progress("pull", 0, coming.result().page.count)
        while True:
            asked = coming.result()
            if not asked.done:
                limit = _next_limit(asked.page, asked.limit, source)
                coming = asking.submit(_ask, source, asked.to, lane.last_id, limit)
            counts = source.writer.pull(
                Pulled(
                    states=source.states(asked.page, to_write=to_write),
                    sent_at=asked.sent_at,
                    lease=lease,
                    run_id=run_id,
                    window=(asked.cursor, lane.last_id if asked.done else asked.to),
                    known=not to_write,
                    step=Step(lane.lane, asked.cursor, asked.to, asked.done),
                )
            )
            to_write = not counts.get("unchanged")
            source.progress("pull", len(asked.page.ids), 0)
            if asked.done or stop.is_set():
                return


def _holds_any(source: Source, lane: Lane) -> bool:
    with reading(source.engine) as connection:
        return holds_any(connection, source.mirror.asset_uid, after=lane.cursor, upto=lane.last_id)


def _ask(source: Source, cursor: int, last_id: int | None, limit: int) -> _Asked:
    sent_at = source.sent_at()
    page, limit, done = page_or_end(source.client, source.client.page, limit, after=cursor, upto=last_id)
    return _Asked(page, sent_at, limit, cursor, page.ids[-1] if page.ids else cursor, done)


def page_or_end(
    client: KoboClient, ask: Callable[..., Page], limit: int, *, after: int, upto: int | None
) -> tuple[Page, int, bool]:
    """The next page of a walk, the limit it came with, and whether the walk ends with it.

    Neither an empty page nor a page's own count ends anything alone: another question must show that nothing
    lies above. An empty page is asked for again, a few times.

    :raises ServerError: the server shows further submissions and does not send them.
    """
    for _ in range(_EMPTY_PAGES):
        page, limit = _next_page(ask, limit, after=after, upto=upto)
        if page.ids:
            return page, limit, page.ids[-1] == upto or (upto is None and _is_last(client, page))
        if _is_end(client, after, upto):
            return page, limit, True
    raise ServerError(_NOTHING_SENT)


def _is_last(client: KoboClient, page: Page) -> bool:
    """Whether a page ends its form, as the server says when it is asked for the page's last id and above.

    Where it cannot say, the page is taken all the same, and the next one is asked for.
    """
    if page.count != len(page.ids):
        return False
    try:
        return client.is_newest(page.ids[-1])
    except ServerError:
        return False


def _next_page(ask: Callable[..., Page], limit: int, **window: int | None) -> tuple[Page, int]:
    """A page and the limit that it came with: halved until the answer is not too large."""
    while True:
        try:
            return ask(limit=limit, **window), limit
        except ResponseTooLargeError:
            if limit == 1:
                raise
            limit //= 2


def as_many(ask: Callable[[list[T]], Page], items: Sequence[T]) -> tuple[Page, list[T]]:
    """Ask for the first of ``items``, for half as many until the answer is not too large; returns which."""
    some = list(items)
    while True:
        try:
            return ask(some), some
        except ResponseTooLargeError:
            if len(some) == 1:
                raise
            del some[len(some) // 2 :]


def _is_end(client: KoboClient, cursor: int, last_id: int | None) -> bool:
    """Whether an empty page is the end of a walk: another question must show nothing above the cursor either.

    :param last_id: where the walk ends; None: at the newest submission.
    :raises ServerError: the server shows a further submission and, asked again, does not send it.
    """
    further = client.newest_id() if last_id is None else client.id_at(0, after=cursor)
    if further is None or further <= cursor or (last_id is not None and further > last_id):
        return True
    if client.page(after=cursor, upto=last_id, limit=1).ids:
        return False
    raise ServerError(_NOTHING_SENT)


def _next_limit(page: Page, limit: int, source: Source) -> int:
    if not page.ids:
        return limit
    room = _BYTES_IN_FLIGHT // (2 * source.in_flight_in_all)
    return max(1, min(source.page_size, room * len(page.ids) // max(1, page.size)))
