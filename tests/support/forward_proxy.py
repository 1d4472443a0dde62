"""A small forward proxy: tunnels by CONNECT and requests with whole addresses, as an office has one."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class ForwardProxy:
    """Passes everything on to one port of this machine, whatever address it is asked for.

    :param port: the only port that it knows.
    :param login: the ``Proxy-Authorization`` that it wants; without it: 407.
    :param refusal: a status in place of every tunnel and every response.
    :param drips: its response to a CONNECT never ends.
    """

    def __init__(self, port: int, *, login: str = "", refusal: str = "", drips: bool = False) -> None:
        self._port, self._login, self._refusal, self._drips = port, login, refusal, drips
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.address}"
        self.heads: list[str] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def lines(self) -> list[str]:
        """The first line of each request that reached it."""
        return [head.partition("\r\n")[0] for head in self.heads]

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._go, args=(self._listener.accept()[0],), daemon=True).start()

    def _go(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head, rest = _head(client)
            if not head:
                return
            self.heads.append(head)
            if self._login and f"Proxy-Authorization: {self._login}\r\n" not in head:
                client.sendall(_answer("407 Proxy Authentication Required"))
            elif self._refusal:
                client.sendall(_answer(self._refusal))
            elif self._drips:
                _drip(client)
            else:
                self._pass_on(client, head, rest)

    def _pass_on(self, client: socket.socket, head: str, rest: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as server:
            if head.startswith("CONNECT "):
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                method, address, version = head.partition("\r\n")[0].split()
                parts = urlsplit(address)
                target = address.removeprefix(f"{parts.scheme}://{parts.netloc}")
                kept = [line for line in head.split("\r\n")[1:] if not line.lower().startswith(_ITS_OWN)]
                lines = [f"{method} {target} {version}", "Connection: close", *kept]
                server.sendall("\r\n".join(lines).encode("latin-1") + rest)
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


_ITS_OWN = ("proxy-", "connection:")


def _head(client: socket.socket) -> tuple[str, bytes]:
    """Return the head of a request, with the empty line after it, and what was read of the body."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (piece := client.recv(65536)):
            return "", b""
        read += piece
    head, _, rest = read.partition(b"\r\n\r\n")
    return head.decode("latin-1") + "\r\n\r\n", rest


def _answer(status: str) -> bytes:
    body = b"<html>The proxy has something to say.</html>"
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _drip(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 Connection established\r\n")
    while True:
        client.sendall(b"X-Still: here\r\n")
        time.sleep(0.05)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
