"""A closed loop: each of some connections sends its next request once it has the answer to the one before."""

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
    """What came of it: the time it took in all, each answer's (shortest first), the statuses."""

    seconds: float
    answered: list[float] = field(repr=False)
    statuses: Counter[int]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.answered) / self.seconds

    def quantile(self, share: float) -> float:
        """Milliseconds within which that share of the answers came."""
        return 1000 * self.answered[min(len(self.answered) - 1, int(share * len(self.answered)))]


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
        """The status once the whole answer is there."""
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
    """Send every request once over so many connections, which are kept open where the server does so.

    :raises BenchError: a server cuts an answer off, or takes longer than two minutes in all.
    """
    waiting = iter(requests)
    answered: list[float] = []
    statuses: Counter[int] = Counter()
    open_ones = [_Connection(port) for _ in range(connections)]
    started = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        try:
            for connection, request in zip(open_ones, waiting, strict=False):
                selector.register(connection.send(request), selectors.EVENT_READ, connection)
            while len(answered) < len(requests):
                if time.perf_counter() - started > PATIENCE:
                    raise BenchError(f"Only {len(answered)} of {len(requests)} requests were answered.")
                for key, _ in selector.select(1.0):
                    _go_on(selector, key, waiting, answered, statuses)
            return Load(time.perf_counter() - started, sorted(answered), statuses)
        finally:
            for connection in open_ones:
                connection.close()


def _go_on(
    selector: selectors.BaseSelector,
    key: selectors.SelectorKey,
    waiting: Iterator[bytes],
    answered: list[float],
    statuses: Counter[int],
) -> None:
    connection: _Connection = key.data
    status = connection.status()
    if status is None:
        return
    answered.append(time.perf_counter() - connection.started)
    statuses[status] += 1
    selector.unregister(key.fileobj)
    if (request := next(waiting, None)) is not None:
        selector.register(connection.send(request), selectors.EVENT_READ, connection)
