"""How the process of a command treats memory: only ``__main__`` calls this, before there are threads."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_OBJECTS_BEFORE_COLLECTING = 50_000
_M_ARENA_MAX = -8  # as glibc's malloc.h names it


def use_one_heap() -> None:
    """Let all threads share a heap: a large load takes a fifth less memory, and is no slower.

    Pages go from thread to thread; with a heap for each, what one has freed is kept from the others.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


@contextmanager
def importing() -> Iterator[None]:
    """Collect no garbage while modules are imported, since they stay: a start takes 174 ms, not 222 ms."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def collect_rarely() -> None:
    """Follow more new objects before garbage is looked for: a first load takes 6 % less processor time.

    Rows of pages are in no cycle and go by themselves. Measured with 50,000 submissions, 7 rounds in turn;
    the memory was the same (125 MiB).
    """
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING, *gc.get_threshold()[1:])
