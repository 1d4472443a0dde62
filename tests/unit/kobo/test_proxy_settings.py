"""Which outbound proxy the environment names for a server."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.kobo.form import open_form
from kobo_mirror.kobo.proxy import proxy_for
from tests.support.faulty_server import FAKE_TOKEN

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def named(server: str) -> str | None:
    """The address of the proxy by which a server is reached, and its variable."""
    proxy = proxy_for(urlsplit(server))
    return f"{proxy.setting} {proxy.address}" if proxy else None


@pytest.mark.parametrize(
    ("env", "http", "https"),
    [
        ({}, None, None),
        ({"HTTP_PROXY": ""}, None, None),
        ({"HTTP_PROXY": "http://p:1"}, "HTTP_PROXY http://p:1", None),
        ({"HTTPS_PROXY": "http://p:1"}, None, "HTTPS_PROXY http://p:1"),
        ({"https_proxy": "http://p:1"}, None, "HTTPS_PROXY http://p:1"),
        ({"ALL_PROXY": "http://p:1"}, "ALL_PROXY http://p:1", "ALL_PROXY http://p:1"),
        (
            {"ALL_PROXY": "http://p:1", "https_proxy": "https://q:2"},
            "ALL_PROXY http://p:1",
            "HTTPS_PROXY https://q:2",
        ),
        ({"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:2"}, None, "HTTPS_PROXY http://q:2"),
        ({"HTTPS_PROXY": "p.example:3128"}, None, "HTTPS_PROXY http://p.example:3128"),
        ({"HTTPS_PROXY": " http://p:1/ "}, None, "HTTPS_PROXY http://p:1"),
        ({"HTTPS_PROXY": "http://u:s@p:1"}, None, "HTTPS_PROXY http://p:1"),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, None, "HTTPS_PROXY http://[::1]:3128"),
        ({"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, None, None),
        ({"http_proxy": "http://p:1", "REQUEST_METHOD": "GET"}, "HTTP_PROXY http://p:1", None),
    ],
)
def test_the_environment_names_the_proxy(
    env: dict[str, str], http: str | None, https: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert (named("http://kf.example.org"), named("https://kf.example.org")) == (http, https)


@pytest.mark.parametrize(
    ("no_proxy", "server", "exempt"),
    [
        ("", "https://kf.example.org", False),
        ("*", "https://kf.example.org", True),
        ("kf.example.org", "https://kf.example.org", True),
        ("kf.example.org", "https://KF.example.org", True),
        ("other.org, KF.Example.org", "https://kf.example.org", True),
        ("other.org kf.example.org", "https://kf.example.org", True),
        ("example.org", "https://kf.example.org", True),
        (".example.org", "https://kf.example.org", True),
        ("*.example.org", "https://kf.example.org", True),
        ("example.org", "https://kfexample.org", False),
        ("f.example.org", "https://kf.example.org", False),
        ("kf.example.org.evil.org", "https://kf.example.org", False),
        ("kf.example.org:443", "https://kf.example.org", True),
        ("kf.example.org:8443", "https://kf.example.org", False),
        ("kf.example.org:8443", "https://kf.example.org:8443", True),
        ("10.1.2.3", "http://10.1.2.3:8000", True),
        ("10.1.2.3:8000", "http://10.1.2.3:8000", True),
        ("10.1.2.3:80", "http://10.1.2.3:8000", False),
        ("10.0.0.0/8", "http://10.1.2.3", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("10.0.0.0/8", "http://kf.example.org", False),
        ("::1", "http://[::1]:8000", True),
        ("[::1]", "http://[::1]:8000", True),
        ("fd00::/8", "http://[fd00::7]", True),
        ("127.0.0.1,localhost,,", "https://kf.example.org", False),
        (",", "https://kf.example.org", False),
        (".", "https://kf.example.org", False),
    ],
)
def test_no_proxy_exempts_a_server(
    no_proxy: str, server: str, exempt: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy_for(urlsplit(server)) is None) == exempt


@pytest.mark.parametrize(
    "url", ["socks5://s3cret@p:1", "http://", "http://u:s3cret@p:port", "http://[s3cret"]
)
def test_what_cannot_be_a_proxy_is_a_sentence_without_its_value(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", url)
    with pytest.raises(
        ConfigurationError, match=r"^HTTPS_PROXY must be the address of an HTTP proxy"
    ) as found:
        open_form("https://kf.example.org", FAKE_TOKEN, "aForm")
    assert "s3cret" not in str(found.value)
