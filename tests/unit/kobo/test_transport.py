from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kobo_mirror.errors import ConfigurationError, ServerError
from kobo_mirror.kobo.form import KoboClient, ResponseTooLargeError, open_form
from kobo_mirror.kobo.transport import Transport
from simulator.process import SimulatorProcess
from tests.support.faulty_server import FAKE_TOKEN, FaultyServer, drip, response
from tests.support.forward_proxy import ForwardProxy

PAGE = b'{"count": 1, "results": [{"_id": 7, "__version__": "v1"}]}'


@pytest.mark.parametrize(
    "script",
    [
        [response(length=1000), *drip(b"x" * 1000, pause=0.05)],
        [*drip(b"HTTP/1.1 200 OK\r\n" * 50, pause=0.05)],
    ],
    ids=["body", "head"],
)
def test_an_answer_that_drips_for_ever_is_cut_off(
    script: list[bytes | float], connect: Callable[..., KoboClient]
) -> None:
    with FaultyServer(script) as server, connect(server.url, ceiling=0.3, attempts=1) as client:
        started = time.monotonic()
        with pytest.raises(ServerError):
            client.page(after=5, limit=10)
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip bomb"])
def test_an_answer_over_64_mib_is_refused_once(packed: bool, connect: Callable[..., KoboClient]) -> None:
    body = b" " * (65 << 20)
    script = response(gzip.compress(body, 1), Content_Encoding="gzip") if packed else response(body)
    with FaultyServer(script) as server, connect(server.url) as client:
        with pytest.raises(ResponseTooLargeError, match="more than 64 MiB"):
            client.page(after=5, limit=10)
        assert len(server.requests) == 1


def test_no_redirect_is_followed_and_no_other_host_sees_the_token(connect: Callable[..., KoboClient]) -> None:
    with FaultyServer(response(PAGE)) as other:
        redirect = response(status="302 Found", Location=f"{other.url}/login?next=secret")
        with FaultyServer(redirect) as server, connect(server.url) as client:
            with pytest.raises(
                ConfigurationError, match=r"redirects to http://127.0.0.1 .302.*Set KOBO_URL"
            ) as error:
                client.page(after=5, limit=10)
            assert len(server.requests) == 1
        assert "secret" not in str(error.value)
        assert other.requests == []


def test_what_is_asked_for(connect: Callable[..., KoboClient]) -> None:
    with FaultyServer(response(PAGE)) as server, connect(server.url + "/") as client:
        client.page(after=5, upto=100, limit=10)
    line, _, headers = server.requests[0].partition("\r\n")
    assert line.startswith("GET /api/v2/assets/aForm/data.json?query=%7B%22_id%22:%7B%22%24gt%22:5,")
    assert f"\r\nAuthorization: Token {FAKE_TOKEN}\r\n" in f"\r\n{headers}"
    assert "\r\nAccept-Encoding: gzip\r\n" in f"\r\n{headers}"


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_no_cache_may_answer(method: str) -> None:
    with FaultyServer(response(PAGE)) as server:
        sending = Transport(
            server.url, setting="KOBO_URL", headers={}, connections=1, timeout=(1.0, 1.0), ceiling=5.0
        )
        with closing(sending):
            sending.send(method, body=b"{}" if method in ("POST", "PATCH") else None)
    assert server.requests[0].startswith(f"{method} / ")
    for header in ("Cache-Control: no-cache", "Pragma: no-cache"):
        assert f"\r\n{header}\r\n" in server.requests[0]


def test_caches_on_the_path_are_told_not_to_answer(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = urlsplit(simulator.url).port
    assert port
    with ForwardProxy(port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with open_form("http://kobo.example.org", simulator.token, simulator.asset) as client:
            client.form()
            client.page(after=0, limit=10)
            next(client.history(most=1), None)
            client.hooks()
    assert len(proxy.heads) >= 4
    assert all("\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n" in head for head in proxy.heads)


def test_threads_share_a_client_and_its_limit(connect: Callable[..., KoboClient]) -> None:
    with FaultyServer([0.05, response(PAGE)]) as server, connect(server.url, max_in_flight=2) as client:
        with ThreadPoolExecutor(8) as threads:
            pages = list(threads.map(lambda _: client.page(after=5, limit=10), range(16)))
        assert [page.ids for page in pages] == [[7]] * 16
        assert server.most_at_once == 2
        assert client.usage.requests == 16
        assert client.usage.bytes == 16 * len(PAGE)


def test_connections_are_used_again(connect: Callable[..., KoboClient]) -> None:
    accepted: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                time.sleep(0.05)
                connection.sendall(response(PAGE, Connection="keep-alive"))

    def accept() -> None:
        while True:
            try:
                accepted.append(listener.accept()[0])
            except OSError:
                return
            threading.Thread(target=serve, args=accepted[-1:], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with connect(url, max_in_flight=3, attempts=1) as client, ThreadPoolExecutor(3) as threads:
            for _ in range(4):
                pages = list(threads.map(lambda _: client.page(after=5, limit=10), range(3)))
                assert [page.ids for page in pages] == [[7]] * 3
        listener.shutdown(socket.SHUT_RDWR)
    assert len(accepted) == 3


def test_a_connection_with_the_rest_of_an_answer_in_it_is_not_used_again(
    connect: Callable[..., KoboClient],
) -> None:
    large = response(b" " * (65 << 20), Connection="keep-alive")
    with FaultyServer(large, response(PAGE)) as server, connect(server.url, attempts=1) as client:
        with pytest.raises(ResponseTooLargeError):
            client.page(after=5, limit=10)
        assert client.page(after=5, limit=10).ids == [7]


def test_a_server_that_says_nothing_did_not_answer_in_time(connect: Callable[..., KoboClient]) -> None:
    with (
        FaultyServer([1.0]) as server,
        connect(server.url, timeout=(1.0, 0.1)) as client,
        pytest.raises(ServerError, match="did not answer in time"),
    ):
        client.count()


def test_a_server_that_is_not_there_is_a_server_error(connect: Callable[..., KoboClient]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    with (
        connect(f"http://127.0.0.1:{free}") as client,
        pytest.raises(ServerError, match="could not be reached"),
    ):
        client.count()


def test_https_asked_of_a_plain_server_is_a_server_error(connect: Callable[..., KoboClient]) -> None:
    with (
        FaultyServer(response(status="400 Bad Request")) as server,
        connect(server.url.replace("http:", "https:")) as client,
        pytest.raises(ServerError, match="could not be reached"),
    ):
        client.count()


def test_an_untrusted_certificate_is_a_configuration_error(
    connect: Callable[..., KoboClient], self_signed: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake_hands() -> None:
            connection, _ = listener.accept()
            with connection, pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)

        threading.Thread(target=shake_hands, daemon=True).start()
        with (
            connect(f"https://127.0.0.1:{listener.getsockname()[1]}") as client,
            pytest.raises(ConfigurationError, match=r"certificate .* could not be verified. Check KOBO_URL"),
        ):
            client.count()


@pytest.mark.parametrize(
    "url", ["", "kf.kobotoolbox.org", "ftp://kf.kobotoolbox.org", "http://", "http://[::1", "http://h:port"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="KOBO_URL must be an address"):
        open_form(url, FAKE_TOKEN, "aForm")


@pytest.mark.parametrize("token", ["", "with\r\nX-Header: smuggled", "größer"])
def test_a_token_that_cannot_be_one(token: str) -> None:
    with pytest.raises(ConfigurationError, match="KOBO_TOKEN must be"):
        open_form("http://127.0.0.1:1", token, "aForm")
