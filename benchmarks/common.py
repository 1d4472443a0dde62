"""What the benchmarks share: throw-away servers, measured processes, runs in turn, paired ratios, results."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import psutil
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, make_url

from tests.support.database_server import DatabaseServer, OwnServer, given_server, own_server
from tests.support.server_process import find_program

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".bench"
PACKAGES = (
    "pymysql",
    "mysqlclient",
    "sqlalchemy",
    "msgspec",
    "requests",
    "urllib3",
    "falcon",
    "gunicorn",
    "flask",
)
_DURABILITY = (
    "innodb_flush_log_at_trx_commit",
    "sync_binlog",
    "log_bin",
    "innodb_doublewrite",
    "innodb_buffer_pool_size",
)
_PROGRAMS = {"mariadb": "mariadbd", "mysql": "mysqld"}
_SAMPLE_EVERY = 0.02

T = TypeVar("T")
console = Console(width=140)


class BenchError(Exception):
    """A benchmark could not be run, or a contestant's result is wrong."""


@dataclass(frozen=True)
class Run:
    """The cost of one process from its start to its end.

    :param cpu: user and system seconds, children included.
    :param out: its standard output.
    :param memory: pairs of seconds since the start and MiB held then, children included; what they share
        with their parent counts twice.
    """

    seconds: float
    cpu: float
    out: str
    memory: list[tuple[float, float]] = field(repr=False)

    @property
    def peak(self) -> float:
        """The most MiB it held."""
        return max((held for _, held in self.memory), default=0.0)


def measure(
    command: Sequence[str], env: Mapping[str, str], meanwhile: Callable[[float], None] | None = None
) -> Run:
    """Run a command to its end and measure it.

    :param meanwhile: called about five times a second with the seconds since the start.
    :raises BenchError: it fails; with the end of what it wrote.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(env), stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        memory: list[tuple[float, float]] = []
        ended = threading.Event()
        threads = [threading.Thread(target=_sample, args=(process.pid, started, memory, ended))]
        if meanwhile:
            threads.append(threading.Thread(target=_call, args=(meanwhile, started, ended)))
        for thread in threads:
            thread.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
        except BaseException:
            process.kill()
            raise
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            words = err.read().decode(errors="replace").strip() or out.read().decode(errors="replace").strip()
            raise BenchError(f"{' '.join(command[:4])} … failed: {words[-1500:]}")
        return Run(seconds, usage.ru_utime + usage.ru_stime, out.read().decode(), memory)


def _sample(pid: int, started: float, memory: list[tuple[float, float]], ended: threading.Event) -> None:
    with suppress(psutil.NoSuchProcess):
        watched = psutil.Process(pid)
        while not ended.is_set():
            held = sum(one.memory_info().rss for one in (watched, *watched.children()))
            memory.append((time.perf_counter() - started, held / 2**20))
            ended.wait(_SAMPLE_EVERY)


def _call(meanwhile: Callable[[float], None], started: float, ended: threading.Event) -> None:
    while not ended.wait(0.2):
        meanwhile(time.perf_counter() - started)


@dataclass(frozen=True)
class Usage:
    """The CPU seconds that a process and its children have used so far, and the MiB that they hold."""

    cpu: float
    memory: float


def usage_of(pid: int) -> Usage:
    """Return what a running process and its children have used."""
    cpu = memory = 0.0
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            cpu += times.user + times.system
            memory += process.memory_info().rss / 2**20
    return Usage(cpu, memory)


@contextmanager
def database(kind: str) -> Iterator[DatabaseServer]:
    """Start a throw-away server with the defaults of its maker.

    :param kind: ``mariadb``, ``mysql``, or ``given``: the one that BENCH_DATABASE_URL names.
    :raises BenchError: it is not installed, or not named.
    """
    if kind == "given":
        if not (url := _given_url()):
            raise BenchError("BENCH_DATABASE_URL names no server.")
        server = given_server(make_url(url))
        try:
            yield server
        finally:
            server.close()
        return
    program = _program(kind)
    if program is None and kind == "mysql":
        raise BenchError("No MySQL is installed here.")
    with own_server(program) as own:
        yield own


def databases_here() -> list[str]:
    """Return the kinds of servers to measure on: MariaDB, MySQL if it is installed, and the given one."""
    mysql = ["mysql"] if _program("mysql") else []
    return ["mariadb", *mysql, *(["given"] if _given_url() else [])]


def _given_url() -> str:
    return os.environ.get("BENCH_DATABASE_URL", "")


def _program(kind: str) -> Path | None:
    found = find_program(_PROGRAMS[kind])
    if found is None or kind == "mariadb":
        return found
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return None if "MariaDB" in said else found  # which comes with a program of MySQL's name, too


def server_cpu(server: DatabaseServer) -> float:
    """Return the CPU seconds that a server of our own has used; 0 for one that is not ours."""
    return usage_of(server.pid).cpu if isinstance(server, OwnServer) else 0.0


def run_in_turn(contestants: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run each contestant once a round, A B C A B C …, so that a change of the machine affects all alike.

    :returns: the results of each contestant, in the order of the rounds.
    """
    results: dict[str, list[T]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            results[name].append(run())
    return results


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of ``ours / theirs``, taken pair by pair within each round."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def machine(server: DatabaseServer | None = None) -> dict[str, str]:
    """Return the hardware, the load before we start, and the versions."""
    facts = {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": _commit(),
        "processor": f"{_processor()}, {psutil.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": platform.platform(),
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    }
    return facts | (_about(server) if server else {})


def _about(server: DatabaseServer) -> dict[str, str]:
    engine = create_engine(server.url())
    with engine.connect() as connection:
        shown = {str(name): str(value) for name, value in connection.exec_driver_sql("SHOW GLOBAL VARIABLES")}
    engine.dispose()
    durability = ", ".join(f"{name}={shown[name]}" for name in _DURABILITY if name in shown)
    return {"database": f"{server.kind} {server.version}", "durability": durability}


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; the first column is text, the others are figures."""
    console.print(f"\n[bold]{title}[/]", highlight=False)
    table = Table(box=SIMPLE_HEAD)
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_shown(cell) for cell in row))
    console.print(table)


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return "–" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell)


def report_progress(words: str) -> None:
    """Write a line to the error output."""
    print(words, file=sys.stderr, flush=True)


def save(name: str, results: Mapping[str, Any]) -> Path:
    """Write results as JSON to .bench/results/ and return the file."""
    folder = HOME / "results"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    file.write_text(json.dumps(results, indent=1, default=str) + "\n")
    return file
