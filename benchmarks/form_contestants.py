"""The contestants that load any form, and the check of what each has written."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, column, create_engine, func, inspect, select, table

from benchmarks.bulk_contestants import Contestant, Workbench, as_text, bare, dlt, ours, seed_style
from benchmarks.common import BenchError
from benchmarks.contestants import seed_form
from benchmarks.forms import BenchForm, Checked, rows_in
from kobo_mirror.config.settings import server_url
from kobo_mirror.database.engine import open_engine
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.leases import release_lease, take_lease
from kobo_mirror.store.schema import migrate
from kobo_mirror.sync.form_schema import FormTables
from simulator.process import SimulatorProcess
from tests.support.database_server import DatabaseServer

COMMAND = (sys.executable, "-m", "kobo_mirror")
SYNC = (*COMMAND, "sync", "--json")
_MODULES = "benchmarks.contestants"

Found = tuple[str, str]
"""A table, and a column of it."""


@dataclass(frozen=True)
class FormContestant(Contestant):
    """One way to load a form with repeats.

    :param find: returns the table and column of an answer: from a question's path, the repeat that it stands
        in and the names of the columns of all tables.
    """

    find: Callable[[str, str, dict[str, list[str]]], Found] = lambda path, repeat, there: ("", "")


class FormWorkbench(Workbench):
    """A workbench whose form is known: what must be in a database is told without the server."""

    def __init__(self, simulator: SimulatorProcess, server: DatabaseServer, form: BenchForm) -> None:
        super().__init__(simulator, server)
        self.form = form
        self._answers = {kobo_id: form.of(kobo_id) for kobo_id in simulator.control.ids()}

    def check(self, contestant: Contestant, url: str) -> None:
        """Compare the numbers of rows of all tables, some cells and some sums with what the answers say.

        :raises BenchError: they differ.
        """
        if not isinstance(contestant, FormContestant):
            raise BenchError(f"{contestant.name} loads one form alone.")
        engine = create_engine(url)
        names = inspect(engine)
        there = {
            name: [str(one["name"]) for one in names.get_columns(name)] for name in names.get_table_names()
        }
        with engine.connect() as connection:
            for checked in self.form.checked:
                self._check_table(connection, contestant, checked, there)
        engine.dispose()

    def _check_table(
        self, connection: Connection, one: FormContestant, checked: Checked, there: dict[str, list[str]]
    ) -> None:
        repeat, number = checked.repeat, checked.number
        rows = [row for answers in self._answers.values() for row in rows_in(answers, repeat)]
        for path in checked.texts:
            expected = [(i, self._answers[i].get(path)) for i in self._compared_ids]
            where, name = one.find(path, repeat, there)
            key: ColumnElement[int] = column(one.key)
            cell: ColumnElement[str] = column(name)
            query = select(key, cell).select_from(table(where)).where(key.in_(self._compared_ids))
            _require(one, path, as_text(connection.execute(query.order_by(key)).all()), as_text(expected))
        first = number or checked.texts[0]
        where, name = one.find(first, repeat, there)
        counted = connection.execute(select(func.count()).select_from(table(where))).scalar_one()
        _require(one, f"rows of {where}", counted, len(rows))
        if number:
            summed: ColumnElement[Any] = func.sum(column(name))
            total = connection.execute(select(summed).select_from(table(where))).scalar_one()
            _require(one, f"the sum of {number}", float(total), float(sum(int(row[number]) for row in rows)))


def _require(one: Contestant, what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise BenchError(f"{one.name}: {what}: {str(found)[:200]}, not {str(expected)[:200]}")


def form_tables(simulator: SimulatorProcess) -> Callable[[str], None]:
    """Return what makes the tables of a simulated form in a database, before the clock starts."""

    def make(url: str) -> None:
        engine = open_engine(url)
        migrate(engine)
        server = server_url(simulator.url)
        with open_form(simulator.url, simulator.token, simulator.asset) as client:
            lease = take_lease(engine, simulator.asset, "benchmark")
            FormTables(engine, client, server).bring_up(client.form(), lease)
            release_lease(engine, simulator.asset, "benchmark")
        engine.dispose()

    return make


def form_contestants(bench: FormWorkbench, drivers: tuple[str, ...]) -> list[FormContestant]:
    """Return all contestants: this project and the bare script by each driver, the usual script, dlt.

    :param bench: of the form.
    :param drivers: ``pymysql`` and ``mysqldb``.
    """
    return [
        *(form_ours(driver) for driver in drivers),
        *(form_bare(bench, driver) for driver in drivers),
        form_bare(bench, drivers[-1], 2),
        _seed(bench.form),
        form_dlt(),
    ]


def form_ours(driver: str = "pymysql") -> FormContestant:
    """Return this project as people run it: the command line, and all tables of the form."""
    return FormContestant(ours(driver).name, SYNC, (*SYNC, "--since", "0"), driver, find=_as_ours)


def form_bare(bench: FormWorkbench, driver: str = "pymysql", writers: int = 1) -> FormContestant:
    """Return the bare script that fills the same tables."""
    flat = bare(driver, writers)
    command = (sys.executable, "-m", f"{_MODULES}.bare_form", str(writers))
    ready = form_tables(bench.simulator)
    return FormContestant(flat.name, command, command, driver, find=_as_ours, ready=ready)


def survey_ours() -> Contestant:
    """Return this project as people run it, with the survey: the declared table and the others."""
    return Contestant(ours().name, SYNC, (*SYNC, "--since", "0"))


def survey_bare(bench: Workbench) -> Contestant:
    """Return the bare script that fills as many tables of the survey."""
    command = (sys.executable, "-m", f"{_MODULES}.bare_survey", "1")
    return Contestant(bare().name, command, command, ready=form_tables(bench.simulator))


def _seed(form: BenchForm) -> FormContestant:
    command = (sys.executable, "-m", f"{_MODULES}.seed_form")
    tables = [
        ("main", "", form.questions("")),
        *((p.replace("/", "__"), p, form.questions(p)) for p in form.repeats),
    ]
    env = {"BENCH_TABLES": json.dumps(tables)}
    return FormContestant(seed_style().name, command, command, env=env, find=_as_seed(form))


def form_dlt() -> FormContestant:
    """Return dlt, which makes a table of each repeat by itself."""
    flat = dlt()
    return FormContestant(
        flat.name, flat.first, flat.again, key=flat.key, ready=flat.ready, find=_as_dlt(flat.column_of)
    )


def _as_ours(path: str, repeat: str, there: dict[str, list[str]]) -> Found:
    """Find a column by its question: the names of the benchmark's questions are unique."""
    name = path.rpartition("/")[2]
    return next((one, name) for one, columns in there.items() if name in columns and "kobo_id" in columns)


def _as_seed(form: BenchForm) -> Callable[[str, str, dict[str, list[str]]], Found]:
    def find(path: str, repeat: str, there: dict[str, list[str]]) -> Found:
        piece = form.questions(repeat).index(path) // seed_form.MOST
        name = repeat.replace("/", "__") or "main"
        return f"{name}_{piece}" if piece else name, path.replace("/", "__")

    return find


def _as_dlt(named: Callable[[str, str], str]) -> Callable[[str, str, dict[str, list[str]]], Found]:
    def find(path: str, repeat: str, there: dict[str, list[str]]) -> Found:
        levels = repeat.count("/") + 1 if repeat else 0
        parts = [repeat.split("/")[: level + 1] for level in range(levels)]
        names = "__".join(["records", *(named("", "/".join(part)) for part in parts)])
        return names, named("", path)

    return find
