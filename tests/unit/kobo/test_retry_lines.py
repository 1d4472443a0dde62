"""The log of requests that are sent again: one line, however many requests wait for the same."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from kobo_mirror.kobo.form import KoboClient
from tests.support.faulty_server import FaultyServer, response

PAGE = response(b'{"count": 0, "results": []}')


def busy(status: str = "503 Service Unavailable", wait: int = 1) -> bytes:
    return response(status=status, Retry_After=str(wait))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines that a terminal shows, without the address."""
    return [
        record.getMessage().partition(" ")[2]
        for record in caplog.records
        if record.levelno >= logging.WARNING
    ]


LINE = "is busy or down: it answered {}. Asking again in 1 s (attempt {} failed)."


def test_requests_at_once_that_wait_for_the_same_say_so_once(
    connect: Callable[..., KoboClient], caplog: pytest.LogCaptureFixture
) -> None:
    with (
        FaultyServer(*[busy()] * 4, PAGE) as server,
        connect(server.url, sleep=time.sleep) as client,
        ThreadPoolExecutor(4) as threads,
    ):
        list(threads.map(lambda _: client.count(), range(4)))
    assert warnings(caplog) == [LINE.format(503, 1)]
    assert client.usage.requests == 8


def test_each_attempt_of_a_request_is_told(
    connect: Callable[..., KoboClient], caplog: pytest.LogCaptureFixture
) -> None:
    with FaultyServer(busy(), busy(), PAGE) as server, connect(server.url) as client:
        client.count()
    assert warnings(caplog) == [LINE.format(503, 1), LINE.format(503, 2)]


def test_another_reason_is_logged(
    connect: Callable[..., KoboClient], caplog: pytest.LogCaptureFixture
) -> None:
    statuses = ("503 Service Unavailable", "502 Bad Gateway")
    with FaultyServer(*map(busy, statuses), PAGE) as server, connect(server.url) as client:
        client.count()
    assert warnings(caplog) == [LINE.format(503, 1), LINE.format(502, 2)]


def test_a_later_failure_is_logged_again(
    connect: Callable[..., KoboClient], caplog: pytest.LogCaptureFixture
) -> None:
    with FaultyServer(busy(), PAGE, busy(), PAGE) as server, connect(server.url, sleep=time.sleep) as client:
        client.count()
        client.count()
    assert warnings(caplog) == [LINE.format(503, 1)] * 2
