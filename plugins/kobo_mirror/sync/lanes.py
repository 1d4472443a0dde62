"""Lanes of a walk through all ids: cut them, group them for tasks, walk them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from threading import Event

from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.store.lanes import Lane

_LANE_LEAST = 1_500
_LANES_A_GROUP = 4


def cut_lanes(
    client: KoboClient, after: int, lanes: int, total: int | None = None
) -> list[tuple[int, int | None]]:
    """Cut what lies above an ``_id`` into lanes of equal numbers of submissions; the last one has no end.

    :param client: the form's client.
    :param after: the ``_id``.
    :param lanes: how many lanes at most.
    :param total: how many submissions lie above it; None where that is not known.
    :returns: ``(first, last)`` of each lane: ``first < id <= last``, None for no end.
    """
    total = client.count(after=after) if total is None else total
    wanted = max(1, min(lanes, total // _LANE_LEAST))
    with ThreadPoolExecutor(max_workers=wanted, thread_name_prefix="cut") as pool:
        starts = [number * total // wanted for number in range(1, wanted)]
        cuts = pool.map(partial(client.id_at, after=after), starts)
        bounds = [after, *(cut for cut in cuts if cut is not None)]
    return list(zip(bounds, [*bounds[1:], None], strict=True))


def most_lanes(groups: int, in_flight: int) -> int:
    """Return into how many lanes a run is cut at most.

    :param groups: how many tasks may share them.
    :param in_flight: how many requests a task may send at once.
    """
    return max(_LANES_A_GROUP * groups, in_flight)


def grouped(lanes: Sequence[Lane], groups: int) -> list[list[int]]:
    """Spread the lanes that are not done over groups, so that each is worth a task of its own.

    :param lanes: the lanes of a run.
    :param groups: how many groups at most.
    :returns: the numbers of each group's lanes; no group is empty.
    """
    waiting = [lane.lane for lane in lanes if not lane.done]
    used = max(1, min(groups, len(waiting) // _LANES_A_GROUP))
    return [group for group in (waiting[number::used] for number in range(used)) if group]


def walk_concurrently(most: int, walks: Sequence[Callable[[Event], None]]) -> None:
    """Take walks in threads, until all have ended or one has failed.

    :param most: how many at once.
    :param walks: each ends early when the event that it is given is set, as it is when another one fails.
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
