"""Around the application: faults on demand, and a log of what was served."""

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

from simulator.answers import HTML_404, HTML_500, HTML_502, HTML_LOGIN, INVALID_TOKEN, NOT_FOUND, compact

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_JSON, _HTML = "application/json", "text/html; charset=utf-8"
_EMPTY = {"count": 0, "next": None, "previous": None, "results": []}
_ANSWERS: dict[str, tuple[int, str, str]] = {
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
    "empty": (200, _JSON, compact(_EMPTY)),
}
KINDS = (*_ANSWERS, "half", "drop", "slow", "repeat", "short")


@dataclass
class Fault:
    """One kind of fault and the requests that it strikes.

    :param kind: one of ``KINDS``: a status, or ``html`` (a 200 with a page), ``empty`` (no rows), ``half`` (half a
        body), ``drop`` (no answer), ``slow``, ``repeat`` (the answer before once more), ``short`` (half the rows).
    :param count: how many requests it strikes, None = all that come.
    :param every: it strikes every nth fitting request.
    :param after: how many fitting requests it lets pass first.
    :param path: a regular expression that must be found in path and query.
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
        """Whether this request is struck; counts it."""
        if (self.count is not None and self.struck >= self.count) or not self._fits(method, path):
            return False
        self.seen += 1
        struck = self.seen > self.after and (self.seen - self.after) % self.every == 0
        self.struck += struck
        return struck

    def _fits(self, method: str, path: str) -> bool:
        return self.method in ("", method) and self._path.search(path) is not None


class Faults:
    """The faults that are set, the requests that were served, and the application between them."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._last_page = compact(_EMPTY).encode()
        self.set: list[Fault] = []
        self.requests: deque[dict[str, Any]] = deque(maxlen=200_000)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        if path.startswith("/_control/"):
            return self._app(environ, start_response)
        fault = self._striking(environ["REQUEST_METHOD"], f"{path}?{query}" if query else path)
        entry = {"method": environ["REQUEST_METHOD"], "path": path, "query": query, "status": 0, "bytes": 0}
        entry |= {"gzip": "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""), "fault": fault.kind if fault else ""}
        self.requests.append(entry)
        if fault is None:
            return self._counted(self._served(environ, start_response, entry), entry)
        return self._counted(self._struck(fault, environ, start_response, entry), entry)

    def clear(self) -> None:
        """No faults any more."""
        with self._lock:
            self.set.clear()

    def _striking(self, method: str, path: str) -> Fault | None:
        with self._lock:
            return next((fault for fault in self.set if fault.strikes(method, path)), None)

    def _struck(
        self, fault: Fault, environ: WSGIEnvironment, start_response: StartResponse, entry: dict[str, Any]
    ) -> Iterable[bytes]:
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        elif fault.kind == "short":
            params = dict(parse_qsl(environ["QUERY_STRING"]))
            environ["QUERY_STRING"] = urlencode(params | {"limit": max(1, int(params.get("limit", 100)) // 2)})
        elif fault.kind == "drop":
            _hang_up(environ)
            start_response("500 Dropped", [("Content-Length", "0")])
            return []
        elif fault.kind == "half":
            return _half(self._served(environ, start_response, entry), environ)
        elif fault.kind == "repeat":
            return self._answer(200, _JSON, self._last_page, {}, start_response, entry)
        else:
            status, content_type, text = _ANSWERS[fault.kind]
            headers = {"WWW-Authenticate": "Session"} if status == 401 else {}
            if fault.retry_after is not None:
                headers["Retry-After"] = str(fault.retry_after)
            return self._answer(status, content_type, text.encode(), headers, start_response, entry)
        return self._served(environ, start_response, entry)

    def _served(
        self, environ: WSGIEnvironment, start_response: StartResponse, entry: dict[str, Any]
    ) -> Iterable[bytes]:
        encoded = False

        def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            nonlocal encoded
            entry["status"] = int(status[:3])
            encoded = any(name.lower() == "content-encoding" for name, _ in headers)
            return start_response(status, headers, *rest)

        body = list(self._app(environ, started))
        if entry["status"] == 200 and entry["path"].endswith(("/data.json", "/data/", "/data")) and not encoded:
            self._last_page = b"".join(body)
        return body

    def _answer(
        self,
        status: int,
        content_type: str,
        body: bytes,
        headers: dict[str, str],
        start_response: StartResponse,
        entry: dict[str, Any],
    ) -> Iterable[bytes]:
        entry["status"] = status
        given = {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}
        start_response(f"{status} {HTTPStatus(status).phrase}", list(given.items()))
        return [body]

    def _counted(self, body: Iterable[bytes], entry: dict[str, Any]) -> Iterator[bytes]:
        for chunk in body:
            entry["bytes"] += len(chunk)
            yield chunk


def _half(body: Iterable[bytes], environ: WSGIEnvironment) -> Iterator[bytes]:
    whole = b"".join(body)
    yield whole[: len(whole) // 2]
    _hang_up(environ)


def _hang_up(environ: WSGIEnvironment) -> None:
    connection: socket.socket = environ["gunicorn.socket"]
    connection.shutdown(socket.SHUT_RDWR)
