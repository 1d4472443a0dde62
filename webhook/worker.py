"""gunicorn's threaded worker, made safe from senders that are slow and from a stop under load."""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from webhook import BODY_SECONDS, HEAD_SECONDS, SILENT_SECONDS

HANDSHAKE_SECONDS = 0.5
"""So long a stopping worker waits for connections that were being made when newcomers were refused."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A new connection holds a thread only once it says something, and no longer than the limits allow."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._until: dict[TConn, float] = {}
        self._must_stop = False

    def enqueue_req(self, conn: TConn) -> None:
        """Let a connection that has not said anything wait outside the threads."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        """Serve one request of a connection, its head within ``HEAD_SECONDS``."""
        self._until[conn] = time.monotonic() + HEAD_SECONDS
        try:
            return super().handle(conn)
        finally:
            del self._until[conn]

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request whose head is here, its body within ``BODY_SECONDS``."""
        conn.sock.settimeout(SILENT_SECONDS)
        self._until[conn] = time.monotonic() + BODY_SECONDS
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Once a second: whoever has not sent all in time is taken to have ended there."""
        super().murder_pending()
        now = time.monotonic()
        for conn, until in list(self._until.items()):
            if until < now:
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: the door is closing."""
        self._must_stop = True
        super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take in who already got a connection before the door is shut for good."""
        if self._must_stop and self._accepting and not enabled:
            until = time.monotonic() + HANDSHAKE_SECONDS
            while (left := until - time.monotonic()) > 0:
                for listener in select.select(self.sockets, (), (), left)[0]:
                    self.accept(listener)
        super().set_accept_enabled(enabled)
