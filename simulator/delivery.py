"""Posting submissions to receivers: tries, delays and what counts as delivered (kobo-api.md §5.4)."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import requests

RETRIED = (502, 503, 504)
MAX_TRIES = 5
FIRST_DELAY = 60.0
_WORKERS = 4


@dataclass(frozen=True)
class Outcome:
    """The outcome of one try.

    :param status: the HTTP status; None without a response.
    :param message: the text of the response or of the error.
    """

    status: int | None
    message: str

    @property
    def delivered(self) -> bool:
        """True for any status below 400."""
        return self.status is not None and self.status < 400

    @property
    def to_retry(self) -> bool:
        """True for 502, 503, 504 and a read time-out: only these are tried again."""
        return self.status in RETRIED


@dataclass(frozen=True)
class Post:
    """One request to a receiver.

    :param auth: user name and password for HTTP Basic.
    """

    url: str
    body: bytes
    headers: dict[str, str]
    auth: tuple[str, str] | None = None

    def send(self, timeout: float) -> Outcome:
        """Post it once.

        :param timeout: seconds to wait for the connection, and for the response.
        :returns: the outcome; a read time-out counts as 504, any other failure has no status.
        """
        try:
            answer = requests.post(
                self.url, data=self.body, headers=self.headers, auth=self.auth, timeout=timeout
            )
        except requests.ReadTimeout as problem:
            return Outcome(504, str(problem))
        except requests.RequestException as problem:
            return Outcome(None, str(problem))
        return Outcome(answer.status_code, answer.text)


@dataclass(order=True)
class _Job:
    due: float
    number: int
    run: Callable[[], float | None] = field(compare=False)


class Dispatcher:
    """Runs jobs in a few threads; a job that returns a delay in seconds runs again after it."""

    def __init__(self) -> None:
        self._jobs: list[_Job] = []
        self._running = 0
        self._numbers = count()
        self._changed = threading.Condition()
        for _ in range(_WORKERS):
            threading.Thread(target=self._work, daemon=True, name="delivery").start()

    def add(self, run: Callable[[], float | None], delay: float = 0.0) -> None:
        """Run a job.

        :param run: the job; it returns after how many seconds it is to run again, None: never.
        :param delay: seconds to wait before the first run.
        """
        with self._changed:
            heapq.heappush(self._jobs, _Job(time.monotonic() + delay, next(self._numbers), run))
            self._changed.notify_all()

    def clear(self) -> None:
        """Drop the jobs that have not started."""
        with self._changed:
            self._jobs.clear()
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until no job is left.

        :param seconds: how long to wait at most.
        :returns: False if some job is still left then.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._running, seconds)

    def _work(self) -> None:
        while True:
            job = self._next_job()
            try:
                delay = job.run()
                if delay is not None:
                    self.add(job.run, delay)
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

    def _next_job(self) -> _Job:
        with self._changed:
            while not self._jobs or self._jobs[0].due > time.monotonic():
                wait = self._jobs[0].due - time.monotonic() if self._jobs else None
                self._changed.wait(wait)
            self._running += 1
            return heapq.heappop(self._jobs)
