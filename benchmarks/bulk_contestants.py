"""The contestants of the bulk benchmark, and the check of each result before its time counts."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import urllib3
from sqlalchemy import create_engine, inspect, make_url, select
from sqlalchemy import table as table_named
from sqlalchemy import text as sql

from benchmarks.common import HOME, ROOT, BenchError, Run, measure, server_cpu, usage_of
from kobo_mirror.database.engine import open_engine
from kobo_mirror.database.sql import Identifier, Sql, run
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Kind
from kobo_mirror.store.schema import migrate
from simulator.process import SimulatorProcess
from tests.support.database_server import DatabaseServer

_OURS = ("KOBO_", "WEBHOOK_", "INKOMOKO_", "REAL_TIME_", "DATABASE_", "AIRFLOW_")
_DLT = HOME / "dlt" / "bin" / "python"
_SCRIPTS = ROOT / "benchmarks" / "contestants"
_FLAT = (sys.executable, str(_SCRIPTS / "flat.py"))
_COMPARED_COLUMNS = tuple(
    c for c in KOBO_RECORDS.columns if c.kind is not Kind.DATETIME and c.default is None
)


@dataclass(frozen=True)
class Contestant:
    """One way to load a form into a database.

    :param first: the command of a first load.
    :param again: the command that loads the same data in full once more.
    :param driver: of the database, ``pymysql`` or ``mysqldb``.
    :param table: the table that its rows are in.
    :param column_of: returns the name of a column there, from our name of it and its question.
    :param key: the name of the column with ``_id``.
    :param ready: prepares a database, by its address, before the clock starts.
    :param env: further environment variables.
    """

    name: str
    first: tuple[str, ...]
    again: tuple[str, ...]
    driver: str = "pymysql"
    table: str = KOBO_RECORDS.table
    column_of: Callable[[str, str], str] = lambda name, question: name
    key: str = "kobo_id"
    ready: Callable[[str], None] = lambda url: None
    env: dict[str, str] = field(default_factory=dict)


def ours(driver: str = "pymysql", **settings: str) -> Contestant:
    """Return this project with the declared table alone: what the others load, too.

    :param settings: environment variables, such as ``KOBO_MAX_IN_FLIGHT``.
    """
    name = f"Kobo Mirror, {_WORDS[driver]}"
    return Contestant(name, _FLAT, (*_FLAT, "--since", "0"), driver, env=settings)


def bare(driver: str = "pymysql", writers: int = 1, **settings: str) -> Contestant:
    """Return the bare script: no checks, no checkpoint, no proof. Its speed is the limit."""
    command = (sys.executable, str(_SCRIPTS / "bare.py"), str(writers))
    more = f", {writers} writers" if writers > 1 else ""
    name = f"bare script, {_WORDS[driver]}{more}"
    return Contestant(name, command, command, driver, ready=make_tables, env=settings)


def seed_style() -> Contestant:
    """Return the usual script: requests and one upsert statement a page, one table."""
    command = (sys.executable, str(_SCRIPTS / "seed_style.py"))
    return Contestant("seed style, PyMySQL", command, command)


def dlt() -> Contestant:
    """Return dlt with one table."""
    command = (str(_DLT), str(_SCRIPTS / "dlt_load.py"))
    return Contestant(
        "dlt, PyMySQL",
        command,
        command,
        table="records",
        column_of=lambda _, path: _as_dlt(path),
        key="_id",
        ready=_make_staging,
    )


_WORDS = {"pymysql": "PyMySQL", "mysqldb": "mysqlclient"}


def _as_dlt(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", path.lower())


def _staging(url: str) -> Identifier:
    return Identifier(f"{make_url(url).database}_staging")


def _make_staging(url: str) -> None:
    """Create the staging database in utf8mb4; dlt would take the server's character set."""
    engine = create_engine(url)
    with engine.begin() as connection:
        run(connection, Sql("CREATE DATABASE {} CHARACTER SET utf8mb4").format(_staging(url)))
    engine.dispose()


def _drop_staging(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        run(connection, Sql("DROP DATABASE IF EXISTS {}").format(_staging(url)))
    engine.dispose()


def make_tables(url: str) -> None:
    """Make the mirror's tables, before the clock starts."""
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    engine.dispose()


@dataclass(frozen=True)
class Timing:
    """One measured run, and what the servers spent on it meanwhile.

    :param run: the process.
    :param server: CPU seconds of the database server.
    :param simulator: CPU seconds of the simulator.
    :param requests: requests that the simulator served.
    :param wire: bytes received, as they were sent.
    :param plain: the same before gzip, or 0 where that was not asked for.
    """

    run: Run
    server: float
    simulator: float
    requests: int
    wire: int
    plain: int

    @property
    def result(self) -> dict[str, Any]:
        """The output of our command line with ``--json``."""
        return dict(json.loads(self.run.out))


class Workbench:
    """A simulated form, a database server, and a fresh database for each contestant."""

    def __init__(self, simulator: SimulatorProcess, server: DatabaseServer) -> None:
        self.simulator, self.server = simulator, server
        ids = simulator.control.ids()
        self.rows = len(ids)
        self._compared_ids = ids[:: max(1, len(ids) // 5)]

    @contextmanager
    def start(self, contestant: Contestant) -> Iterator[Trial]:
        """Prepare a fresh database for a contestant; it is dropped at the end of the block."""
        url = self.server.fresh_database(driver=contestant.driver)
        state = tempfile.mkdtemp(prefix="kobo-bench-")
        try:
            contestant.ready(url)
            yield Trial(self, contestant, url, state)
        finally:
            _drop_staging(url)
            self.server.drop_database(url)
            shutil.rmtree(state, ignore_errors=True)

    def run_both(self, contestant: Contestant, *, again: bool = True) -> dict[str, Timing]:
        """Measure a first load, and the same data in full once more; both are checked.

        :param again: False leaves out the second load.
        :returns: the timings: ``first`` and ``again``.
        """
        with self.start(contestant) as trial:
            timings = {"first": trial.measure(contestant.first)}
            trial.check()
            if again:
                timings["again"] = trial.measure(contestant.again)
                trial.check()
            return timings

    def check(self, contestant: Contestant, url: str) -> None:
        """Compare the number of rows and some cells with what the server shows.

        :raises BenchError: they differ.
        """
        names = [contestant.column_of(column.name, column.question) for column in _COMPARED_COLUMNS]
        engine = create_engine(url)
        with engine.connect() as connection:
            there = inspect(connection).get_table_names()
            table = table_named(contestant.table)
            if contestant.table not in there:
                raise BenchError(f"{contestant.name}: no table {contestant.table}, only {', '.join(there)}")
            count = connection.execute(select(sql("count(*)")).select_from(table)).scalar_one()
            found = connection.execute(
                select(sql(", ".join([contestant.key, *names])))
                .select_from(table)
                .where(sql(f"{contestant.key} IN ({', '.join(map(str, self._compared_ids))})"))
                .order_by(sql(contestant.key))
            ).all()
        engine.dispose()
        expected = [
            (row["_id"], *(row.get(column.question) for column in _COMPARED_COLUMNS))
            for row in self.simulator.control.rows(self._compared_ids)
        ]
        if count != self.rows or as_text(found) != as_text(expected):
            raise BenchError(
                f"{contestant.name}: {count} rows of {self.rows}, {found[:1]}, not {expected[:1]}"
            )


def as_text(rows: Any) -> list[list[str]]:
    """Return cells as texts, in which databases and answers agree."""
    return [[str(cell) for cell in row] for row in rows]


class Trial:
    """One contestant with its database."""

    def __init__(self, workbench: Workbench, contestant: Contestant, url: str, state: str) -> None:
        self.workbench, self.contestant, self.url = workbench, contestant, url
        simulator = workbench.simulator
        columns = [(column.name, column.question, column.default) for column in KOBO_RECORDS.columns]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self.env = clean | {
            "KOBO_URL": simulator.url,
            "KOBO_TOKEN": simulator.token,
            "KOBO_ASSET_ID": simulator.asset,
            "DATABASE_URL": url,
            "BENCH_COLUMNS": json.dumps([KOBO_RECORDS.table, columns]),
            "BENCH_STATE": state,
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            **contestant.env,
        }

    def measure(
        self,
        command: tuple[str, ...],
        meanwhile: Callable[[float], None] | None = None,
        *,
        with_plain: bool = False,
    ) -> Timing:
        """Run a command and measure it.

        :param with_plain: ask everything again without gzip, once it is over, to know its size.
        """
        workbench = self.workbench
        workbench.simulator.control.clear_requests()
        before = server_cpu(workbench.server), usage_of(workbench.simulator.pid).cpu
        run = measure(command, self.env, meanwhile)
        after = server_cpu(workbench.server), usage_of(workbench.simulator.pid).cpu
        asked = workbench.simulator.control.requests()
        wire = sum(int(request["bytes"]) for request in asked)
        plain = self._plain_size(asked) if with_plain else 0
        return Timing(run, after[0] - before[0], after[1] - before[1], len(asked), wire, plain)

    def _plain_size(self, asked: list[dict[str, Any]]) -> int:
        simulator = self.workbench.simulator
        headers = {"Authorization": f"Token {simulator.token}", "Accept-Encoding": "identity"}
        with urllib3.PoolManager() as http:
            urls = [f"{simulator.url}{request['path']}?{request['query']}" for request in asked]
            return sum(len(http.request("GET", url, headers=headers).data) for url in urls)

    def check(self) -> None:
        """Compare the database with what the server shows.

        :raises BenchError: they differ.
        """
        self.workbench.check(self.contestant, self.url)


def with_settings(contestant: Contestant, name: str, **settings: str) -> Contestant:
    """Return the same contestant under another name, with other settings."""
    return replace(contestant, name=name, env=contestant.env | settings)


def dlt_is_here() -> bool:
    """Return True if benchmarks/setup.sh has made dlt's environment."""
    return Path(_DLT).exists()
