"""A second worker makes a backfill behind a slow server faster, in a real Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.airflow_share import backfill
from benchmarks.airflow_stack import Airflow
from benchmarks.bulk_contestants import Workbench, ours
from simulator.process import SimulatorProcess
from tests.support.database_server import DatabaseServer

ROWS = 40_000
PAGE_SIZE = 250  # of 1000 a page, two cores are busy with the rows as long as the server lets them wait


@pytest.mark.long
def test_two_workers_with_one_request_each_are_half_as_fast_again_as_one(
    server: DatabaseServer, tmp_path: Path
) -> None:
    with SimulatorProcess(rows=ROWS) as simulator:
        workbench = Workbench(simulator, server)
        with workbench.start(ours()) as trial:
            names = ("KOBO_URL", "KOBO_TOKEN", "KOBO_ASSET_ID", "DATABASE_URL")
            with Airflow(tmp_path, {name: trial.env[name] for name in names}) as airflow:
                seconds = {n: backfill(airflow, workbench, n, PAGE_SIZE).span("pull") for n in (1, 2)}
    assert seconds[1] > 1.5 * seconds[2], seconds
