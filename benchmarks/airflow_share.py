"""Airflow's share of a sync, and the gain of a second worker in a backfill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from benchmarks.airflow_stack import Airflow, DagRun
from benchmarks.bulk_contestants import Trial, Workbench, make_tables, ours
from benchmarks.common import HOME, BenchError, median, paired_ratio, report_progress, show
from kobo_mirror.airflow.connections import database_connection, kobo_connection
from kobo_mirror.config.settings import Settings

_DELAY_MS = 200
Backfills = dict[int, list[float]]
"""Seconds of the pull by the number of workers."""


def measure_airflow(kind: str, usual: Workbench, large: Workbench, rounds: int) -> dict[str, Any]:
    """Take both measurements on one server and print their tables.

    :param kind: the kind of database server.
    :param usual: of the form with nothing new.
    :param large: of the form of the backfill, large enough to be cut into two groups of lanes.
    :param rounds: how often each is measured.
    :returns: the figures, as they are saved.
    """
    contestant = ours()
    with usual.start(contestant) as trial:
        settings = {
            name: trial.env[name] for name in ("KOBO_URL", "KOBO_TOKEN", "KOBO_ASSET_ID", "DATABASE_URL")
        }
        with Airflow(HOME / "airflow", settings) as airflow:
            report_progress(f"{kind}: kobo_sync with nothing new")
            nothing_new = _nothing_new(airflow, trial, rounds)
            report_progress(f"{kind}: a backfill with one worker and with two")
            backfills = _backfills(airflow, large, rounds)
    _show_share(kind, nothing_new)
    _show_backfill(kind, large.rows, backfills)
    return {
        "nothing new": nothing_new,
        "backfill, seconds of pull": {f"{workers} workers": s for workers, s in backfills.items()},
    }


def _nothing_new(airflow: Airflow, trial: Trial, rounds: int) -> list[dict[str, float]]:
    """Run the same sync in Airflow and on the command line, in turn."""
    trial.measure(trial.contestant.first)
    trial.check()
    found = []
    with airflow.scheduler(4, _connections(trial)):
        airflow.run("kobo_sync")  # the first has more to import
        for _ in range(rounds):
            alone = trial.measure(trial.contestant.first)
            run = airflow.run("kobo_sync")
            found.append(
                {
                    "command line": alone.run.seconds,
                    "ours": float(alone.result["seconds"]),
                    "airflow": run.seconds,
                    "tasks": run.busy,
                    "count": len(run.tasks),
                }
            )
    return found


def _backfills(airflow: Airflow, workbench: Workbench, rounds: int) -> Backfills:
    """Run a first load behind a slow server, each mapped task with one request in flight."""
    found: Backfills = {workers: [] for workers in (1, 2)}
    for _ in range(rounds):
        for workers, seconds in found.items():
            seconds.append(backfill(airflow, workbench, workers).span("pull"))
    return found


def backfill(airflow: Airflow, workbench: Workbench, workers: int, page_size: int = 1000) -> DagRun:
    """Run one first load with so many workers; its result is checked.

    :param page_size: with small pages the server's time counts most, with large ones also ours.
    :raises BenchError: it was not cut into two mapped tasks, or its result is wrong.
    """
    contestant = replace(ours(), ready=make_tables)
    with (
        workbench.start(contestant) as trial,
        airflow.scheduler(workers, _connections(trial, KOBO_MAX_IN_FLIGHT="2")),
    ):
        with slow(workbench):
            run = airflow.run("kobo_sync", page_size=page_size)
        trial.check()
        mapped = [task for task in run.tasks if task.name.rpartition(".")[2] == "pull"]
        if len(mapped) != 2:
            raise BenchError(f"The backfill was cut into {len(mapped)} mapped tasks, not 2.")
        return run


@contextmanager
def slow(workbench: Workbench) -> Iterator[None]:
    """Let the server wait for 200 ms before each response."""
    faults = workbench.simulator.control.faults
    faults.add("slow", count=None, seconds=_DELAY_MS / 1000, path="^/api/")
    try:
        yield
    finally:
        faults.clear()


def _connections(trial: Trial, **changes: str) -> dict[str, str]:
    given = Settings.from_env(env={**trial.env, **changes})
    return {
        "AIRFLOW_CONN_KOBO_DEFAULT": json.dumps(kobo_connection(given)),
        "AIRFLOW_CONN_KOBO_DATABASE": json.dumps(database_connection(given)),
        **changes,  # what no connection holds
    }


def _show_share(kind: str, found: list[dict[str, float]]) -> None:
    whole, tasks, alone, mine = (
        median([one[name] for one in found]) for name in ("airflow", "tasks", "command line", "ours")
    )
    rows = [
        ["kobo_sync in Airflow, from the trigger to the end", whole],
        ["  of it between tasks: scheduling", whole - tasks],
        ["  of it in tasks: their processes, imports, talk with the api-server", tasks - mine],
        ["  of it ours: the sync itself", mine],
        ["the same on the command line, process included", alone],
    ]
    show(f"{kind}: a sync with nothing new, medians of {len(found)}", ("", "seconds"), rows)


def _show_backfill(kind: str, rows: int, found: Backfills) -> None:
    table = [
        [workers, median(seconds), paired_ratio(found[1], seconds)] for workers, seconds in found.items()
    ]
    show(
        f"{kind}: backfill of {rows:,} submissions, {_DELAY_MS} ms before each answer, two mapped tasks with "
        "one request in flight each, medians; seconds from the first task's start to the last one's end",
        ("workers", "seconds", "speed to one"),
        table,
    )
