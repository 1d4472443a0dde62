"""What every part of a sync works with, and how it shows its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Engine

from kobo_mirror.database.engine import clock
from kobo_mirror.errors import SubmissionError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import KoboClient, Page
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import State, read_state, unreadable_state

Progress = Callable[[str, int, int], None]
"""Shows progress: told a phase, the submissions newly done, and how many more are known to lie ahead."""


def no_progress(phase: str, done: int, ahead: int) -> None:
    """Show no progress.

    :param phase: what is being done, such as ``pull``.
    :param done: how many submissions were done since the last call.
    :param ahead: how many more are now known to lie ahead.
    """


@dataclass(frozen=True, kw_only=True)
class Source:
    """What every part of a sync works with.

    :param client: the form's client.
    :param engine: the database.
    :param mirror: the form and its table.
    :param writer: what writes them.
    :param progress: is told how far the sync is.
    :param page_size: submissions a page at most; pages of large submissions shrink by themselves.
    :param in_flight: requests at once.
    :param in_flight_in_all: requests at once of all tasks that share the work. It bounds a page's bytes.
    """

    client: KoboClient
    engine: Engine
    mirror: Mirror
    writer: Writer
    progress: Progress
    page_size: int = 1000
    in_flight: int
    in_flight_in_all: int

    def sent_at(self) -> datetime:
        """Return the database's clock (UTC); read it before a request is sent."""
        return clock(self.engine)

    def states(self, page: Page, *, to_write: bool) -> list[State]:
        """Return the states of a page of whole submissions.

        :param page: the page.
        :param to_write: True if most of them will be written. Each is then shaped right after it was parsed,
            while the processor's cache has it, which takes a sixth less time.
        """
        states = (state_of(*pair, self.mirror) for pair in zip(page.rows, page.ids, strict=True))
        return [state.shape_now() for state in states] if to_write else list(states)


def state_of(row: msgspec.Raw, kobo_id: int, mirror: Mirror) -> State:
    """Return the state of one row of a page; a row that cannot be read is a rejection.

    :param row: the row's JSON.
    :param kobo_id: its ``_id``.
    :param mirror: the form and its table.
    """
    try:
        return read_state(row, mirror)
    except SubmissionError as problem:
        return unreadable_state(row, kobo_id, str(problem), mirror)
