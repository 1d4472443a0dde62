"""Connections to one server, directly or through a proxy, each cut off when it takes too long."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from socket import SHUT_RDWR, socket
from typing import Any, Protocol
from urllib.parse import SplitResult

import urllib3
from urllib3.util import Timeout

from kobo_mirror.kobo.proxy import Proxy


class Pool(Protocol):
    """Keeps connections to one server and sends requests over them."""

    def urlopen(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        """Send one request.

        :param method: such as ``GET``.
        :param target: path and query, percent-encoded.
        :param headers: all that are sent.
        :param body: bytes to send, if any.
        :returns: the response, whose head has arrived and whose body is still to be read.
        :raises urllib3.exceptions.HTTPError: no head of a response came.
        """

    def close(self) -> None:
        """Close the idle connections."""


def pool_of(
    server: SplitResult, proxy: Proxy | None, *, connections: int, timeout: Timeout, ceiling: float
) -> Pool:
    """Return a pool of connections to a server.

    :param server: its address: scheme, host and port.
    :param proxy: the outbound proxy to go through, None to connect directly.
    :param connections: kept open at most.
    :param timeout: seconds to connect, and seconds of silence while reading.
    :param ceiling: seconds that the head of a response may take, and the opening of a tunnel.
    """
    options: dict[str, Any] = {"maxsize": connections, "retries": False, "timeout": timeout}
    if proxy is None:
        return _Direct(_POOLS[server.scheme](str(server.hostname), server.port, ceiling=ceiling, **options))
    manager = urllib3.ProxyManager(proxy.address, proxy_headers=proxy.headers, **options)
    pools: dict[str, Any] = {scheme: partial(pool, ceiling=ceiling) for scheme, pool in _POOLS.items()}
    manager.pool_classes_by_scheme = pools
    return _Proxied(manager, f"{server.scheme}://{server.netloc.rpartition('@')[2]}")


class _Direct:
    def __init__(self, pool: urllib3.HTTPConnectionPool) -> None:
        self._pool = pool
        self.close = pool.close

    def urlopen(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        return self._pool.urlopen(method, target, body, headers, **_AS_IT_COMES)


class _Proxied:
    def __init__(self, manager: urllib3.ProxyManager, server: str) -> None:
        self._manager, self._server = manager, server
        self.close = manager.clear

    def urlopen(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        url = self._server + target
        return self._manager.urlopen(method, url, body=body, headers=headers, **_AS_IT_COMES)


_AS_IT_COMES: dict[str, Any] = {"redirect": False, "preload_content": False, "decode_content": False}


class _Ceiling:
    """Mixed into a connection: cuts it when a tunnel or a response's head takes over ``ceiling`` seconds."""

    sock: socket | None

    def __init__(self, *options: Any, ceiling: float, **more_options: Any) -> None:
        super().__init__(*options, **more_options)
        self._ceiling = ceiling

    def connect(self) -> None:
        with self._watched():
            super().connect()  # type: ignore[misc]  # of the connection

    def getresponse(self) -> Any:
        with self._watched():
            return super().getresponse()  # type: ignore[misc]  # of the connection

    @contextmanager
    def _watched(self) -> Iterator[None]:
        watchdog = threading.Timer(self._ceiling, self._cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()

    def _cut(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(SHUT_RDWR)


class _HTTPConnection(_Ceiling, urllib3.connection.HTTPConnection):
    pass


class _HTTPSConnection(_Ceiling, urllib3.connection.HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS: dict[str, type[urllib3.HTTPConnectionPool]] = {"http": _HTTPPool, "https": _HTTPSPool}
SCHEMES = frozenset(_POOLS)
