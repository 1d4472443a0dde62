"""A step of the demo as the screen shows it."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.progress import Progress
from rich.table import Table


class Scene:
    """A progress bar during a step, and a row of the summary after it.

    :param progress: the bars.
    :param summary: its columns are the step, what happened and seconds.
    :param title: of the step.
    :param total: what there is to do.
    """

    def __init__(self, progress: Progress, summary: Table, title: str, total: int) -> None:
        self._progress, self._summary, self._title = progress, summary, title
        self._task = progress.add_task(title, total=total, start=False)
        self._words = ""

    def done(self, number: int) -> None:
        """Say how much of the total is done."""
        self._progress.update(self._task, completed=max(0, number))

    def note(self, words: str) -> None:
        """Say what happened."""
        self._words = words

    def __enter__(self) -> Self:
        self._progress.start_task(self._task)
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop_task(self._task)
        self._summary.add_row(self._title, self._words, f"{time.monotonic() - self._started:.1f}")
