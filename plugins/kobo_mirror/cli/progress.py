"""Progress bars for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from kobo_mirror.sync.source import Progress as ReportProgress


@contextmanager
def bars(titles: Mapping[str, str]) -> Iterator[ReportProgress]:
    """Show a bar on standard error for each phase that makes progress.

    :param titles: the title of a phase's bar, by the phase's name.
    :yields: the function that the library tells of its progress.
    """
    columns = (TextColumn("{task.description:>13}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    totals: dict[str, int] = {}
    shown = Progress(*columns, console=Console(stderr=True))

    def tell(phase: str, done: int, ahead: int) -> None:
        if phase not in tasks:
            tasks[phase] = shown.add_task(titles[phase], total=None)
            shown.start()
        totals[phase] = totals.get(phase, 0) + ahead
        shown.update(tasks[phase], advance=done, total=totals[phase] or None)

    try:
        yield tell
    finally:
        shown.stop()
