"""A server that sends, byte by byte, what a test tells it to: nothing that a proper server would send."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

FAKE_TOKEN = "0123456789abcdef0123456789abcdef01234567"

Script = Sequence[bytes | float]
"""Pieces to send, seconds of silence between them; then the connection is closed."""


def response(
    body: bytes = b"", *, status: str = "200 OK", length: int | None = None, **headers: str
) -> bytes:
    """Return a whole HTTP response.

    :param length: the ``Content-Length``, which may be wrong; None: the right one.
    :param headers: further headers, with ``_`` for ``-`` in their names.
    """
    fields = {
        "Content_Type": "application/json",
        "Content_Length": str(len(body) if length is None else length),
        "Connection": "close",
    }
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (fields | headers).items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


class FaultyServer:
    """Sends one script a connection, the last one for ever; ``requests`` holds what was received."""

    def __init__(self, *scripts: Script | bytes) -> None:
        self._scripts = [[script] if isinstance(script, bytes) else script for script in scripts]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[str] = []
        self.most_at_once = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection: socket.socket) -> None:
        with connection:
            request = _request(connection)
            with self._lock:
                self.requests.append(request)
                script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                self._open += 1
                self.most_at_once = max(self.most_at_once, self._open)
            *first, last = script or [b""]
            _send(connection, first)
            with self._lock:
                self._open -= 1
            _send(connection, [last])


def drip(pieces: bytes, *, pause: float) -> Iterator[bytes | float]:
    """Yield the pieces of a script that sends one byte at a time.

    :param pause: seconds between two bytes.
    """
    for piece in pieces:
        yield bytes([piece])
        yield pause


def _request(connection: socket.socket) -> str:
    request = connection.recv(65536)
    while request[:1].isupper() and not _is_whole(request) and (piece := connection.recv(65536)):
        request += piece
    return request.decode("latin-1")


def _is_whole(request: bytes) -> bool:
    head, blank, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(blank) and len(body) >= (int(length[1]) if length else 0)


def _send(connection: socket.socket, script: Script) -> None:
    for piece in script:
        if isinstance(piece, float):
            time.sleep(piece)
        else:
            try:
                connection.sendall(piece)
            except OSError:
                return
