"""gunicorn's gevent worker, hardened against slow senders and against a stop under load."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]

from webhook import BODY_SECONDS, SILENT_SECONDS

HANDSHAKE_SECONDS = 0.5
"""Seconds for which a stopping worker accepts connections that were being made when it was told to stop."""
_STEP = 0.2


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves each connection in a greenlet, within limits of time."""

    def run(self) -> None:
        """Serve until told to stop; then finish the connections that are established."""
        senders = Pool(self.worker_connections)
        servers = [StreamServer(s, partial(self.handle, s), spawn=senders) for s in self.sockets]
        for server in servers:
            server.max_accept = 1  # leave the next one to the other worker
            server.start()
        self._beat_until(lambda: not self.alive)
        handshakes = time.monotonic() + HANDSHAKE_SECONDS
        self._beat_until(lambda: time.monotonic() > handshakes and not senders.full())
        for server in servers:
            server.stop_accepting()
        gevent.sleep(0)  # connections accepted just now ask the listener for its name
        for server in servers:
            server.close()
        self._beat_until(lambda: not len(senders), self.cfg.graceful_timeout)

    def _beat_until(self, done: Callable[[], bool], seconds: float = math.inf) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not done():
            self.notify()
            gevent.sleep(_STEP)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer a request whose head has been read, and end its connection if the body takes too long.

        :param listener_name: the address that the listener is bound to.
        :param req: the request, as gunicorn has parsed its head.
        :param sock: the connection.
        :param addr: the sender's address.
        """
        sock.settimeout(SILENT_SECONDS)
        limit = gevent.get_hub().loop.timer(BODY_SECONDS)
        limit.start(_end, sock)
        try:
            super().handle_request(listener_name, req, sock, addr)
        finally:
            limit.close()
            sock.settimeout(None)


def _end(sock: Any) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RD)
