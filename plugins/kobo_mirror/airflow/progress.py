"""Progress of a sync as lines of a task's log."""

from __future__ import annotations

import time
from collections.abc import Callable


class Progress:
    """Log how far each phase has come.

    :param say: logs a line, as ``Logger.info`` does.
    :param every: the least seconds between two lines.
    """

    def __init__(self, say: Callable[..., None], *, every: float = 5.0) -> None:
        self._say, self._every, self._last = say, every, time.monotonic()
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def __call__(self, phase: str, done: int, ahead: int) -> None:
        """Count submissions of a phase, and log the counts if the last line is old enough.

        :param phase: such as ``pull``.
        :param done: how many more submissions went through it.
        :param ahead: how many more submissions were found to go through it.
        """
        self._done[phase] = self._done.get(phase, 0) + done
        self._total[phase] = self._total.get(phase, 0) + ahead
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            of = f" of about {self._total[phase]:,}" if self._total[phase] else ""
            self._say("%s: %s%s submissions", phase, f"{self._done[phase]:,}", of)
