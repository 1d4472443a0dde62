"""The library's progress as lines of a task's log."""

from __future__ import annotations

import time
from collections.abc import Callable


class Progress:
    """Says how far a phase has come, at most every few seconds."""

    def __init__(self, say: Callable[..., None], *, every: float = 5.0) -> None:
        self._say, self._every, self._last = say, every, time.monotonic()
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def __call__(self, phase: str, done: int, ahead: int) -> None:
        """Note that ``done`` more submissions went through a phase, and that ``ahead`` more are to go."""
        self._done[phase] = self._done.get(phase, 0) + done
        self._total[phase] = self._total.get(phase, 0) + ahead
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            of = f" of about {self._total[phase]:,}" if self._total[phase] else ""
            self._say("%s: %s%s submissions", phase, f"{self._done[phase]:,}", of)
