"""A first load spread over two workers, one of which is killed: retries complete it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, text


def rows_in(url: str) -> int:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM kobo_records")).scalar_one())
    finally:
        engine.dispose()


@pytest.mark.long
@pytest.mark.parametrize("rows", [20_000, 200_000], ids=["20k", "200k"])
def test_a_backfill_survives_the_death_of_a_worker(start_airflow: Callable[[int], Any], rows: int) -> None:
    airflow = start_airflow(rows)
    faults = airflow.simulator.control.faults
    faults.add("slow", count=None, path="limit=500", seconds=3)  # else one pull ends before the other starts
    run_id = airflow.trigger("kobo_sync", page_size=500)
    airflow.wait_for(lambda: len(pulling(airflow, run_id)) == 2, "the start of both pulls", 120)
    airflow.wait_for(lambda: rows_in(airflow.database_url) > rows // 20, "the first rows", 60)

    worker = airflow.workers()[0]
    for process in [*worker.children(recursive=True), worker]:
        process.kill()
    psutil.wait_procs([worker], timeout=10)
    assert rows_in(airflow.database_url) < rows
    faults.clear()

    run = airflow.ended("kobo_sync", run_id, seconds=120 + rows / 200)
    assert run["state"] == "success", run["note"]
    assert run["note"].startswith(f"{rows:,} new, 0 edited, 0 deleted, 0 rejected in ")
    assert sorted(task["try_number"] for task in airflow.tasks("kobo_sync", run_id, "pull")) == [1, 2]
    assert rows_in(airflow.database_url) == rows

    proof = airflow.ended("kobo_verify", airflow.trigger("kobo_verify"), seconds=60 + rows / 400)
    assert proof["note"] == f"mirror equals source: {rows} submissions, 0 differences"


def pulling(airflow: Any, run_id: str) -> list[Any]:
    return [task for task in airflow.tasks("kobo_sync", run_id, "pull") if task["state"] == "running"]
