"""A second process that pulls half of the lanes: shaping is Python's work, and Python keeps one core busy.

On two cores that MariaDB and the server use, too, a first load takes 14 to 32 % less time: see
docs/architecture.md. It is forked while the process has no other thread, so nothing is imported twice; what
the first one has opened by then it must not use.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol

from kobo_mirror.errors import KoboMirrorError, LaneTakenError, error_of, naming_faults
from kobo_mirror.sync.run_handle import RunHandle
from kobo_mirror.sync.source import Progress

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1


class Part(NamedTuple):
    """What the second process pulls.

    :param run_handle: of the run.
    :param lanes: the numbers of the lanes.
    :param in_flight: requests at once.
    """

    run_handle: RunHandle
    lanes: list[int]
    in_flight: int


PullPart = Callable[[Part, Progress], None]
"""Pulls a part, and tells of its progress."""


class Pull(Protocol):
    """Pulls lanes of a run, as ``MirrorSync.pull`` does."""

    def __call__(self, run_handle: RunHandle, lanes: list[int], *, in_flight: int | None = None) -> None:
        """Pull them, with so many requests at once; None: with as many as the settings allow."""


class SecondProcess:
    """A process that waits for parts to pull, and ends when this one ends or closes it.

    :param pid: of the process.
    :param link: to it: takes parts; gives pairs of numbers, which are progress, and at the end of a part None
        or the error that it failed with.
    """

    def __init__(self, pid: int, link: Connection) -> None:
        self.pid, self._link = pid, link
        self._left = 0  # of its part: submissions that it has told of and not read

    @property
    def is_there(self) -> bool:
        """True until it is closed."""
        return not self._link.closed

    def share(
        self, pull: Pull, progress: Progress, at_once: int, run_handle: RunHandle, lanes: list[int]
    ) -> None:
        """Pull lanes, half of them in the second process. If that ends by itself, its part is read here.

        :param pull: pulls lanes in this process.
        :param progress: is told how far the second process is.
        :param at_once: requests that both may send at once.
        :param run_handle: of the run.
        :param lanes: the numbers of the lanes.
        :raises KoboMirrorError: as ``pull`` does; the second process has ended then.
        """
        if len(lanes) == 1 or at_once == 1 or not self.is_there:
            pull(run_handle, lanes)
            return
        part = Part(run_handle, lanes[1::2], at_once // 2)
        with self._pulling(part, progress) as is_read:
            pull(run_handle, lanes[::2], in_flight=at_once - part.in_flight)
        if not is_read():
            progress("pull", 0, -self._left)
            _pull_rest(pull, run_handle, part.lanes)
            log.warning("The second process ended before its part was read; the first one has read it.")

    @contextmanager
    def _pulling(self, part: Part, progress: Progress) -> Iterator[Callable[[], bool]]:
        """Have a part pulled while the block runs, and wait for it at the block's end.

        The process is closed where the block fails, where the part does, and where it has ended by itself.

        :yields: what returns, after the block, False if the process has ended before all was read.
        """
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="second") as pool:
            pulled = pool.submit(self._pull, part, progress)
            try:
                yield pulled.result
                if not pulled.result():
                    self.close()
            except BaseException:
                self.close()
                raise

    def _pull(self, part: Part, progress: Progress) -> bool:
        self._left = 0
        try:
            self._link.send(part)
            while told := self._link.recv():
                if isinstance(told, KoboMirrorError):
                    raise told
                done, ahead = told
                progress("pull", done, ahead)
                self._left += ahead - done
        except (EOFError, OSError):  # it has ended
            return False
        return True

    def close(self) -> None:
        """End the process; the database rolls back what it has not committed."""
        if self.is_there:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._link.close()


def _pull_rest(pull: Pull, run_handle: RunHandle, lanes: list[int]) -> None:
    """Pull what a process that has ended left of its lanes; a page of each may still be committed."""
    for _ in lanes:
        try:
            pull(run_handle, lanes)
        except LaneTakenError:
            continue
        return
    pull(run_handle, lanes)


def fork(pull: PullPart) -> SecondProcess | None:
    """Return a second process, or None where it would be of no use or cannot be had.

    That is so with one core, with other threads, and on macOS, whose libraries do not survive a fork.

    :param pull: what pulls a part in it.
    """
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) == 1 or threading.active_count() > 1:
        return None
    from multiprocessing import Pipe  # noqa: PLC0415  # takes 2 ms, and is rarely needed

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # else it could not be waited for
    first = os.getpid()
    # Ctrl-C is sent to both: the first process ends the second, which never sees it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        ours, its = Pipe()
        pid = os.fork()
        if not pid:
            _serve(pull, its, ours, first)
        its.close()
        return SecondProcess(pid, ours)
    except OSError:  # no further process or file is allowed
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pull: PullPart, link: Connection, of_the_first: Connection, first: int) -> NoReturn:
    """Pull each part that comes, until the first process ends; whatever fails, this one never returns."""
    try:
        of_the_first.close()  # else it would not see that the first process has ended
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        while os.getppid() == first:
            link.send(_outcome_of(pull, link.recv(), link))
    except (EOFError, OSError):
        os._exit(0)
    finally:
        os._exit(1)


def _outcome_of(pull: PullPart, part: Part, link: Connection) -> KoboMirrorError | None:
    """Pull a part; return the error that it fails with."""
    one_at_a_time = threading.Lock()

    def tell(_: str, done: int, ahead: int) -> None:
        with one_at_a_time:
            link.send((done, ahead))

    try:
        with naming_faults():
            pull(part, tell)
    except KoboMirrorError as error:
        return error_of(type(error).__name__, str(error))
    return None
