"""A second process that pulls half of the lanes: shaping is Python's work, and Python keeps one core busy.

On two cores that MariaDB and the server use, too, a first load takes a quarter less time: see
docs/architecture.md. It is forked while the process has no other thread, so nothing is imported twice.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, NoReturn, Protocol

from kobo_mirror.config.settings import Settings
from kobo_mirror.sync.run_handle import RunHandle
from kobo_mirror.sync.source import Progress

log = logging.getLogger(__name__)

_DONE, _FAILED = b"done\n", b"failed\n"


class PulledForm(NamedTuple):
    """A form, as the second process is told of it.

    :param settings: those of the form.
    :param form_key: by which the database has it.
    :param among_others: it may be a further one of a database that mirrors others.
    """

    settings: Settings
    form_key: str
    among_others: bool


class Part(NamedTuple):
    """What the second process pulls.

    :param form: the form.
    :param run_handle: of the run.
    :param lanes: the numbers of the lanes.
    :param in_flight: requests at once.
    """

    form: PulledForm
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
    :param parts: the pipe that it reads.
    :param told: the pipe that it writes to.
    """

    def __init__(self, pid: int, parts: BinaryIO, told: BinaryIO) -> None:
        self.pid, self._parts, self._told = pid, parts, told

    @property
    def is_there(self) -> bool:
        """True until it is closed."""
        return not self._parts.closed

    @contextmanager
    def pulling(self, part: Part, progress: Progress) -> Iterator[Callable[[], bool]]:
        """Have a part pulled while the block runs, and wait for it at the block's end.

        A process that fails is closed, and so is one whose part is not needed since the block fails.

        :param part: the part.
        :param progress: is told how far it is.
        :yields: what returns True if all of it was read; ask after the block.
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
        with suppress(OSError, ValueError):  # it has ended, or is being closed
            self._parts.write(pickle.dumps(part))
            self._parts.flush()
            for line in self._told:
                if line in (_DONE, _FAILED):
                    return line == _DONE
                done, ahead = map(int, line.split())
                progress("pull", done, ahead)
        return False

    def close(self) -> None:
        """End the process; the database rolls back what it has not committed."""
        if self.is_there:
            with suppress(BrokenPipeError):
                self._parts.close()
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@dataclass(frozen=True)
class SharedPull:
    """Pulls a form's lanes in two processes.

    :param second: the second one.
    :param form: the form.
    """

    second: SecondProcess
    form: PulledForm

    def pull(self, pull: Pull, progress: Progress, run_handle: RunHandle, lanes: list[int]) -> None:
        """Pull lanes, half of them in the second process; what it fails to read is read here.

        :param pull: pulls lanes in this process.
        :param progress: is told how far the second process is.
        :param run_handle: of the run.
        :param lanes: the numbers of the lanes.
        :raises KoboMirrorError: as ``pull`` does; the second process has ended then.
        """
        half = self.form.settings.kobo_max_in_flight // 2
        if len(lanes) == 1 or not half or not self.second.is_there:
            pull(run_handle, lanes)
            return
        part = Part(self.form, run_handle, lanes[1::2], half)
        with self.second.pulling(part, progress) as is_read:
            pull(run_handle, lanes[::2], in_flight=half)
        if not is_read():
            pull(run_handle, part.lanes)
            log.warning("The second process ended before its part was read; the first one has read it.")


def fork(pull: PullPart) -> SecondProcess | None:
    """Return a second process, or None where it would be of no use or could not be forked safely.

    That is so with one core, with other threads, and on macOS, whose libraries do not survive a fork.

    :param pull: what pulls a part in it.
    """
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) == 1 or threading.active_count() > 1:
        return None
    parts_read, parts_write = os.pipe()
    told_read, told_write = os.pipe()
    try:
        pid = os.fork()
    except OSError:  # no further process is allowed
        for end in (parts_read, parts_write, told_read, told_write):
            os.close(end)
        return None
    if pid:
        os.close(parts_read)
        os.close(told_write)
        return SecondProcess(pid, os.fdopen(parts_write, "wb"), os.fdopen(told_read, "rb"))
    os.close(parts_write)  # else it would not see that the first process has ended
    os.close(told_read)
    _serve(pull, os.fdopen(parts_read, "rb"), told_write)


def _serve(pull: PullPart, parts: BinaryIO, told: int) -> NoReturn:
    """Pull each part that comes, in a thread: this one sees at once that the first process has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is sent to both, and the first one closes this one
    try:
        while True:
            part = pickle.load(parts)  # noqa: S301  # the first process wrote it
            threading.Thread(target=_pull_and_tell, args=(pull, part, told), daemon=True).start()
    except EOFError:
        os._exit(0)
    finally:
        os._exit(1)


def _pull_and_tell(pull: PullPart, part: Part, told: int) -> None:
    """Pull a part. Where that fails, the first process pulls it, and raises what is wrong."""

    def tell(_: str, done: int, ahead: int) -> None:
        os.write(told, b"%d %d\n" % (done, ahead))

    end = _FAILED
    with suppress(BrokenPipeError):  # the first process has ended, and so does this one
        try:
            with suppress(Exception):
                pull(part, tell)
                end = _DONE
        finally:
            os.write(told, end)
