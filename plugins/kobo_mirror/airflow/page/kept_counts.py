"""Counts that are kept for a while, so that pages that are open all day do not keep the database counting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_CHEAP_SECONDS = 0.05
_TIMES = 100


class KeptCounts(Generic[T]):
    """Results by their key, each kept for a hundred times as long as it took to count.

    A page that is loaded again and again takes at most 1 % of the database's time. What took less than
    50 ms is counted each time. One thread counts at a time; others are told the result before, if there is
    one.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[float, T]] = {}
        self._counting: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, count: Callable[[], T]) -> T:
        """Return the result of a count, as new as it is to be.

        :param key: tells this count from others.
        :param count: counts. If it raises, so does this call, and what was kept stays.
        """
        known = self._known.get(key)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        lock = self._counting.setdefault(key, threading.Lock())
        if not lock.acquire(blocking=known is None):
            return known[1] if known else count()
        try:
            return self._count(key, count)
        finally:
            lock.release()

    def get_many(
        self, keys: Collection[Hashable], count: Callable[[Collection[Hashable]], Mapping[Any, T]]
    ) -> dict[Any, T]:
        """Return the results of several counts; those that are due are counted at once.

        :param keys: tell each count from others.
        :param count: counts for some of the keys.
        """
        known = {key: self._known.get(key) for key in keys}
        now = time.monotonic()
        found = {key: one[1] for key, one in known.items() if one is not None and now < one[0]}
        if due := [key for key in keys if key not in found]:
            counted = count(due)
            ended = time.monotonic()
            took = ended - now
            until = ended + took * _TIMES * (took >= _CHEAP_SECONDS)
            self._known |= {key: (until, one) for key, one in counted.items()}
            found |= counted
        return found

    def _count(self, key: Hashable, count: Callable[[], T]) -> T:
        known, began = self._known.get(key), time.monotonic()
        if known is not None and began < known[0]:  # another thread has counted meanwhile
            return known[1]
        result = count()
        ended = time.monotonic()
        took = ended - began
        self._known[key] = (ended + took * _TIMES * (took >= _CHEAP_SECONDS), result)
        return result
