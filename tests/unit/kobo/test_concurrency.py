"""Requests at once: more for a server that is slow, fewer for one that is busy."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from kobo_mirror.errors import RequestError, ServerError
from kobo_mirror.kobo.concurrency import AdaptiveLimit


class _Server:
    """Answers after a while and remembers how many asked at once."""

    def __init__(self, limit: AdaptiveLimit, seconds: float = 0.01) -> None:
        self._limit, self._seconds = limit, seconds
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def ask(self, _: int = 0) -> None:
        with self._limit.request():
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            time.sleep(self._seconds)
            with self._lock:
                self._now -= 1


def _ask(server: _Server, *, at_once: int, times: int) -> None:
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(server.ask, range(times)))


def test_the_limit_grows_to_its_bound_while_all_slots_are_in_use() -> None:
    limit = AdaptiveLimit(6)
    server = _Server(limit)
    _ask(server, at_once=12, times=60)
    assert (server.most, limit.permits) == (6, 6)


def test_requests_one_by_one_do_not_raise_the_limit() -> None:
    limit = AdaptiveLimit(6)
    _ask(_Server(limit), at_once=1, times=20)
    assert limit.permits == 2


def test_one_at_once_stays_one() -> None:
    limit = AdaptiveLimit(1)
    server = _Server(limit, 0.001)
    _ask(server, at_once=5, times=20)
    assert (server.most, limit.permits) == (1, 1)


def test_a_busy_server_gets_half_and_then_one_more_a_round() -> None:
    limit = AdaptiveLimit(8)
    server = _Server(limit)
    _ask(server, at_once=8, times=60)
    _fail(limit)
    assert limit.permits == 4
    _ask(server, at_once=8, times=4)
    assert limit.permits in (4, 5)  # not at once what it was
    _ask(server, at_once=8, times=60)
    assert limit.permits == 8


def _fail(limit: AdaptiveLimit, error: type[Exception] = ServerError) -> None:
    with suppress(error), limit.request():
        raise error("busy")


def test_requests_that_were_refused_together_halve_it_once() -> None:
    limit = AdaptiveLimit(8)
    _ask(_Server(limit), at_once=8, times=60)
    together = threading.Barrier(8)

    def refused(_: int) -> None:
        with suppress(ServerError), limit.request():
            together.wait(10)
            raise ServerError("busy")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(refused, range(8)))
    assert limit.permits == 4


def test_other_errors_release_the_slot_and_leave_the_limit() -> None:
    limit = AdaptiveLimit(8)
    for _ in range(20):
        _fail(limit, RequestError)
    assert limit.permits == 2
    _ask(_Server(limit), at_once=8, times=60)
    assert limit.permits == 8


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 32))
def test_one_request_is_always_allowed(answers: list[bool], most: int) -> None:
    limit = AdaptiveLimit(most)
    for good in answers:
        with suppress(ServerError), limit.request():
            if not good:
                raise ServerError("busy")
        assert 1 <= limit.permits <= most


def test_a_waiting_caller_is_woken_when_a_slot_is_released() -> None:
    started = time.monotonic()
    _ask(_Server(AdaptiveLimit(2), 0.05), at_once=4, times=4)
    assert 0.09 < time.monotonic() - started < 5
