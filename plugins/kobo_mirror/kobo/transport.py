"""Sends one HTTP request to one server and gives its whole answer, bounded in time and in size."""

from __future__ import annotations

import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from socket import SHUT_RDWR, socket
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, ReadTimeoutError, SSLError
from urllib3.util import Retry, Timeout

from kobo_mirror.errors import ConfigurationError, RequestError, ServerError

LARGEST_ANSWER = 64 * 1024 * 1024
_CHUNK = 256 * 1024


class AnswerTooLargeError(RequestError):
    """An answer of more than :data:`LARGEST_ANSWER` bytes. Fewer rows a page help, asking again does not."""


@dataclass(frozen=True, repr=False)
class Answer:
    """A complete answer: ``body`` after gunzip, ``wire`` the bytes received, ``retry_after`` in seconds."""

    status: int
    body: bytes
    wire: int
    retry_after: float | None
    location: str | None


class Transport:
    """A pool of connections to one server; it follows no redirect, so its headers reach no other.

    :param setting: the name of the setting that ``url`` comes from, for error messages.
    :param connections: kept open at most.
    :param timeout: seconds to connect, seconds of silence while reading.
    :param ceiling: seconds that a whole answer may take.
    :raises ConfigurationError: the url is none.
    """

    def __init__(
        self,
        url: str,
        *,
        setting: str,
        headers: Mapping[str, str],
        connections: int,
        timeout: tuple[float, float],
        ceiling: float,
    ) -> None:
        parts = _address(url, setting)
        self.server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._target = parts.path + (f"?{parts.query}" if parts.query else "")
        self._setting = setting
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip", **headers}
        self._ceiling = ceiling
        self._pool = _POOLS[parts.scheme](
            str(parts.hostname),
            parts.port,
            maxsize=connections,
            retries=False,
            timeout=Timeout(connect=timeout[0], read=timeout[1]),
            ceiling=ceiling,
        )

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()

    def send(
        self,
        method: str,
        path: str = "",
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send one request, once.

        :param path: appended to the path of the server's url.
        :param body: JSON.
        :returns: whatever complete answer came, except a redirect.
        :raises ServerError: no connection, a time-out, half an answer, an unreadable one.
        :raises AnswerTooLargeError: more than :data:`LARGEST_ANSWER` bytes.
        :raises ConfigurationError: a redirect, or a certificate that is not the server's.
        """
        target = self._target + path
        if params:
            target += "?" + urlencode(params, quote_via=quote, safe=",:")
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            answer = self._exchange(method, target or "/", headers, body)
        except HTTPError as problem:
            raise self._failure(problem) from problem
        if 300 <= answer.status < 400:
            raise ConfigurationError(
                f"{self.server} redirects to {_host(answer.location)} ({answer.status}), not followed here. "
                f"Set {self._setting} to the address that answers itself."
            )
        return answer

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        deadline = time.monotonic() + self._ceiling
        response = self._pool.urlopen(
            method, target, body, headers, redirect=False, preload_content=False, decode_content=False
        )
        with closing(response):
            wire = self._read(response, deadline)
        return Answer(
            status=response.status,
            body=self._plain(wire, response.headers.get("Content-Encoding", "")),
            wire=len(wire),
            retry_after=_seconds(response.headers.get("Retry-After")),
            location=response.headers.get("Location"),
        )

    def _failure(self, problem: HTTPError) -> ConfigurationError | ServerError:
        if isinstance(problem, SSLError) and isinstance(problem.args[0], ssl.SSLCertVerificationError):
            return ConfigurationError(
                f"The certificate of {self.server} could not be verified. Check {self._setting}."
            )
        if isinstance(problem, ReadTimeoutError):
            return ServerError(f"{self.server} did not answer in time.")
        return ServerError(f"{self.server} could not be reached, or broke off its answer.")

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        """Read what has arrived, again and again: a plain read waits for the last byte of a slow drip."""
        chunks, size = [], 0
        while chunk := response.read1(_CHUNK, decode_content=False):
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST_ANSWER:
                raise self._too_large()
            if time.monotonic() > deadline:
                raise ServerError(f"{self.server} took over {self._ceiling:.0f} s for one answer.")
        return b"".join(chunks)

    def _plain(self, wire: bytes, encoding: str) -> bytes:
        if encoding in ("", "identity") or not wire:
            return wire
        if encoding != "gzip":
            raise ServerError(f"{self.server} answered in an encoding that was not asked for.")
        gunzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            plain = gunzip.decompress(wire, LARGEST_ANSWER + 1)
        except zlib.error as problem:
            raise ServerError(f"{self.server} sent a damaged gzip answer.") from problem
        if len(plain) > LARGEST_ANSWER:
            raise self._too_large()
        if not gunzip.eof or gunzip.unused_data:
            raise ServerError(f"{self.server} sent a damaged gzip answer.")
        return plain

    def _too_large(self) -> AnswerTooLargeError:
        return AnswerTooLargeError(
            f"{self.server} answered with more than {LARGEST_ANSWER >> 20} MiB. Ask for fewer rows a page."
        )


def _address(url: str, setting: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _POOLS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{setting} must be an address that starts with http:// or https://.")
    return parts


def _host(location: str | None) -> str:
    """The scheme and host that a ``Location`` header names; the rest of it may hold secrets."""
    try:
        parts = urlsplit(location or "")
    except ValueError:
        return "a malformed address"
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "another page"


def _seconds(retry_after: str | None) -> float | None:
    """Seconds to wait by a ``Retry-After`` header (a number or an HTTP date), None without a readable one."""
    try:
        return Retry().parse_retry_after(retry_after) if retry_after else None
    except InvalidHeader:
        return None


def _cut(sock: socket) -> None:
    with suppress(OSError):
        sock.shutdown(SHUT_RDWR)


class _Ceiling:
    """Mixed into a connection: cuts it when the head of an answer takes over ``ceiling`` seconds."""

    sock: socket

    def __init__(self, *options: Any, ceiling: float, **more_options: Any) -> None:
        super().__init__(*options, **more_options)
        self._ceiling = ceiling

    def getresponse(self) -> Any:
        watchdog = threading.Timer(self._ceiling, _cut, (self.sock,))
        watchdog.daemon = True
        watchdog.start()
        try:
            return super().getresponse()  # type: ignore[misc]  # of the connection
        finally:
            watchdog.cancel()


class _HTTPConnection(_Ceiling, urllib3.connection.HTTPConnection):
    pass


class _HTTPSConnection(_Ceiling, urllib3.connection.HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS: dict[str, type[urllib3.HTTPConnectionPool]] = {"http": _HTTPPool, "https": _HTTPSPool}
