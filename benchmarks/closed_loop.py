"""A closed loop: each connection sends its next request once it has the response to the one before."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.common import BenchError

PATIENCE = 120.0
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass
class Load:
    """The result of sending all requests.

    :param seconds: in all.
    :param latencies: seconds of each request, the shortest first.
    :param statuses: how many responses had each status.
    """

    seconds: float
    latencies: list[float] = field(repr=False)
    statuses: Counter[int]

    @property
    def rate(self) -> float:
        """Responses a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Return the milliseconds within which that share of the responses came.

        :param share: from 0 to 1.
        """
        return 1000 * self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class _Connection:
    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._came = b""
        self.started = 0.0

    def send(self, request: bytes) -> socket.socket:
        self.started = time.perf_counter()
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        self._came = b""
        return self._socket

    def status(self) -> int | None:
        """Return the status once the whole response is there; None before."""
        piece = self._socket.recv(65536) if self._socket else b""
        self._came += piece
        head, end, body = self._came.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not piece or not end or not length:
            if not piece:
                raise BenchError("A server closed a connection in the middle of an answer.")
            return None
        if len(body) < int(length[1]):
            return None
        if head.startswith(b"HTTP/1.0") or b"\r\nconnection: close" in head.lower():
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket = None


def post_all(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send every request once over some connections, which are kept open where the server does so.

    :raises BenchError: a server cuts a response off, or takes longer than two minutes in all.
    """
    waiting = iter(requests)
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    open_ones = [_Connection(port) for _ in range(connections)]
    started = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        try:
            for connection, request in zip(open_ones, waiting, strict=False):
                selector.register(connection.send(request), selectors.EVENT_READ, connection)
            while len(latencies) < len(requests):
                if time.perf_counter() - started > PATIENCE:
                    raise BenchError(f"Only {len(latencies)} of {len(requests)} requests were answered.")
                for key, _ in selector.select(1.0):
                    _go_on(selector, key, waiting, latencies, statuses)
            return Load(time.perf_counter() - started, sorted(latencies), statuses)
        finally:
            for connection in open_ones:
                connection.close()


def _go_on(
    selector: selectors.BaseSelector,
    key: selectors.SelectorKey,
    waiting: Iterator[bytes],
    latencies: list[float],
    statuses: Counter[int],
) -> None:
    connection: _Connection = key.data
    status = connection.status()
    if status is None:
        return
    latencies.append(time.perf_counter() - connection.started)
    statuses[status] += 1
    selector.unregister(key.fileobj)
    if (request := next(waiting, None)) is not None:
        selector.register(connection.send(request), selectors.EVENT_READ, connection)
