"""gunicorn's gevent worker, made safe from senders that are slow and from a stop under load."""

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
"""So long a stopping worker lets in who was getting a connection when newcomers were refused."""
_STEP = 0.2


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A connection costs a greenlet, and that no longer than the limits allow."""

    def run(self) -> None:
        """Serve until told to stop, and then all who have a connection."""
        senders = Pool(self.worker_connections)
        servers = [StreamServer(s, partial(self.handle, s), spawn=senders) for s in self.sockets]
        for server in servers:
            server.max_accept = 1  # the next one is for the other worker
            server.start()
        self._beat_until(lambda: not self.alive)
        handshakes = time.monotonic() + HANDSHAKE_SECONDS
        self._beat_until(lambda: time.monotonic() > handshakes and not senders.full())
        for server in servers:
            server.stop_accepting()
        gevent.sleep(0)  # those just let in ask the listener for its name
        for server in servers:
            server.close()
        self._beat_until(lambda: not len(senders), self.cfg.graceful_timeout)

    def _beat_until(self, done: Callable[[], bool], seconds: float = math.inf) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not done():
            self.notify()
            gevent.sleep(_STEP)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer a request whose head is here; whoever has not sent all in time has ended there."""
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
