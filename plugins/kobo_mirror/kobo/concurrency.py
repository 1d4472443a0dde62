"""How many requests are under way at once: as many as a server's slowness needs and its strength allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kobo_mirror.errors import ServerError

_AT_FIRST = 2


class AdaptiveLimit:
    """Room for requests under way, over all threads.

    A caller asks for the next page once it has written the last one, so a quick server sees few requests at
    once. Where answers are what is waited for, all the room is taken, and with each good answer it grows: by
    one request until the server was busy for the first time, afterwards by one a round. A busy server (429,
    5xx, no answer in time) halves it.

    :param most: requests at once at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._room = float(min(_AT_FIRST, most))
        self._under_way = 0
        self._cut_at: float | None = None
        self._changed = threading.Condition()

    @property
    def room(self) -> int:
        """How many requests may be under way now."""
        return int(self._room)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Wait for room and take it while the block asks.

        :raises ServerError: as the block does; it is taken as a sign that the server is busy.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self.room)
            self._under_way += 1
        sent = time.monotonic()
        try:
            yield
        except ServerError:
            self._cut(sent)
            raise
        else:
            self._grow()
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _grow(self) -> None:
        with self._changed:
            if self._under_way >= self.room:
                step = 1.0 if self._cut_at is None else 1.0 / self._room
                self._room = min(float(self._most), self._room + step)

    def _cut(self, sent: float) -> None:
        """Halve the room, once for all requests that were under way together."""
        with self._changed:
            if self._cut_at is None or sent > self._cut_at:
                self._room = max(1.0, self._room / 2)
                self._cut_at = time.monotonic()
