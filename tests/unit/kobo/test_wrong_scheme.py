"""https to a port that speaks plain HTTP, and http to one that wants TLS: an error after two attempts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kobo_mirror.errors import RequestError, UnreachableError
from kobo_mirror.kobo.form import KoboClient
from simulator.process import SimulatorProcess
from tests.support.faulty_server import FaultyServer, Script, response

PLAIN = "TLS with it failed. If it speaks plain HTTP, set KOBO_URL to the same address with http://."
WANTS_TLS = "by plain HTTP: it wants TLS. Set KOBO_URL to the same address with https://."

each_number_of_attempts = pytest.mark.parametrize(("attempts", "times"), [(6, 2), (2, 2), (1, 1)])


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def plain_server() -> Iterator[str]:
    """The address of Python's own server, without TLS."""
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refused(client: KoboClient, *, times: int) -> str:
    """Ask; it must fail as at first contact. Returns the sentence."""
    with client, pytest.raises(UnreachableError) as caught:
        client.count()
    assert client.usage.requests == times
    return str(caught.value)


@each_number_of_attempts
@pytest.mark.parametrize(
    "script",
    [
        response(b"Bad request", status="400 Bad Request"),
        response(b'{"count": 0, "results": []}'),
        b"HTTP/1.0 400 Bad request\r\n\r\n",
        b"<html><h1>Bad Request</h1></html>",
        b"220 smtp.example.org ESMTP\r\n",
        [],
    ],
    ids=["400", "200", "HTTP/1.0", "HTTP/0.9", "no HTTP", "nothing"],
)
def test_tls_that_nothing_there_speaks(
    script: Script | bytes, attempts: int, times: int, connect: Callable[..., KoboClient]
) -> None:
    with FaultyServer(script) as server:
        url = server.url.replace("http:", "https:")
        assert refused(connect(url, attempts=attempts), times=times) == f"{url} could not be reached: {PLAIN}"


def test_tls_asked_of_real_servers(
    plain_server: str, simulator_process: SimulatorProcess, connect: Callable[..., KoboClient]
) -> None:
    for address in (plain_server, simulator_process.url):
        url = address.replace("http:", "https:")
        assert refused(connect(url, attempts=6), times=2).endswith(PLAIN)


@each_number_of_attempts
@pytest.mark.parametrize(
    "script",
    [
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x15\x03\x03\x00\x02\x02\x0a",
        response(
            b"<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>",
            status="400 Bad Request",
        ),
        response(
            b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
            status="400 Bad Request",
        ),
        response(b"Client sent an HTTP request to an HTTPS server.\n", status="400 Bad Request"),
        response(b"Bad Request\nThis combination of host and port requires TLS.\n", status="400 "),
    ],
    ids=["an alert of TLS 1.0", "an alert of TLS 1.2", "nginx", "Apache", "Go", "Tomcat"],
)
def test_plain_http_where_tls_is_wanted(
    script: bytes, attempts: int, times: int, connect: Callable[..., KoboClient]
) -> None:
    with FaultyServer(script) as server:
        said = refused(connect(server.url, attempts=attempts), times=times)
        assert said == f"{server.url} could not be reached {WANTS_TLS}"


def test_another_refusal_of_the_server_is_not_taken_for_that(connect: Callable[..., KoboClient]) -> None:
    said = response(b'{"detail": "This combination of filters is not known"}', status="400 Bad Request")
    with FaultyServer(said) as server, connect(server.url) as client, pytest.raises(RequestError):
        client.count()
