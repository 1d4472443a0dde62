"""The benchmark of forms as they are runs, compares like with like, and counts no time of wrong rows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from benchmarks.common import ROOT, BenchError
from benchmarks.form_contestants import (
    FormContestant,
    FormWorkbench,
    form_bare,
    form_contestants,
    form_ours,
)
from benchmarks.forms import MEMBERS, VISITS, BenchForm, household, rows_in, wide
from simulator.process import SimulatorProcess
from tests.support.database_server import DatabaseServer

ROWS = 40
CLOCKS = {"inserted_at", "updated_at", "first_seen_at", "document_digest", "row_digest"}
LINE = r"nested: (\S+) x dlt, (\S+) of limit, (\d+) MiB peak"


@pytest.fixture(params=[household, pytest.param(wide, marks=pytest.mark.long)])
def bench(request: pytest.FixtureRequest, server: DatabaseServer, tmp_path: Path) -> Iterator[FormWorkbench]:
    form: BenchForm = request.param()
    with SimulatorProcess(rows=ROWS, form=[form.write(tmp_path)]) as simulator:
        yield FormWorkbench(simulator, server, form)


def loaded(bench: FormWorkbench, contestant: FormContestant) -> dict[str, list[dict[str, Any]]]:
    """All rows of the form and of the ledger, without the clocks and digests that differ by design."""
    with bench.start(contestant) as trial:
        trial.measure(contestant.first)
        trial.check()
        engine = create_engine(trial.url)
        found = {}
        with engine.connect() as connection:
            for name in inspect(connection).get_table_names():
                if name == "kobo_submissions" or name.startswith(bench.form.name):
                    keys = inspect(connection).get_pk_constraint(name)["constrained_columns"]
                    rows = connection.execute(text(f"SELECT * FROM `{name}` ORDER BY {', '.join(keys)}"))
                    found[name] = [
                        {column: cell for column, cell in row.items() if column not in CLOCKS}
                        for row in rows.mappings()
                    ]
        engine.dispose()
    return found


def test_the_bare_script_writes_the_same_cells_to_the_same_tables(bench: FormWorkbench) -> None:
    expected = loaded(bench, form_ours())
    assert all(expected.values()) or not bench.form.repeats
    assert len(expected[bench.form.name]) == ROWS
    assert loaded(bench, form_bare(bench)) == expected


@pytest.mark.parametrize("bench", [household], indirect=True)
def test_a_wrong_row_of_a_repeat_is_found(bench: FormWorkbench) -> None:
    contestant = form_bare(bench)
    with bench.start(contestant) as trial:
        trial.measure(contestant.first)
        engine = create_engine(trial.url)
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM household__visits LIMIT 1"))
        engine.dispose()
        with pytest.raises(BenchError, match="bare script, PyMySQL: rows of household__visits"):
            trial.check()


@pytest.mark.parametrize("bench", [household], indirect=True)
def test_the_usual_script_is_checked_in_both_loads(bench: FormWorkbench) -> None:
    (usual,) = (one for one in form_contestants(bench, ("pymysql",)) if one.name.startswith("seed"))
    assert set(bench.run_both(usual)) == {"first", "again"}


def test_the_forms_are_what_they_are_said_to_be() -> None:
    form = household()
    members, visits = (sum(len(rows_in(a, path)) for a in form.answers) for path in (MEMBERS, VISITS))
    assert members / len(form.answers) == pytest.approx(4, rel=0.1)
    assert visits / members == pytest.approx(1.5, rel=0.1)
    assert sum(len(form.questions(path)) for path in ("", MEMBERS, VISITS)) == 60
    assert len(wide().questions("")) == 800
    assert sum(map(len, wide().answers)) / len(wide().answers) == pytest.approx(800 / 3, rel=0.05)


@pytest.mark.long
@pytest.mark.parametrize("sections", ["nested,wide", "nested-growth"])
def test_the_sections_run_to_their_line(sections: str) -> None:
    subprocess.run([ROOT / "benchmarks" / "setup.sh"], check=True, timeout=600)
    quick = ["--quick", "--rows", "200", "--rounds", "1", "--sizes", "200,400", "--servers", "mariadb"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bulk", "--only", sections, *quick],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-1000:]
    found = re.fullmatch(LINE, done.stdout.splitlines()[-1])
    assert found, done.stdout[-1000:]
    assert 20 < int(found[3]) < 250
    assert sections != "nested,wide" or (float(found[1]) > 0 and float(found[2]) > 0)
