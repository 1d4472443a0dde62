"""The benchmarks run, compare like with like, and count no time whose result is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text

from benchmarks.bulk_contestants import Contestant, Trial, Workbench, bare, make_tables, ours, seed_style
from benchmarks.common import HOME, ROOT, BenchError, paired_ratio, run_in_turn
from benchmarks.growth import _blocks
from simulator.process import SimulatorProcess
from tests.support.database_server import DatabaseServer
from tests.support.drivers import DRIVERS

CLOCKS = ("inserted_at", "updated_at", "first_seen_at", "document_digest", "row_digest")
LINE = r"bulk: (\S+) x dlt, (\S+) x seed-style, (\S+) of limit, (\d+) MiB peak"


@pytest.fixture
def workbench(server: DatabaseServer, simulator: SimulatorProcess) -> Workbench:
    return Workbench(simulator, server)


def cells(trial: Trial, table: str) -> list[dict[str, object]]:
    """What a table holds, without the clocks and digests that differ by design."""
    engine = create_engine(trial.url)
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT * FROM {table} ORDER BY kobo_id")).mappings().all()
    engine.dispose()
    return [{name: value for name, value in row.items() if name not in CLOCKS} for row in rows]


def loaded(workbench: Workbench, contestant: Contestant) -> Iterator[list[dict[str, object]]]:
    with workbench.start(contestant) as trial:
        trial.measure(contestant.first)
        for table in ("kobo_records", "kobo_submissions"):
            yield cells(trial, table)


@pytest.mark.long
def test_the_bare_script_writes_the_same_cells_to_the_same_two_tables(workbench: Workbench) -> None:
    expected = list(loaded(workbench, ours()))
    assert [len(rows) for rows in expected] == [workbench.rows, workbench.rows]
    for driver in DRIVERS:
        assert list(loaded(workbench, bare(driver))) == expected


def test_a_second_load_is_checked_too(workbench: Workbench) -> None:
    timings = workbench.run_both(seed_style())
    assert set(timings) == {"first", "again"}
    assert all(
        timing.run.seconds > 0 and timing.run.cpu > 0 and timing.run.peak > 1 for timing in timings.values()
    )


@pytest.mark.parametrize("lazy", ["pass", "raise SystemExit('no')"])
def test_the_time_of_a_contestant_that_did_nothing_does_not_count(workbench: Workbench, lazy: str) -> None:
    idle = replace(ours(), first=(sys.executable, "-c", lazy), ready=make_tables)
    with pytest.raises(BenchError):
        workbench.run_both(idle)


def test_a_wrong_cell_is_found(workbench: Workbench) -> None:
    with workbench.start(bare()) as trial:
        trial.measure(bare().first)
        trial.check()
        engine = create_engine(trial.url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE kobo_records SET age = age + 1"))
        engine.dispose()
        with pytest.raises(BenchError, match="bare script"):
            trial.check()


def test_contestants_take_turns_and_are_compared_within_a_round() -> None:
    order: list[str] = []
    names = {name: (lambda name=name: order.append(name)) for name in "abc"}
    run_in_turn(names, 2)
    assert order == list("abcabc")
    assert paired_ratio([10, 2, 300], [5, 2, 100]) == 2


def measured(*options: str) -> re.Match[str]:
    command = [sys.executable, "-m", "benchmarks.bulk", "--rounds", "1", "--servers", "mariadb", *options]
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stderr[-1000:]
    found = re.fullmatch(LINE, done.stdout.splitlines()[-1])
    assert found, done.stdout[-1000:]
    return found


@pytest.mark.parametrize(
    ("seen", "rows", "speeds"),
    [
        ([], 300, []),
        ([(0.4, 300)], 300, []),
        ([(1.0, 50_000), (2.0, 150_000), (4.0, 200_000)], 200_000, [100_000 / 1.5, 100_000 / 2.5]),
    ],
)
def test_speeds_are_derived_from_any_series_of_counts(
    seen: list[tuple[float, int]], rows: int, speeds: list[float]
) -> None:
    assert _blocks(seen, rows) == pytest.approx(speeds)


@pytest.mark.long
def test_the_growth_benchmark_runs_to_its_last_line() -> None:
    found = measured("--only", "growth", "--sizes", "300,600")
    assert 20 < int(found[4]) < 250


@pytest.mark.long
def test_the_peers_benchmark_runs_to_its_last_line() -> None:
    subprocess.run([ROOT / "benchmarks" / "setup.sh"], check=True, timeout=600)
    assert (HOME / "dlt").exists()
    found = measured("--only", "peers,latency", "--quick", "--rows", "1000")
    assert all(float(ratio) > 0 for ratio in found.groups())
