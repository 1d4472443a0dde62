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

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        """Note that ``done`` more submissions, of ``total`` (None: as before), went through a phase."""
        self._done[phase] = self._done.get(phase, 0) + done
        if total is not None:
            self._total[phase] = total
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            of = f" of about {self._total[phase]:,}" if phase in self._total else ""
            self._say("%s: %s%s submissions", phase, f"{self._done[phase]:,}", of)
