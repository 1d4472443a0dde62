"""Around the application: faults on demand, and a log of the requests that were served."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from simulator.responses import HTML_404, HTML_500, HTML_502, HTML_LOGIN, INVALID_TOKEN, NOT_FOUND, compact

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_JSON, _HTML = "application/json", "text/html; charset=utf-8"
_EMPTY = compact({"count": 0, "next": None, "previous": None, "results": []})
_RESPONSES: dict[str, tuple[int, str, str]] = {
    "400": (400, _JSON, compact(["Unsupported query"])),
    "401": (401, _JSON, compact(INVALID_TOKEN)),
    "403": (403, _JSON, compact({"detail": "Your account access has been restricted."})),
    "404": (404, _JSON, compact(NOT_FOUND)),
    "404-html": (404, _HTML, HTML_404),
    "429": (429, _JSON, compact({"detail": "Request was throttled."})),
    "500": (500, _HTML, HTML_500),
    "502": (502, _HTML, HTML_502),
    "503": (503, _HTML, HTML_502.replace("502 Bad Gateway", "503 Service Unavailable")),
    "504": (504, _HTML, HTML_502.replace("502 Bad Gateway", "504 Gateway Time-out")),
    "html": (200, _HTML, HTML_LOGIN),
    "empty": (200, _JSON, _EMPTY),
}
KINDS = (*_RESPONSES, "half", "drop", "slow", "repeat", "short")


@dataclass
class Fault:
    """One kind of fault and the requests that it strikes.

    :param kind: one of ``KINDS``: a status, or ``html`` (a 200 with a page), ``empty`` (no rows), ``half``
        (half a body), ``drop`` (no response), ``slow``, ``repeat`` (the last page again), ``short`` (half the
        rows).
    :param count: how many requests it strikes; None: all that fit.
    :param every: it strikes every nth fitting request.
    :param after: how many fitting requests it lets pass first.
    :param path: a regular expression that must be found in path and query.
    :param method: the HTTP method; empty: any.
    :param seconds: how long ``slow`` waits.
    :param retry_after: the header of that name, in seconds.
    """

    kind: str
    count: int | None = None
    every: int = 1
    after: int = 0
    path: str = ""
    method: str = ""
    seconds: float = 1.0
    retry_after: int | None = None
    seen: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; there are {', '.join(KINDS)}")
        self._path = re.compile(self.path)

    def strikes(self, method: str, path: str) -> bool:
        """Return True if this request is struck; it is counted.

        :param method: the HTTP method.
        :param path: path and query.
        """
        if (self.count is not None and self.struck >= self.count) or not self._fits(method, path):
            return False
        self.seen += 1
        struck = self.seen > self.after and (self.seen - self.after) % self.every == 0
        self.struck += struck
        return struck

    def _fits(self, method: str, path: str) -> bool:
        return self.method in ("", method) and self._path.search(path) is not None


@dataclass
class _Exchange:
    """One request, and what is noted of its response."""

    environ: WSGIEnvironment
    start: StartResponse
    note: dict[str, Any]
    headers: list[tuple[str, str]] = field(default_factory=list)

    def serve(self, app: WSGIApplication) -> list[bytes]:
        """Let the application respond."""

        def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            self.note["status"], self.headers = int(status[:3]), headers
            return self.start(status, headers, *rest)

        return list(app(self.environ, started))

    def respond(self, status: int, headers: list[tuple[str, str]], body: bytes) -> list[bytes]:
        """Respond without the application."""
        self.note["status"] = status
        self.start(f"{status} {HTTPStatus(status).phrase}", headers)
        return [body]

    def halve_limit(self) -> None:
        """Ask for half the rows."""
        params = dict(parse_qsl(self.environ["QUERY_STRING"]))
        limit = max(1, int(params.get("limit", 100)) // 2)
        self.environ["QUERY_STRING"] = urlencode(params | {"limit": limit})

    def hang_up(self) -> None:
        """Close the connection at once."""
        connection: socket.socket = self.environ["gunicorn.socket"]
        connection.shutdown(socket.SHUT_RDWR)


class Faults:
    """The faults that are set, the requests that were served, and the application between them.

    :param app: the application that serves requests that are not struck.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._last_page = (_headers(_JSON, _EMPTY), _EMPTY.encode())
        self.set: list[Fault] = []
        self.requests: deque[dict[str, Any]] = deque(maxlen=200_000)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request, struck or not."""
        method, path, query = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"]
        if path.startswith("/_control/"):
            return self._app(environ, start_response)
        fault = self._striking(method, f"{path}?{query}" if query else path)
        note = {"method": method, "path": path, "query": query, "status": 0, "bytes": 0}
        note["gzip"] = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")
        note["fault"] = fault.kind if fault else ""
        self.requests.append(note)
        exchange = _Exchange(environ, start_response, note)
        return _counted(self._serve(exchange) if fault is None else self._strike(fault, exchange), note)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self.set.clear()

    def _striking(self, method: str, path: str) -> Fault | None:
        with self._lock:
            return next((fault for fault in self.set if fault.strikes(method, path)), None)

    def _serve(self, exchange: _Exchange) -> list[bytes]:
        body = exchange.serve(self._app)
        if exchange.note["status"] == 200 and re.search(r"/data(\.json|/?)$", exchange.note["path"]):
            self._last_page = (exchange.headers, b"".join(body))
        return body

    def _strike(self, fault: Fault, exchange: _Exchange) -> Iterable[bytes]:
        if fault.kind in _RESPONSES:
            status, content_type, text = _RESPONSES[fault.kind]
            headers = _headers(content_type, text)
            if fault.retry_after is not None:
                headers.append(("Retry-After", str(fault.retry_after)))
            return exchange.respond(status, headers, text.encode())
        if fault.kind == "repeat":
            return exchange.respond(200, *self._last_page)
        if fault.kind == "drop":
            exchange.hang_up()
            return exchange.respond(500, _headers(_HTML, ""), b"")
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        if fault.kind == "short":
            exchange.halve_limit()
        body = self._serve(exchange)
        return _half(body, exchange) if fault.kind == "half" else body


def _headers(content_type: str, text: str) -> list[tuple[str, str]]:
    return [("Content-Type", content_type), ("Content-Length", str(len(text.encode())))]


def _counted(body: Iterable[bytes], note: dict[str, Any]) -> Iterator[bytes]:
    for chunk in body:
        note["bytes"] += len(chunk)
        yield chunk


def _half(body: list[bytes], exchange: _Exchange) -> Iterator[bytes]:
    whole = b"".join(body)
    yield whole[: len(whole) // 2]
    exchange.hang_up()
