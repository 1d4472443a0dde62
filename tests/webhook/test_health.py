"""Health checks: how often they reach the database, and over which connections."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from falcon import testing
from sqlalchemy import Engine, event

from webhook.health import Cached

ASKERS = 4
ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Slow:
    """An answer that takes until it is let go; counts how often it was asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.asking, self.go = threading.Event(), threading.Event()

    def __call__(self) -> int:
        self.asked += 1
        self.asking.set()
        assert self.go.wait(5)
        return self.asked


def test_callers_wait_for_the_first_reading() -> None:
    slow = Slow()
    remembered = Cached(slow, seconds=60)
    with ThreadPoolExecutor(ASKERS) as threads:
        answers = [threads.submit(remembered)]
        assert slow.asking.wait(5)
        answers += [threads.submit(remembered) for _ in range(ASKERS - 1)]
        assert not any(answer.done() for answer in answers)
        slow.go.set()
        assert [answer.result(5) for answer in answers] == [1] * ASKERS


def test_during_a_later_reading_the_previous_value_is_returned() -> None:
    slow = Slow()
    slow.go.set()
    remembered = Cached(slow)
    assert remembered() == 1
    slow.go.clear()
    slow.asking.clear()
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(remembered)
        assert slow.asking.wait(5)
        assert remembered() == 1
        slow.go.set()
        assert second.result(5) == 2


@pytest.mark.parametrize(("seconds", "asked"), [(0.0, 3), (60.0, 1)])
def test_a_stale_value_is_read_again(seconds: float, asked: int) -> None:
    slow = Slow()
    slow.go.set()
    remembered = Cached(slow, seconds)
    assert [remembered() for _ in range(3)][-1] == asked
    assert slow.asked == asked


def test_a_failed_reading_is_repeated() -> None:
    outcomes = iter([OSError, OSError, 7])

    def ask() -> int:
        outcome = next(outcomes)
        if isinstance(outcome, int):
            return outcome
        raise outcome

    remembered = Cached(ask, seconds=60)
    for _ in range(2):
        with pytest.raises(OSError, match=r"^$"):
            remembered()
    assert remembered() == remembered() == 7


@ON_ONE_DATABASE
@pytest.mark.parametrize("path", ["/health/live", "/openapi.json", "/docs"])
def test_endpoints_without_a_database_do_not_use_it(
    client: testing.TestClient, engine: Engine, path: str
) -> None:
    begun: list[object] = []
    event.listen(engine, "begin", begun.append)
    assert client.simulate_get(path).status_code == 200
    assert begun == []


@ON_ONE_DATABASE
def test_the_figures_are_read_once_however_often_they_are_asked_for(
    client: testing.TestClient, engine: Engine
) -> None:
    begun: list[object] = []
    event.listen(engine, "begin", begun.append)
    shown = [client.simulate_get("/metrics").text for _ in range(5)]
    assert len(begun) == 1
    assert all("kobo_mirror_to_fetch" in text for text in shown)


@ON_ONE_DATABASE
def test_each_look_at_the_database_is_over_a_new_connection(
    client: testing.TestClient, engine: Engine
) -> None:
    made: list[object] = []
    event.listen(engine, "connect", lambda connection, _: made.append(connection))
    for number in range(1, 4):
        assert client.simulate_get("/health/ready").status_code == 200
        assert len(made) >= number
