"""Work for two processes: shaping a large pull is Python's work, and Python keeps one core busy."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.sync.pull import Progress

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

Part = Callable[[Progress, Event], None]
"""Does a part of the work, tells of it, and ends early when the event is set."""


def processes_here() -> int:
    """How many processes pay: more than two were not measured."""
    return min(2, len(os.sched_getaffinity(0))) if sys.platform == "linux" else 1


def in_processes(parts: Sequence[Part], progress: Progress) -> None:
    """Do the first part here and each other one in a fork of this process, at once.

    A part opens its connections itself: none may be used on both sides of a fork. When one part fails, the
    others end early; when this process is killed, the others end with what they tell next.

    :raises KoboMirrorError: the first error of a part.
    """
    stop, lock = Event(), Lock()

    def tell(phase: str, done: int, ahead: int) -> None:
        with lock:
            progress(phase, done, ahead)

    others = [_Fork(part, tell, stop) for part in parts[1:]]
    try:
        parts[0](tell, stop)
        for other in others:
            other.join()
    finally:
        for other in others:
            other.end()


class _Fork:
    """A part in a process of its own."""

    def __init__(self, part: Part, progress: Progress, stop: Event) -> None:
        from multiprocessing import get_context  # noqa: PLC0415  # only a large pull needs it

        context = get_context("fork")
        self._progress, self._stop = progress, stop
        self._error: BaseException | None = None
        self._told, telling = context.Pipe(duplex=False)
        self._process: ForkProcess = context.Process(target=_work, args=(part, self._told, telling))
        self._process.start()
        telling.close()
        self._listener = Thread(target=self._listen, name="beside", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        with suppress(EOFError):
            while not isinstance(told := self._told.recv(), BaseException):
                self._progress(*told)
            self._error = told
        self._process.join()
        if self._process.exitcode:
            self._stop.set()

    def join(self) -> None:
        """Wait until it has ended.

        :raises KoboMirrorError: it failed.
        """
        self._listener.join()
        if self._error:
            raise self._error
        if self._process.exitcode:
            raise KoboMirrorError(
                f"A process of this sync was ended from outside ({self._process.exitcode}): start the sync "
                "again, it goes on where it stopped."
            )

    def end(self) -> None:
        """End it, whatever it does: what it has not committed is not written."""
        self._process.terminate()
        self._listener.join()


def _work(part: Part, read_end: Connection, telling: Connection) -> None:
    """In the fork: Ctrl-C is for the process above, which ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    read_end.close()  # else nothing would tell that the other process has gone
    lock = Lock()

    def tell(phase: str, done: int, ahead: int) -> None:
        with lock:
            telling.send((phase, done, ahead))

    try:
        part(tell, Event())
    except KoboMirrorError as error:
        telling.send(error)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
