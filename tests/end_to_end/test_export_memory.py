"""An export of 300,000 submissions with as many repetitions takes no more memory than a small one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine

from tests.support.forms.made import make_tables
from tests.support.forms.surveys import ask, repeat, survey
from tests.support.mirroring import ROOT
from tests.support.tables import run_sql

ROWS = 300_000
SURVEY = survey(
    [
        *ask("text", "name", "village", "remarks"),
        *ask("decimal", "area"),
        *ask("geopoint", "place"),
        *repeat("members", ask("text", "who"), ask("integer", "age"), ask("date", "born")),
    ]
)


@pytest.fixture
def large(engine: Engine) -> Engine:
    make_tables(engine, SURVEY)
    texts = ", ".join([f"'{'ሀ' * 40} =1+1'"] * 3)
    run_sql(
        engine,
        "INSERT INTO survey (kobo_id, submission_time, name, village, remarks, area, place, place__lat, "
        "place__lon, members__rows) "
        f"VALUES (1, '2026-01-02 03:04:05.000000', {texts}, 0.1, '1.5 2.5 3 4', 1.5, 2.5, 1)",
        *(
            "INSERT INTO survey (kobo_id, submission_time, name, village, remarks, area, place, place__lat, "
            f"place__lon, members__rows) SELECT kobo_id + {size}, submission_time, name, village, remarks, "
            f"area + 0.1, place, place__lat, place__lon, 1 FROM survey WHERE kobo_id + {size} <= {ROWS}"
            for size in (2**power for power in range(19))
        ),
        "INSERT INTO survey__members (kobo_id, pos, who, age, born) "
        "SELECT kobo_id, 1, village, kobo_id, '2020-02-29' FROM survey",
    )
    return engine


@pytest.mark.long
def test_memory_stays_flat_whatever_the_size_of_the_form(
    large: Engine, database_url: str, tmp_path: Path
) -> None:
    for ending, most in ((".zip", 40), (".xlsx", 40), (".geojson", 40), (".parquet.zip", 250)):
        file = tmp_path / f"e{ending}"
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "kobo_mirror", "export", "survey", "--to", str(file)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "plugins"), "DATABASE_URL": database_url},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        seen = list(_memory(process))
        out, err = process.communicate()
        taken = time.monotonic() - started
        first = max(seen[: max(len(seen) // 8, 1)])
        kind = large.dialect.name
        print(f"{ending} on {kind}: {max(seen):.0f} MiB, {first:.0f} MiB in the first eighth, {taken:.0f} s")
        assert process.returncode == 0, err
        assert f"{ROWS:,}" in out
        assert max(seen) < first + most, ending
        assert max(seen) < 400
        file.unlink()


def _memory(process: subprocess.Popen[str]) -> Iterator[float]:
    """What it holds, in MiB, twenty times a second until its end."""
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            yield watched.memory_info().rss / 2**20
        time.sleep(0.05)
