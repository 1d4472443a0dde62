from __future__ import annotations

import os
from threading import Event

import pytest

from kobo_mirror.sync.processes import in_processes
from kobo_mirror.sync.pull import Progress


def test_where_no_process_can_be_made_this_one_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError("Resource temporarily unavailable")

    def part(progress: Progress, stop: Event) -> None:
        done.append(os.getpid())
        progress("pull", 1, 2)

    done: list[int] = []
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(os, "fork", refuse)
    in_processes([part, part], lambda *what: told.append(what))
    assert done == [os.getpid()] * 2
    assert told == [("pull", 1, 2)] * 2
