"""Memory and threads of a command's process. Only ``__main__`` calls these, before there are threads."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_OBJECTS_BEFORE_COLLECTING = 500_000
_SECONDS_OF_A_THREAD = 0.1
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # as glibc's malloc.h names them
_LARGE = 256 * 1024


def use_one_heap() -> None:
    """Make all threads allocate from one heap: a large load takes a fifth less memory, and is no slower.

    Pages are passed from thread to thread. With a heap for each thread, memory that one thread has freed
    could not be used by the others.
    """
    _tell_allocator(_M_ARENA_MAX, 1)


def return_large_blocks() -> None:
    """Give blocks of 256 KiB and more back to the system when they are freed: pages, and messages to SQL.

    Else glibc keeps all of up to 32 MiB, and small objects settle between them. 30,000 households take
    187 MiB with it and 199 without, and 2 % more of the processor, in two processes and 2 alternating rounds.
    """
    _tell_allocator(_M_MMAP_THRESHOLD, _LARGE)


def _tell_allocator(option: int, value: int) -> None:
    with suppress(AttributeError, OSError, TypeError):  # a C library other than glibc
        ctypes.CDLL(None).mallopt(option, value)


@contextmanager
def importing() -> Iterator[None]:
    """Switch the garbage collector off while modules are imported: a start takes 174 ms instead of 222 ms.

    What was imported is never freed, so it is not looked at afterwards either.

    :yields: nothing.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def collect_rarely() -> None:
    """Run the garbage collector rarely: a first load takes 6 % less processor time.

    Rows of pages are in no reference cycle, so they are freed without it. The 6 % are of 50,000 submissions,
    7 alternating rounds and a threshold of 50,000 objects. One of 500,000 takes 7 % less than that with
    12,000 households, in 5 rounds. The memory was the same in both.
    """
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING, *gc.get_threshold()[1:])


def switch_threads_rarely() -> None:
    """Let a thread go on for 100 ms before another may: a first load takes about a tenth less time.

    Threads that read and write pages take turns; at each switch the processor's cache loses a page. With
    10,000 households 20 ms took 8 % less than Python's own 5 ms, in one process and 6 alternating rounds, and
    100 ms 4 % less than 20 ms, in two processes and 4 rounds (20,000 of the survey: 2 % in 6); 300 ms are no
    better.
    """
    sys.setswitchinterval(_SECONDS_OF_A_THREAD)
