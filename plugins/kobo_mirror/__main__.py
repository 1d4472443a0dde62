"""``python -m kobo_mirror``."""

# ruff: noqa: E402  # the first two steps come before there are threads, and before there is something to collect

import ctypes
import gc
import sys
from contextlib import suppress

_M_ARENA_MAX = -8  # as glibc's malloc.h names it

with suppress(AttributeError, OSError, TypeError):  # another C library
    # Pages go from thread to thread; with a heap for each, what one has freed is kept from the others: a
    # large load takes a fifth more memory, and is no quicker.
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)

gc.disable()  # what is imported stays: looking for what could go takes a seventh of the imports' time

from kobo_mirror.cli import main

gc.freeze()
gc.enable()
sys.exit(main())
