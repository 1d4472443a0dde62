"""Waits: how long others wait at tables while these are changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine

PAUSE = 0.01  # seconds between two tries


class Waits:
    """What one loop of short transactions has met.

    :param longest: the longest of them, in seconds.
    :param done: how many there were.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.done = 0


@contextmanager
def meanwhile(engine: Engine, work: Callable[[Connection, int], Any]) -> Iterator[Waits]:
    """Run short transactions one after the other, by a thread, until the block ends.

    :param engine: of the database.
    :param work: what each does; it is given the number of those before it.
    :returns: what they met; an error of theirs is raised at the end of the block.
    """
    waits, ends, failed = Waits(), threading.Event(), []

    def loop() -> None:
        try:
            while not ends.wait(PAUSE):
                began = time.perf_counter()
                with engine.begin() as connection:
                    work(connection, waits.done)
                waits.longest = max(waits.longest, time.perf_counter() - began)
                waits.done += 1
        except Exception as problem:  # told at the end of the block
            failed.append(problem)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield waits
    finally:
        ends.set()
        thread.join(60)
    if failed:
        raise failed[0]
