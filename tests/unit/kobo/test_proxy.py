"""Outbound proxies between the client and a real server, over http and over https."""

from __future__ import annotations

import logging
import socket
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kobo_mirror.errors import ConfigurationError, ServerError, UnreachableError
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.kobo.rest_services import ensure_registered
from simulator.process import SimulatorProcess
from tests.support.faulty_server import FaultyServer, response
from tests.support.forward_proxy import ForwardProxy
from tests.support.reverse_proxy import ReverseProxy

PASSWORD = "p@ss:wörd/1"


AS_IN_AN_ADDRESS = "p%40ss%3Aw%C3%B6rd%2F1"


BASIC = f"Basic {b64encode(f'meg:{PASSWORD}'.encode()).decode()}"


NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_server_that_only_the_proxy_can_reach(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, ids = urlsplit(simulator.url).port or 0, simulator.control.ids()
    with ForwardProxy(port, login=BASIC) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://meg:{AS_IN_AN_ADDRESS}@{proxy.address}")
        with open_form("http://kf.invalid", simulator.token, simulator.asset, attempts=1) as client:
            assert client.count() == 30
            assert client.page(after=0, limit=7).ids == ids[:7]
    assert proxy.lines[-1].startswith("GET http://kf.invalid/api/v2/assets/")
    assert all(line.startswith("GET http://kf.invalid/") for line in proxy.lines)
    assert all("\r\nHost: kf.invalid\r\n" in head for head in proxy.heads)


def test_a_tunnel_shows_the_proxy_nothing(
    simulator: SimulatorProcess, self_signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = simulator.control.ids()
    monkeypatch.setenv("SSL_CERT_FILE", str(self_signed))
    with (
        ReverseProxy(simulator.url, certificate=self_signed) as server,
        ForwardProxy(server.port, login=BASIC) as proxy,
    ):
        monkeypatch.setenv("https_proxy", f"http://meg:{AS_IN_AN_ADDRESS}@{proxy.address}")
        with open_form("https://127.0.0.1:9", simulator.token, simulator.asset, attempts=1) as client:
            assert client.count() == 30
            assert client.page(after=0, limit=7).ids == ids[:7]
    [line] = proxy.lines  # one tunnel, used again
    assert line.startswith("CONNECT 127.0.0.1:9 HTTP/")
    assert len(server.paths) == 2
    assert simulator.token not in "".join(proxy.heads)


def test_behind_a_tunnel_the_servers_own_certificate_counts(
    simulator: SimulatorProcess, self_signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        ReverseProxy(simulator.url, certificate=self_signed) as server,
        ForwardProxy(server.port) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with (
            open_form("https://127.0.0.1:9", simulator.token, simulator.asset) as client,
            pytest.raises(ConfigurationError, match=r"certificate of https://127.0.0.1:9 could not be"),
        ):
            client.count()
    assert server.paths == []


def test_a_server_that_is_exempt_is_reached_directly(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ForwardProxy(9) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
        with open_form(simulator.url, simulator.token, simulator.asset, attempts=1) as client:
            assert client.count() == 30
    assert proxy.lines == []


def test_no_redirect_is_followed_through_a_proxy(
    connect: Callable[..., KoboClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = response(status="302 Found", Location="http://login.example/?next=secret")
    with FaultyServer(moved) as server, ForwardProxy(urlsplit(server.url).port or 0) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        said = r"^http://kf.invalid redirects to http://login.example \(302\), not followed"
        with connect("http://kf.invalid") as client, pytest.raises(ConfigurationError, match=said):
            client.count()
    assert len(proxy.lines) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("login", "said"),
    [
        ("", r"^The proxy http://{} of ALL_PROXY wants a user and a password \(407\)\. Set ALL_PROXY to "),
        (
            "meg:wr0ng@",
            r"^The proxy http://{} of ALL_PROXY refused the user and password in ALL_PROXY \(407\)",
        ),
    ],
)
def test_a_proxy_that_wants_another_login_is_asked_once(
    scheme: str, login: str, said: str, connect: Callable[..., KoboClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ForwardProxy(9, login=BASIC) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://{login}{proxy.address}")
        with (
            connect(f"{scheme}://kf.invalid") as client,
            pytest.raises(ConfigurationError, match=said.format(proxy.address)) as error,
        ):
            client.count()
    assert len(proxy.lines) == 1
    assert no_secret_in("wr0ng", error.value, "")


@pytest.mark.parametrize(
    "status", ["403 Forbidden", "502 Bad Gateway", "503 Service Unavailable", "504 Slow"]
)
def test_a_proxy_that_makes_no_tunnel_is_named(
    status: str,
    connect: Callable[..., KoboClient],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with ForwardProxy(9, refusal=status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://meg:{AS_IN_AN_ADDRESS}@{proxy.address}")
        said = (
            rf"^https://kf.invalid could not be reached\. The proxy .* of HTTPS_PROXY answered {status[:3]}\."
        )
        with connect("https://kf.invalid") as client, pytest.raises(UnreachableError, match=said) as error:
            client.count()
    assert len(proxy.lines) == 2
    assert no_secret_in(PASSWORD, error.value, caplog.text)
    assert no_secret_in(AS_IN_AN_ADDRESS, error.value, caplog.text)
    assert no_secret_in(BASIC, error.value, caplog.text)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "proxy.invalid"])
def test_a_proxy_that_is_not_there_is_named(
    scheme: str,
    host: str,
    connect: Callable[..., KoboClient],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    monkeypatch.setenv("ALL_PROXY", f"http://meg:{AS_IN_AN_ADDRESS}@{host}:{free}")
    said = rf"^The proxy http://{host}:{free} of ALL_PROXY could not be reached, and so {scheme}://kf.invalid"
    with connect(f"{scheme}://kf.invalid") as client, pytest.raises(UnreachableError, match=said) as error:
        client.count()
    assert no_secret_in(PASSWORD, error.value, caplog.text)


def test_a_tunnel_that_drips_for_ever_is_cut_off(
    connect: Callable[..., KoboClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ForwardProxy(9, drips=True) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with connect("https://kf.invalid", ceiling=0.3, attempts=1) as client:
            started = time.monotonic()
            with pytest.raises(ServerError):
                client.count()
            assert time.monotonic() - started < 2


def test_the_registrar_is_reached_through_the_proxy_too(
    connect: Callable[..., KoboClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(response(b"{}")) as server, ForwardProxy(urlsplit(server.url).port or 0) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with connect("http://kf.invalid") as client:
            found = ensure_registered(
                client,
                endpoint="https://mirror.example.org/api/real-time-updates",
                secret="s3cret",
                registrar_url="http://registrar.invalid/register",
                known=[],
            )
    assert found.changed
    assert proxy.lines == ["POST http://registrar.invalid/register HTTP/1.1"]
    assert server.requests[0].startswith("POST /register HTTP/1.1\r\n")


def no_secret_in(secret: str, error: BaseException | None, log: str) -> bool:
    """Whether neither an error, nor what it came from, nor the log holds a secret."""
    told = [log]
    while error:
        told.append(f"{error} {error!r}")
        error = error.__cause__ or error.__context__
    return all(secret not in text for text in told)
