"""The contestants of the webhook's benchmark, and the check of each one's result."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from sqlalchemy import Engine

from benchmarks import common
from benchmarks.closed_loop import Load, post_all
from benchmarks.common import ROOT, BenchError
from benchmarks.webhook_subjects import SERVER, Subject
from tests.support.database_server import DatabaseServer
from tests.webhook.bodies import ASSET, PATH, SECRET

LONE, NEW, EDITED, REPEATED = "1 connection, new", "new", "edited", "repeated"
OURS, EACH, NAIVE, HELLO = "this webhook", "Falcon, one commit each", "Flask, ORM", "Falcon, no database"
_GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "webhook/gunicorn.conf.py"]
COMMANDS = {
    OURS: [*_GUNICORN, "webhook.app:get_app()"],
    EACH: [*_GUNICORN, "benchmarks.webhook_servers:one_commit_each()"],
    NAIVE: [sys.executable, "-m", "benchmarks.webhook_servers", "{port}", "{naive}"],
    HELLO: [*_GUNICORN, "benchmarks.webhook_servers:hello()"],
}


@dataclass(frozen=True)
class Plan:
    """How much is sent in a round: by one connection, by many, and by many to the slowest contestant."""

    rounds: int
    lone: int
    many: int
    naive: int
    connections: int


class Figures(NamedTuple):
    """The figures of one phase: responses a second, milliseconds, CPU milliseconds each, MiB held."""

    rate: float
    p50: float
    p99: float
    cpu: float
    database_cpu: float
    memory: float


Round = dict[str, Figures]


def request(sent: bytes) -> bytes:
    """Return a delivery as KoboToolbox sends it."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Webhook-Secret: {SECRET}\r\nContent-Length: {len(sent)}\r\n\r\n"
    )
    return head.encode() + sent


class Contestant:
    """A running server, its database, and the next unused id."""

    def __init__(
        self,
        name: str,
        subject: Subject,
        process: subprocess.Popen[bytes],
        port: int,
        engine: Engine | None,
    ) -> None:
        self._name, self._subject = name, subject
        self._process, self._port, self._engine = process, port, engine
        self._next = 1

    def round(self, plan: Plan, many: int, database: DatabaseServer) -> Round:
        """Run one round: new ones by one connection; then new, edited and repeated ones by many."""
        lone, ids = self._ids(plan.lone), self._ids(many)
        phases = {
            LONE: partial(self._post, self._subject.new(lone), 1),
            NEW: partial(self._post, self._subject.new(ids), plan.connections),
        }
        if self._engine is not None:
            phases[EDITED] = partial(self._post, self._subject.edits(ids), plan.connections)
            phases[REPEATED] = partial(self._post, self._subject.edits(ids), plan.connections)
        done = {name: self._measured(phase, database) for name, phase in phases.items()}
        self._check(ids)
        return done

    def _ids(self, count: int) -> range:
        self._next += count
        return range(self._next - count, self._next)

    def _post(self, bodies: Sequence[bytes], connections: int) -> Load:
        return post_all(self._port, [request(sent) for sent in bodies], connections)

    def _measured(self, phase: Callable[[], Load], database: DatabaseServer) -> Figures:
        before, there = common.usage_of(self._process.pid), common.server_cpu(database)
        load = phase()
        after = common.usage_of(self._process.pid)
        if set(load.statuses) != {200}:
            raise BenchError(f"{self._name}: not everything was taken: {dict(load.statuses)}")
        each = 1000 / len(load.latencies)
        return Figures(
            load.rate, load.quantile(0.5), load.quantile(0.99), each * (after.cpu - before.cpu),
            each * (common.server_cpu(database) - there), after.memory,
        )  # fmt: skip

    def _check(self, ids: range) -> None:
        """Check that the tables have every submission, those of this round with the edited answer."""
        if self._engine is None:
            return
        try:
            with self._engine.connect() as connection, connection.begin():
                self._subject.check(connection, self._next - 1, ids)
        except BenchError as problem:
            raise BenchError(f"{self._name}: {problem}") from None


@contextmanager
def running(command: Sequence[str], url: str, naive: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a server on a free port, and wait until it listens.

    :param naive: which naive server it is to be, if it is one.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    ours = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
        "DATABASE_URL": url,
        "KOBO_ASSET_ID": ASSET,
        "KOBO_URL": SERVER,
        "WEBHOOK_BIND": f"127.0.0.1:{port}",
        "WEBHOOK_SECRET": SECRET,
    }
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | ours
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [word.format(port=port, naive=naive) for word in command],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=log,
        )
        try:
            _wait(process, port, command)
            yield process, port
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(40)
            process.kill()


def _wait(process: subprocess.Popen[bytes], port: int, command: Sequence[str]) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            time.sleep(1)  # the second worker is still starting
            return
        time.sleep(0.05)
    raise BenchError(f"{' '.join(command[:4])} does not listen.")
