"""The simulated server as a process: gunicorn with one worker, since all state is in memory."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # gunicorn has no types

from simulator.app import create_app
from simulator.form_file import FormSetup
from simulator.options import Options

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def serve(options: Options, setups: Sequence[FormSetup] = ()) -> None:
    """Serve until SIGTERM or SIGINT.

    :param options: what the server is started with.
    :param setups: its forms; none: the survey.
    """
    _Server(options, setups, socket.create_server((options.host, options.port), backlog=256)).run()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, options: Options, setups: Sequence[FormSetup], listener: socket.socket) -> None:
        self._url = f"http://{options.host}:{listener.getsockname()[1]}"
        self._options = replace(options, url=options.url or self._url)
        self._assets = [setup.uid for setup in setups] or [options.asset]
        self._setups = setups
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
        return create_app(self._options, self._setups)

    def _begin(self, worker: Any) -> None:
        # Nothing outlives the process, so SIGTERM need not wait for clients that keep their connections open.
        signal.signal(signal.SIGTERM, worker.handle_quit)
        if self._options.ready_file:
            about: dict[str, object] = {"url": self._url, "token": self._options.token}
            about |= {"asset": self._assets[0], "assets": self._assets}
            unfinished = f"{self._options.ready_file}.part"
            with open(unfinished, "w", encoding="utf-8") as file:
                json.dump(about, file)
            os.replace(unfinished, self._options.ready_file)
