"""Shared by `make demo` and `make up`: processes that end together, Airflow's settings, a clean database."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any, Self, cast
from urllib.parse import urlsplit

import psutil
import requests
from sqlalchemy import Connection, Engine, MetaData, inspect, select, text

from kobo_mirror.database.errors import database_errors
from kobo_mirror.database.sql import Identifier, Sql, run
from kobo_mirror.errors import KoboMirrorError, SchemaError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store import catalog_tables
from kobo_mirror.store.catalog import claimed_names
from kobo_mirror.store.schema import VERSION_TABLE
from kobo_mirror.store.tables import form_table, forms, metadata
from simulator.options import DEMO_ASSET, HOUSEHOLD_ASSET

ROOT = Path(__file__).resolve().parents[1]
WEBHOOK_PATH = "/api/real-time-updates"
_OURS = (
    "AIRFLOW_",
    "KOBO_",
    "WEBHOOK_",
    "INKOMOKO_",
    "REAL_TIME_",
    "DATABASE_",
    "WEB_CONCURRENCY",
)
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE = 10.0
_NOT_OURS = "This database was left as it is: it"
_INSTEAD = "Give another one in DATABASE_URL."


class StackError(KoboMirrorError):
    """A part did not start, or ended by itself."""


class Children:
    """Processes that end with the ``with`` block, together with all processes that they started.

    Each has a session of its own, so that Ctrl-C reaches this process alone, which ends them in order. Each
    writes to ``<name>.log``.

    :param logs: the folder of the logs.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str, env: Mapping[str, str]) -> None:
        """Start ``python <command>``.

        :param name: the name of its log.
        :param env: its whole environment.
        """
        with self.log(name).open("wb") as log:
            self._add(name, command, env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start_piped(self, name: str, *command: str, env: Mapping[str, str]) -> tuple[IO[bytes], IO[bytes]]:
        """Start ``python <command>`` and return its standard input and output."""
        with self.log(name).open("wb") as log:
            process = self._add(name, command, env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        return cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)

    def _add(
        self, name: str, command: Sequence[str], env: Mapping[str, str], **streams: Any
    ) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, *command]
        process = subprocess.Popen(arguments, cwd=ROOT, env=dict(env), start_new_session=True, **streams)
        self._running[name] = process
        return process

    def run(self, name: str, *command: str, env: Mapping[str, str]) -> None:
        """Run ``python <command>`` to its end.

        :raises StackError: it fails; with its last line.
        """
        self.start(name, *command, env=env)
        if self._running[name].wait() != 0:
            self.check()
        del self._running[name]

    def log(self, name: str) -> Path:
        """Return the file that a process writes to."""
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Make sure that all still run.

        :raises StackError: one has ended; with its last line.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                lines = self.log(name).read_text(errors="replace").strip().splitlines()
                last = f": {lines[-1]}" if lines else "."
                raise StackError(f"{name} ended by itself (see {self.log(name)}){last}")

    def wait_for(self, happened: Callable[[], object], what: str, *, seconds: float = 60.0) -> None:
        """Wait until something is true.

        :param happened: asked ten times a second.
        :param what: named in the error.
        :raises StackError: a process ended, or the time is over.
        """
        deadline = time.monotonic() + seconds
        while not happened():
            self.check()
            if time.monotonic() > deadline:
                raise StackError(f"{what} took longer than {seconds:.0f} s; the logs are in {self._logs}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End them, the last one first; what does not end in time is killed."""
        sessions = {process.pid for process in self._running.values()}
        for process in reversed(self._running.values()):
            with suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + _GRACE
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for pid in _members(sessions):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._running.values():
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        before = _handle_stops(signal.SIG_IGN)
        try:
            self.stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _members(sessions: set[int]) -> list[int]:
    found = []
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getsid(pid) in sessions:
                found.append(pid)
    return found


def end_like_ctrl_c() -> None:
    """Let SIGTERM and a closed terminal end this process as Ctrl-C does, even one in the background."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        _handle_stops(signal.SIG_IGN)  # a second Ctrl-C must not leave half of what runs behind
        raise KeyboardInterrupt

    _handle_stops(interrupt)


def _handle_stops(
    handler: Callable[[int, FrameType | None], object] | signal.Handlers,
) -> dict[signal.Signals, Any]:
    """Have one handler for all signals that stop a process; returns those that were there."""
    return {number: signal.signal(number, handler) for number in _STOPS}


@contextmanager
def lock_folder(folder: Path, command: str) -> Iterator[None]:
    """Hold a folder for this process; it is made if it is not there.

    :param command: the command that holds it, for the error.
    :raises StackError: another process holds it.
    """
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"`{command}` is running here already; stop it first.") from None
        yield


def free_port(wanted: int = 0) -> int:
    """Return the wanted loopback port if it is free, else any free one."""
    for port in (wanted, 0):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)) as listener:
            return int(listener.getsockname()[1])
    raise StackError("No loopback port is free.")


def is_ready(url: str) -> bool:
    """Return True if a GET is answered with 200."""
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def clean_environment() -> dict[str, str]:
    """Return our environment without any setting of Airflow or Kobo Mirror: parts are told what they need."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def airflow_settings(home: Path) -> dict[str, str]:
    """Return the settings of an Airflow of its own in ``home``, with our DAGs and nothing else."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PYTHONPATH": str(ROOT / "plugins"),  # where Airflow finds the connection type
    }


def empty_sqlite(file: Path) -> str:
    """Remove an SQLite database and return its address."""
    for end in ("", "-wal", "-shm"):
        file.with_name(f"{file.name}{end}").unlink(missing_ok=True)
    return f"sqlite:///{file}"


def remove_simulated_mirror(engine: Engine) -> None:
    """Remove the mirrors of simulated forms, which an earlier demo left; leave any other mirror alone.

    :raises SchemaError: the database mirrors a real form.
    :raises DatabaseError: it cannot be used.
    """
    with database_errors(), engine.begin() as connection:
        there = inspect(connection).get_table_names()
        bound = (
            connection.execute(select(forms.c.server, forms.c.asset_uid)).all() if forms.name in there else []
        )
        table = form_table(FORM)
        if any(not _is_simulated(row.server, row.asset_uid) for row in bound):
            raise SchemaError(f"{_NOT_OURS} mirrors {bound[0].asset_uid} of {bound[0].server}. {_INSTEAD}")
        if not bound and table.name in there and connection.execute(select(table).limit(1)).first():
            raise SchemaError(f"{_NOT_OURS} has a table {table.name} with rows of another origin. {_INSTEAD}")
        if bound:
            connection.execute(text("DROP VIEW IF EXISTS kobo_rejected"))
            _drop_tables_of_forms(connection)
            metadata.drop_all(connection)
            table.metadata.drop_all(connection)
            run(connection, Sql("DROP TABLE IF EXISTS {}").format(Identifier(VERSION_TABLE)))


def _drop_tables_of_forms(connection: Connection) -> None:
    """Drop the views that are in the catalog, and the tables, each before the one that it refers to."""
    if not inspect(connection).has_table(catalog_tables.tables.name):
        return
    claimed = claimed_names(connection).keys()
    for view in sorted(claimed & set(inspect(connection).get_view_names())):
        run(connection, Sql("DROP VIEW {}").format(Identifier(view)))
    names = claimed & set(inspect(connection).get_table_names())
    found = MetaData()
    found.reflect(connection, only=sorted(names), resolve_fks=False)
    found.drop_all(connection)


def _is_simulated(server: str, asset_uid: str) -> bool:
    return asset_uid in (DEMO_ASSET, HOUSEHOLD_ASSET) and urlsplit(server).hostname == "127.0.0.1"
