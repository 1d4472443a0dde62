"""The webhook as it is run: gunicorn with our settings, in processes of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

from tests.webhook.bodies import ASSET, PATH, PREVIOUS_SECRET, SECRET

ROOT = Path(__file__).parents[2]
COMMAND = [
    str(Path(sys.executable).with_name("gunicorn")),
    "--config=webhook/gunicorn.conf.py",
    "webhook.app:get_app()",
]
_LISTENING = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")
_BOOTING = re.compile(r"Booting worker with pid: (\d+)")
HEADERS = {"Content-Type": "application/json", "X-Webhook-Secret": SECRET}


def environment(database_url: str, temporary: Path, **changes: str) -> dict[str, str]:
    """Return what the service is started with: nothing of ours but what is said here.

    :param temporary: a directory for what the service keeps while it runs.
    """
    temporary.mkdir(exist_ok=True)
    ours = {
        "TMPDIR": str(temporary),
        "PYTHONPATH": "plugins",
        "PYTHONFAULTHANDLER": "1",
        "DATABASE_URL": database_url,
        "KOBO_ASSET_ID": ASSET,
        "KOBO_URL": "https://kobo.example",
        "WEBHOOK_BIND": "127.0.0.1:0",
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_SECRET_PREVIOUS": PREVIOUS_SECRET,
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {name: value for name, value in (kept | ours | changes).items() if value}


class Service:
    """A running webhook."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        self.port = 0

    def log(self) -> str:
        """All that it has written."""
        return self._log.read_text()

    def wait_until_it_listens(self) -> None:
        wait_for(lambda: _LISTENING.search(self.log()) or self.process.poll() is not None, 20)
        listening = _LISTENING.search(self.log())
        assert listening, self.log()
        self.port = int(listening[1])
        wait_for(lambda: len(self.workers()) == 2 and self.get("/health/live") == 200, 20)

    def workers(self) -> list[int]:
        """The process ids of all workers there ever were."""
        return [int(pid) for pid in _BOOTING.findall(self.log())]

    def get(self, path: str) -> int:
        """The status of a GET, 0 when it is not answered."""
        try:
            return self.request("GET", path)[0]
        except OSError:
            return 0

    def post(self, body: bytes, **options: Any) -> tuple[int, Any, HTTPMessage]:
        """Deliver a body as KoboToolbox does."""
        return self.request("POST", PATH, body=body, headers=HEADERS, **options)

    def request(self, method: str, path: str, **options: Any) -> tuple[int, Any, HTTPMessage]:
        """Status, decoded body and headers of the answer to a request on a connection of its own.

        :raises OSError, http.client.HTTPException: there was none.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, **options)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.headers
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


@contextmanager
def running_service(
    database_url: str,
    directory: Path,
    *,
    command: Sequence[str] = COMMAND,
    folder: Path = ROOT,
    **changes: str,
) -> Iterator[Service]:
    """Start the service and end it, however the test ends.

    :param directory: where its log goes, and its temporary files.
    :param folder: where it is started.
    """
    log, temporary = directory / "webhook.log", directory / "tmp"
    with log.open("wb") as file:
        env = environment(database_url, temporary, **changes)
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=file, stderr=file)
    service = Service(process, log)
    try:
        service.wait_until_it_listens()
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)
        print(service.log())  # pytest shows it when the test has failed


def wait_for(condition: Any, seconds: float) -> None:
    """Wait until it is so.

    :raises AssertionError: it is still not so.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)
