"""The limit of concurrent requests to a server, which adapts to how the server copes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kobo_mirror.errors import ServerError

_AT_FIRST = 2


class AdaptiveLimit:
    """Bounds concurrent requests over all threads.

    A caller asks for the next page once it has written the last one, so a quick server sees few requests at
    once. Where callers wait for responses, all permits are taken, and the limit rises with each good
    response: by one until the server was busy for the first time, afterwards by one a round. A busy server
    (429, 5xx, no response in time: kobo-api.md §1.5) halves it. TCP's congestion control works the same way.

    :param most: the highest limit, in requests.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._permits = float(min(_AT_FIRST, most))
        self._under_way = 0
        self._cut_at: float | None = None
        self._changed = threading.Condition()

    @property
    def permits(self) -> int:
        """How many requests may be under way now."""
        return int(self._permits)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Wait for a permit and hold it while the block sends a request.

        :returns: a context in which one request may be sent.
        :raises ServerError: as the block does; it is taken as a sign that the server is busy.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self.permits)
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
            if self._under_way >= self.permits:
                step = 1.0 if self._cut_at is None else 1.0 / self._permits
                self._permits = min(float(self._most), self._permits + step)

    def _cut(self, sent: float) -> None:
        """Halve the limit, once for all requests that were under way together."""
        with self._changed:
            if self._cut_at is None or sent > self._cut_at:
                self._permits = max(1.0, self._permits / 2)
                self._cut_at = time.monotonic()
