"""Counts are kept as long as they are dear, and one thread counts at a time."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from kobo_mirror.airflow.page import kept_counts
from kobo_mirror.airflow.page.kept_counts import KeptCounts


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(kept_counts, "time", made)
    return made


class Counting:
    """Counts how often it was asked, and takes a while for it."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds, self.asked = clock, seconds, 0

    def __call__(self) -> int:
        self.asked += 1
        self._clock.now += self._seconds
        return self.asked


def test_what_takes_long_is_kept_a_hundred_times_as_long(clock: Clock) -> None:
    kept, counting = KeptCounts[int](), Counting(clock, 2.0)
    assert kept.get("form", counting) == 1
    clock.now += 199
    assert kept.get("form", counting) == 1
    clock.now += 2
    assert kept.get("form", counting) == 2


def test_what_is_cheap_is_counted_each_time(clock: Clock) -> None:
    kept, counting = KeptCounts[int](), Counting(clock, 0.001)
    assert [kept.get("form", counting) for _ in range(3)] == [1, 2, 3]


def test_each_form_has_a_count_of_its_own(clock: Clock) -> None:
    kept, counting = KeptCounts[int](), Counting(clock, 2.0)
    assert [kept.get(form, counting) for form in ("a", "b", "a")] == [1, 2, 1]


def test_a_count_that_fails_is_tried_again(clock: Clock) -> None:
    def fail() -> int:
        raise ValueError("no")

    kept = KeptCounts[int]()
    with pytest.raises(ValueError, match="no"):
        kept.get("form", fail)
    assert kept.get("form", lambda: 7) == 7


def test_while_one_thread_counts_others_are_told_the_count_before() -> None:
    kept, began, go_on = KeptCounts[int](), threading.Event(), threading.Event()

    def count() -> int:
        began.set()
        assert go_on.wait(10)
        return 2

    assert kept.get("form", lambda: 1) == 1
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(kept.get("form", count)))
    thread.start()
    assert began.wait(10)
    assert kept.get("form", lambda: 3) == 1
    go_on.set()
    thread.join()
    assert found == [2]


def test_the_first_count_is_waited_for() -> None:
    kept, asked = KeptCounts[int](), []

    def count() -> int:
        asked.append(1)
        time.sleep(0.1)
        return 5

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(kept.get("form", count))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, len(asked)) == ([5, 5, 5], 1)
