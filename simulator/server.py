"""The simulated server as a process: gunicorn with one worker, since all state is in memory."""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # gunicorn has no types

from simulator.app import create_app
from simulator.options import Options

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def serve(options: Options) -> None:
    """Serve until SIGTERM or SIGINT.

    :param options: what the server is started with.
    """
    _Server(options, socket.create_server((options.host, options.port), backlog=256)).run()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, options: Options, listener: socket.socket) -> None:
        self._options = options
        self._url = f"http://{options.host}:{listener.getsockname()[1]}"
        self._descriptor = listener.detach()
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"fd://{self._descriptor}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": 16,
            "keepalive": 75,
            "timeout": 120,
            "graceful_timeout": 2,
            "control_socket_disable": True,
            "loglevel": "warning",
            "limit_request_line": 0,
            "limit_request_field_size": 32768,
            "post_worker_init": self._begin,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        return create_app(self._options)

    def _begin(self, worker: Any) -> None:
        # Nothing outlives the process, so SIGTERM need not wait for clients that keep their connections open.
        signal.signal(signal.SIGTERM, worker.handle_quit)
        if self._options.ready_file:
            about = {"url": self._url, "token": self._options.token, "asset": self._options.asset}
            unfinished = f"{self._options.ready_file}.part"
            with open(unfinished, "w", encoding="utf-8") as file:
                json.dump(about, file)
            os.replace(unfinished, self._options.ready_file)
