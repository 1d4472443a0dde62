"""When, how often and how many at once requests are sent again."""

from __future__ import annotations

import datetime
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.utils import format_datetime

import pytest

from kobo_mirror.errors import ServerError, UnreachableError
from kobo_mirror.kobo.form import KoboClient
from tests.support.broken_responses import BROKEN, PAGE
from tests.support.faulty_server import FaultyServer, Script, response


def test_retry_after_is_kept_up_to_the_longest_wait(
    connect: Callable[..., KoboClient], waits: list[float]
) -> None:
    def busy(retry_after: str) -> bytes:
        return response(status="503 Service Unavailable", Retry_After=retry_after)

    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=31)
    scripts = [
        busy("7"),
        busy("0"),
        busy("86400"),
        busy(format_datetime(soon, usegmt=True)),
        busy("tomorrow"),
    ]
    with (
        FaultyServer(*scripts, response(PAGE)) as server,
        connect(server.url, attempts=6, longest_wait=60) as client,
    ):
        client.page(after=5, limit=10)
    assert waits[:3] == [7, 0, 60]
    assert 28 <= waits[3] <= 31
    assert 16 <= waits[4] <= 17


def test_the_last_error_says_how_long_the_server_wants_to_be_left_alone(
    connect: Callable[..., KoboClient],
) -> None:
    busy = response(status="429 Too Many Requests", Retry_After="90")
    with FaultyServer(busy) as server, connect(server.url) as client, pytest.raises(ServerError) as error:
        client.count()
    assert error.value.retry_after == 90


def unreachable(kind: str) -> str:
    """An address at which nothing answers."""
    if kind == "no such host":
        return "http://kobo.invalid"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("kind", ["no such host", "nothing listens"])
@pytest.mark.parametrize(("attempts", "times"), [(6, 2), (2, 2), (1, 1)])
def test_a_server_that_never_answered_is_asked_twice(
    kind: str, attempts: int, times: int, connect: Callable[..., KoboClient], waits: list[float]
) -> None:
    with (
        connect(unreachable(kind), attempts=attempts) as client,
        pytest.raises(UnreachableError, match="could not be reached"),
    ):
        client.count()
    assert (client.usage.requests, len(waits)) == (times, times - 1)


def test_a_connection_that_times_out_counts_as_unreachable(
    connect: Callable[..., KoboClient],
) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # they are not accepted, so that no further one is taken
            one.setblocking(False)
            one.connect_ex(address)
        with (
            connect(f"http://127.0.0.1:{address[1]}", attempts=6, timeout=(0.2, 0.2)) as client,
            pytest.raises(UnreachableError),
        ):
            client.count()
        for one in waiting:
            one.close()
    assert client.usage.requests == 2


@pytest.mark.parametrize("first", [response(PAGE), BROKEN["502"][0], BROKEN["HTML"][0]])
def test_a_server_that_went_away_is_asked_as_often_as_usual(
    first: bytes, connect: Callable[..., KoboClient]
) -> None:
    with FaultyServer(first) as server:
        client = connect(server.url, attempts=6)
        with suppress(ServerError):
            client.count()
    asked = client.usage.requests
    with client, pytest.raises(UnreachableError):
        client.count()
    assert client.usage.requests == asked + 6


@pytest.mark.parametrize("fault", ["429", "500", "502", "no answer", "a silent server"])
def test_a_busy_server_is_asked_as_often_as_usual_even_at_first(
    fault: str, connect: Callable[..., KoboClient]
) -> None:
    with FaultyServer(BROKEN[fault]) as server:
        with connect(server.url, attempts=6, timeout=(1.0, 0.1)) as client, pytest.raises(ServerError):
            client.count()
        assert len(server.requests) == 6


def test_the_pauses_between_attempts_double(connect: Callable[..., KoboClient], waits: list[float]) -> None:
    with (
        FaultyServer([]) as server,
        connect(server.url, attempts=8, longest_wait=20) as client,
        pytest.raises(ServerError),
    ):
        client.count()
    assert [
        least <= wait <= least + 1 for least, wait in zip([1, 2, 4, 8, 16, 19, 19], waits, strict=True)
    ] == [True] * 7


def test_a_slot_is_free_again_after_every_kind_of_failure(connect: Callable[..., KoboClient]) -> None:
    scripts = [BROKEN[fault] for fault in ("half a body", "no answer", "garbage as gzip", "HTML", "500")]
    with (
        FaultyServer(*scripts, response(PAGE)) as server,
        connect(server.url, max_in_flight=1, attempts=6) as client,
    ):
        assert client.page(after=5, limit=10).ids == [7]


def test_a_busy_server_gets_fewer_requests_at_once(connect: Callable[..., KoboClient]) -> None:
    busy = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
    good: Script = [0.2, response(PAGE)]
    with FaultyServer(*[good] * 40, busy, good) as server, connect(server.url, max_in_flight=8) as client:
        _ask_for_pages(client, 40)
        assert server.most_at_once == 8
        _ask_for_pages(client, 1)
        server.most_at_once = 0
        _ask_for_pages(client, 8)
    assert 1 < server.most_at_once < 7


def _ask_for_pages(client: KoboClient, count: int) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: client.page(after=5, limit=10), range(count)))
