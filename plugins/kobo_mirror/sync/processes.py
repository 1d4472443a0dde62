"""A large pull shared with a fork: shaping is Python's work, and a Python process keeps one core busy."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.sync.mirror import MirrorSync, Ticket
from kobo_mirror.sync.pull import Progress

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

Another = Callable[[int, Progress], AbstractContextManager[MirrorSync]]
"""Makes a sync with connections of its own, from the number of requests at once and whom to tell."""

Part = Callable[[Progress, Event], None]
"""Does a part of the work, tells of it, and ends early when the event is set."""


def processes_here() -> int:
    """How many processes pay: more than two were not measured."""
    return min(2, len(os.sched_getaffinity(0))) if sys.platform == "linux" else 1


def share_pull(
    sync: MirrorSync, ticket: Ticket, *, another: Another, in_flight: int, progress: Progress
) -> None:
    """Plan and pull; what is large enough for two is shared with a fork, so nothing else may run here.

    :param in_flight: requests at once of both together.
    :raises KoboMirrorError: the first error of either.
    """
    groups = sync.plan(ticket, groups=min(processes_here(), in_flight))
    if len(groups) == 1:
        sync.pull(ticket, groups[0])
    elif groups:
        make = partial(another, in_flight // len(groups))
        in_processes([partial(_pull, make, ticket, lanes) for lanes in groups], progress)


def _pull(
    make: Callable[[Progress], AbstractContextManager[MirrorSync]],
    ticket: Ticket,
    lanes: list[int],
    progress: Progress,
    stop: Event,
) -> None:
    with make(progress) as sync:
        sync.pull(ticket, lanes, stop)


def in_processes(parts: Sequence[Part], progress: Progress) -> None:
    """Do the first part here and the other in a fork of this process, at once; in turn if none can be made.

    A part opens its connections itself: none may be used on both sides of a fork. When one part fails, the
    other ends early; when this process is killed, the other ends with what it tells next.

    :raises KoboMirrorError: the first error of a part.
    """
    stop, lock = Event(), Lock()

    def tell(phase: str, done: int, ahead: int) -> None:
        with lock:
            progress(phase, done, ahead)

    here, there = parts
    try:
        other = _Fork(there, tell, stop)
    except OSError:  # no room for another process
        here(tell, stop)
        there(tell, Event())
        return
    try:
        here(tell, stop)
        other.join()
    finally:
        other.end()


class _Fork:
    """A part in a process of its own."""

    def __init__(self, part: Part, progress: Progress, stop: Event) -> None:
        from multiprocessing import get_context  # noqa: PLC0415  # only a large pull needs it

        context = get_context("fork")
        self._progress, self._stop = progress, stop
        self._error: KoboMirrorError | None = None
        self._told, telling = context.Pipe(duplex=False)
        self._process: ForkProcess = context.Process(target=_work, args=(part, self._told, telling))
        self._process.start()
        telling.close()
        self._listener = Thread(target=self._listen, name="beside", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        """Until its end, which may come in the middle of what it tells."""
        with suppress(EOFError, OSError):
            while not isinstance(told := self._told.recv(), KoboMirrorError):
                self._progress(*told)
            self._error = told
        self._process.join()
        if self._process.exitcode != 0:
            self._stop.set()

    def join(self) -> None:
        """Wait until it has ended.

        :raises KoboMirrorError: it failed.
        """
        self._listener.join()
        if self._error:
            raise self._error
        if self._process.exitcode != 0:
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
    read_end.close()  # else nothing would tell that the process above has gone
    lock = Lock()

    def tell(phase: str, done: int, ahead: int) -> None:
        with lock:
            telling.send((phase, done, ahead))

    with suppress(BrokenPipeError):  # the process above has gone
        try:
            part(tell, Event())
        except KoboMirrorError as error:
            telling.send(error)
        else:
            return
    sys.exit(1)
