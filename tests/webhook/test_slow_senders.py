"""Senders that are slow, silent or never end: each holds a place for some seconds, and delays no other."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.webhook.application import Tables
from tests.webhook.bodies import PATH, SECRET, body
from tests.webhook.service import Service, running_service
from webhook import BODY_SECONDS, HEAD_SECONDS, SENDERS, SILENT_SECONDS

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HEAD = (
    f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Webhook-Secret: {SECRET}\r\n"
).encode()
HALF_A_BODY = HEAD + b"Content-Length: 100\r\n\r\n{"


@pytest.fixture
def service(migrated: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(migrated, tmp_path) as service:
        yield service


@contextmanager
def senders(service: Service, number: int, said: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that say this and then nothing more."""
    connections = [service.connect() for _ in range(number)]
    try:
        for connection in connections:
            connection.sendall(said)
        yield connections
    finally:
        for connection in connections:
            connection.close()


def answer(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except OSError:
        return b""


def seconds_served_in(service: Service) -> float:
    """Until a delivery is taken; told that there is no room, its sender comes again, as KoboToolbox does."""
    started = time.monotonic()
    while (status := service.post(body(1))[0]) == 503:
        time.sleep(0.2)
    assert status == 200
    return time.monotonic() - started


def test_silent_connections_block_no_delivery(service: Service, tables: Tables) -> None:
    with senders(service, SENDERS, b"") as silent:
        assert seconds_served_in(service) < 2
        silent[0].settimeout(15)
        assert answer(silent[0]) == b""
    assert tables.count()["records"] == 1


@pytest.mark.parametrize(
    ("said", "told"), [(HEAD, b""), (HALF_A_BODY, b"HTTP/1.1 408 ")], ids=["in the head", "in the body"]
)
def test_senders_that_fall_silent_give_their_places_back(
    service: Service, tables: Tables, said: bytes, told: bytes
) -> None:
    with senders(service, 2 * SENDERS, said) as silent:
        assert seconds_served_in(service) < HEAD_SECONDS + SILENT_SECONDS + 3
        assert answer(silent[0]).startswith(told)
        assert (answer(silent[1]) == b"") == (told == b"")
    assert tables.count() == {"records": 1, "ledger": 1, "to_fetch": 0, "dead": 0}


@contextmanager
def dripping(connection: socket.socket, piece: bytes) -> Iterator[Callable[[], bool]]:
    """Send a piece every half second; tells whether it is still taken."""
    stop = threading.Event()

    def drip() -> None:
        try:
            while not stop.wait(0.5):
                connection.sendall(piece)
        except OSError:
            stop.set()

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield lambda: not stop.is_set()
    finally:
        stop.set()
        thread.join()


@pytest.mark.long
@pytest.mark.parametrize(
    ("said", "piece", "limit", "told"),
    [
        (HEAD, b"X-Drip: 1\r\n", HEAD_SECONDS, b""),
        (HALF_A_BODY.replace(b" 100", b" 900"), b"1", BODY_SECONDS, b"HTTP/1.1 408 "),
    ],
    ids=["the head", "the body"],
)
def test_a_sender_that_drips_is_cut_off(
    service: Service, said: bytes, piece: bytes, limit: float, told: bytes
) -> None:
    with service.connect() as connection:
        connection.sendall(said)
        started = time.monotonic()
        with dripping(connection, piece):
            assert answer(connection).startswith(told)
            assert limit - 1 < time.monotonic() - started < limit + 3
        assert service.get("/health/live") == 200
