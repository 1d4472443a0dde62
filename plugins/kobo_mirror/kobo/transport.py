"""Sends one HTTP request to one server and returns the whole response, bounded in time and size."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import BadStatusLine
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)
from urllib3.util import Retry, Timeout

from kobo_mirror.errors import ConfigurationError, RequestError, ServerError, UnreachableError
from kobo_mirror.kobo.connections import SCHEMES, pool_of
from kobo_mirror.kobo.encodings import DamagedError, TooLargeError, UnknownEncodingError, decoded
from kobo_mirror.kobo.proxy import WANTS_LOGIN, Proxy, proxy_for

LARGEST_RESPONSE = 64 * 1024 * 1024
"""Bytes that a response may have, received and decompressed."""
_CHUNK = 256 * 1024
_UNCACHED = {"Cache-Control": "no-cache", "Pragma": "no-cache"}  # the second for caches of HTTP/1.0
_TLS_ALERT = "\x15\x03"  # how a TLS server's refusal of plain HTTP begins
_WANTS_TLS = re.compile(  # the plain-HTTP reply of a TLS port: of nginx, Apache, Go and Caddy, Tomcat
    rb"plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL-enabled server port|"
    rb"sent an HTTP request to an HTTPS server|combination of host and port requires TLS",
    re.IGNORECASE,
)
_NO_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


class ResponseTooLargeError(RequestError):
    """A response of more than :data:`LARGEST_RESPONSE` bytes: fewer rows a page help, a retry does not."""


class RedirectError(ConfigurationError):
    """The server redirects to another address, which is not followed."""


@dataclass(frozen=True, repr=False)
class Response:
    """A complete response.

    :param status: of HTTP.
    :param body: the bytes, decompressed.
    :param wire: how many bytes were received for it.
    :param retry_after: seconds to wait before the next request, if the server asks for it.
    :param location: the value of its ``Location`` header, if any.
    """

    status: int
    body: bytes
    wire: int
    retry_after: float | None
    location: str | None


class Transport:
    """A pool of connections to one server. It follows no redirect, so its headers reach no other server.

    Connections go through the outbound proxy that the environment names (``proxy.py``). To https they go by
    a tunnel, so that the proxy sees neither headers nor bodies.

    :param url: the server's address, with a path or query that each request has.
    :param setting: the name of the setting that ``url`` comes from, for error messages.
    :param headers: sent with each request.
    :param connections: kept open at most.
    :param timeout: seconds to connect, and seconds of silence while reading.
    :param ceiling: seconds that a whole response may take.
    :raises ConfigurationError: ``url`` is no address, or the environment names a proxy that is none.
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
        self._speaks_tls = parts.scheme == "https"
        self._setting = setting
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip", **_UNCACHED, **headers}
        self._ceiling = ceiling
        self._proxy = proxy_for(parts)
        self._pool = pool_of(
            parts,
            self._proxy,
            connections=connections,
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
    ) -> Response:
        """Send one request, once.

        :param method: such as ``GET``.
        :param path: appended to the path of the server's address.
        :param params: parameters of the query.
        :param body: JSON.
        :returns: any complete response, except a redirect.
        :raises UnreachableError: no connection, or one side speaks TLS and the other does not.
        :raises ServerError: a time-out, half a response, an unreadable one.
        :raises ResponseTooLargeError: more than :data:`LARGEST_RESPONSE` bytes.
        :raises RedirectError: a redirect.
        :raises ConfigurationError: a certificate that is not the server's, or the proxy wants a login.
        """
        target = self._target + path
        if params:
            target += "?" + urlencode(params, quote_via=quote, safe=",:")
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            response = self._exchange(method, target or "/", headers, body)
        except HTTPError as problem:
            raise self._failure(problem) from problem
        if self._proxy and response.status == WANTS_LOGIN:
            raise self._proxy.refusal(self.server, response.status)
        if response.status == 400 and not self._speaks_tls and _WANTS_TLS.search(response.body):
            raise self._wants_tls()
        if 300 <= response.status < 400:
            raise RedirectError(
                f"{self.server} redirects to {_host(response.location)} ({response.status}), not followed "
                f"here. Set {self._setting} to the address that answers itself."
            )
        return response

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        deadline = time.monotonic() + self._ceiling
        response = self._pool.urlopen(method, target, headers, body)
        with closing(response):
            wire = self._read(response, deadline)
        return Response(
            status=response.status,
            body=self._plain(wire, response.headers.get("Content-Encoding", "")),
            wire=len(wire),
            retry_after=_seconds(response.headers.get("Retry-After")),
            location=response.headers.get("Location"),
        )

    def _failure(self, problem: HTTPError) -> ConfigurationError | ServerError:
        if self._proxy and (failure := _failure_of(self._proxy, self.server, problem)):
            return failure
        if failure := self._of_tls(list(_causes(problem))):
            return failure
        if isinstance(problem, ReadTimeoutError):
            return ServerError(f"{self.server} did not answer in time.")
        sentence = f"{self.server} could not be reached, or broke off its answer."
        if isinstance(problem, NewConnectionError | ConnectTimeoutError):
            return UnreachableError(sentence)
        return ServerError(sentence)

    def _of_tls(self, causes: Sequence[BaseException]) -> ConfigurationError | UnreachableError | None:
        """Return the error if there is no response because of TLS, or the lack of it; else None."""
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return ConfigurationError(
                f"The certificate of {self.server} could not be verified. Check {self._setting}."
            )
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return UnreachableError(
                f"{self.server} could not be reached: TLS with it failed. If it speaks plain HTTP, set "
                f"{self._setting} to the same address with http://."
            )
        if any(isinstance(cause, BadStatusLine) and str(cause).startswith(_TLS_ALERT) for cause in causes):
            return self._wants_tls()
        return None

    def _wants_tls(self) -> UnreachableError:
        return UnreachableError(
            f"{self.server} could not be reached by plain HTTP: it wants TLS. Set {self._setting} to the "
            "same address with https://."
        )

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        """Read what has arrived, again and again: a plain read waits for the last byte of a slow server."""
        chunks, size = [], 0
        while chunk := response.read1(_CHUNK, decode_content=False):
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST_RESPONSE:
                raise self._too_large()
            if time.monotonic() > deadline:
                raise ServerError(f"{self.server} took over {self._ceiling:.0f} s for one answer.")
        return b"".join(chunks)

    def _plain(self, wire: bytes, encoding: str) -> bytes:
        try:
            return decoded(wire, encoding, most=LARGEST_RESPONSE)
        except UnknownEncodingError as problem:
            raise ServerError(f"{self.server} answered in an encoding that was not asked for.") from problem
        except DamagedError as problem:
            raise ServerError(f"{self.server} sent a damaged gzip answer.") from problem
        except TooLargeError:
            raise self._too_large() from None

    def _too_large(self) -> ResponseTooLargeError:
        return ResponseTooLargeError(
            f"{self.server} answered with more than {LARGEST_RESPONSE >> 20} MiB. Ask for fewer rows a page."
        )


def _address(url: str, setting: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{setting} must be an address that starts with http:// or https://.")
    return parts


def _host(location: str | None) -> str:
    """Return scheme and host of a ``Location`` header; the rest of it may hold secrets."""
    try:
        parts = urlsplit(location or "")
    except ValueError:
        return "a malformed address"
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "another page"


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds of a ``Retry-After`` header (a number or an HTTP date), None if there is none."""
    try:
        return Retry().parse_retry_after(retry_after) if retry_after else None
    except InvalidHeader:
        return None


def _failure_of(proxy: Proxy, server: str, problem: HTTPError) -> ConfigurationError | ServerError | None:
    """Return the error if there is no response because of a proxy; else None."""
    causes = list(_causes(problem))
    if found := next(filter(None, (_NO_TUNNEL.search(str(cause)) for cause in causes)), None):
        return proxy.refusal(server, int(found[1]))
    if not isinstance(problem, ProxyError):
        return None
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return ConfigurationError(
            f"The certificate of the proxy {proxy.address} could not be verified. Check {proxy.setting}."
        )
    return UnreachableError(f"{proxy} could not be reached, and so {server} could not.")


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """Iterate over an error and what it came from, as urllib3 tells it: by cause, context or argument."""
    seen: list[BaseException] = []
    waiting = [problem]
    while waiting:
        cause = waiting.pop(0)
        if cause not in seen:
            seen.append(cause)
            further = (cause.__cause__, cause.__context__, *cause.args)
            waiting += [other for other in further if isinstance(other, BaseException)]
    yield from seen
