"""A reverse proxy in front of a simulated server: it passes requests on and may change the responses."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

_PASSED_ON = ("authorization", "content-type", "accept")
_DIRECTLY = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class ProxiedResponse:
    """A response: its status, its body and further headers than its length."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Change = Callable[[str, ProxiedResponse], ProxiedResponse]
"""Given path and query of the request and what the server answered, what the front end answers."""


class ReverseProxy:
    """A proxy at ``url`` until the block ends; ``paths`` are those of the requests.

    ``most_at_once`` is how many were under way at one moment.

    :param behind: the server's address.
    :param change: what becomes of each response.
    :param certificate: a certificate with its key, to speak TLS.
    """

    def __init__(
        self, behind: str, change: Change = lambda _, answered: answered, *, certificate: Path | None = None
    ) -> None:
        self._requests = _Requests()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(behind, change, self._requests))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.url = self.url.replace("http:", "https:")

    @property
    def paths(self) -> list[str]:
        return self._requests.paths

    @property
    def most_at_once(self) -> int:
        return self._requests.most_at_once

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def spelling(value: bytes) -> Change:
    """Return a change that spells each text ``@odd@`` in the responses in another way."""
    return lambda path, answered: replace(answered, body=answered.body.replace(b'"@odd@"', value))


class _Requests:
    """The paths of the requests, and how many of them were under way at once."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()

    @contextmanager
    def under_way(self, path: str) -> Iterator[None]:
        with self._lock:
            self.paths.append(path)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1


def _handler(behind: str, change: Change, requests: _Requests) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing."""

        def go(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            headers = {name: value for name, value in self.headers.items() if name.lower() in _PASSED_ON}
            request = Request(behind + self.path, body, headers, method=self.command)  # noqa: S310  # loopback
            with requests.under_way(self.path):
                answered = change(self.path, _ask(request))
            self.send_response(answered.status)
            for name, value in answered.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answered.body)))
            self.end_headers()
            self.wfile.write(answered.body)

        do_GET = do_POST = do_PATCH = do_DELETE = go

    return Handler


def _ask(request: Request) -> ProxiedResponse:
    try:
        with _DIRECTLY.open(request) as answer:
            status, kind, body = answer.status, answer.headers.get("Content-Type"), answer.read()
    except HTTPError as refusal:
        status, kind, body = refusal.code, refusal.headers.get("Content-Type"), refusal.read()
    return ProxiedResponse(status, body, {"Content-Type": kind or "application/json"})
