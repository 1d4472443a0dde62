"""The command ``run`` in a process tree of its own."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.mirroring import ROOT, Mirroring
from tests.support.processes import free_port

SECRET = "s3cret-of-the-webhook"


@dataclass
class Running:
    """The process tree, its output, and the webhook's address."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int
    session: int

    def said(self) -> str:
        """Return all that it wrote."""
        return self.log.read_text()

    def status(self, path: str) -> int:
        """Return the status of a GET, 0 without a response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def processes(self) -> list[int]:
        """Return the processes of the tree that are left."""
        return [
            process.pid
            for process in psutil.process_iter()
            if _lives(process) and _is_in(process, self.session)
        ]

    def wait_for(self, condition: Callable[[], Any], seconds: float = 30.0) -> None:
        """Wait until something is true, while the command runs."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal to the parent alone; return its exit code and the seconds until its end."""
        started = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(40)
        return code, time.monotonic() - started


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def _is_in(process: psutil.Process, session: int) -> bool:
    with suppress(OSError):
        return os.getsid(process.pid) == session
    return False


@contextmanager
def running(mirroring: Mirroring, directory: Path, *arguments: str, **changes: str) -> Iterator[Running]:
    """Run the command until the block ends; what is left of its tree then is killed."""
    log, port, temporary = directory / "run.log", free_port(), directory / "tmp"
    temporary.mkdir(exist_ok=True)
    ours = {
        "TMPDIR": str(temporary),  # the webhook is killed below, and removes nothing then
        "WEBHOOK_BIND": f"127.0.0.1:{port}",
        "WEBHOOK_SECRET": SECRET,
        "REAL_TIME_POST_ENDPOINT_URL": f"http://127.0.0.1:{port}/api/real-time-updates",
    }
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "kobo_mirror", "run", *arguments],
            env=mirroring.environment(**(ours | changes)),
            cwd=ROOT,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    tree = Running(process, log, port, session=process.pid)
    try:
        yield tree
    finally:
        for pid in tree.processes():
            os.kill(pid, signal.SIGKILL)
        process.wait(10)
