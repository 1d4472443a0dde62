"""`make demo` and `make up` as processes, in folders of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests
from sqlalchemy import text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.writer import Writer
from scripts.stack import free_port
from simulator.process import SimulatorProcess
from tests.support.submissions import ASSET, MIRROR, body, submission

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, pathlib, {script}
{script}.FOLDER = {script}.ROOT = pathlib.Path(sys.argv[1])
sys.exit({script}.main())
"""


class Running:
    """A script of ours on its way, and every process that it ever started."""

    def __init__(self, script: str, folder: Path, env: dict[str, str]) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self._output = folder / "output"
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM.format(script=script), str(folder)],
                cwd=ROOT,
                env={**kept, "PYTHONPATH": str(ROOT / "scripts"), "COLUMNS": "110", **env},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._family: set[psutil.Process] = set()

    def wait(self, seconds: float) -> int:
        self.wait_for(lambda: self.process.poll() is not None, seconds)
        return int(self.process.returncode)

    def wait_for(self, happened: Callable[[], object], seconds: float) -> None:
        """Wait, and see who joins the family."""
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, self.output()
            with suppress(psutil.Error):
                self._family |= set(psutil.Process(self.process.pid).children(recursive=True))
            time.sleep(0.1)

    def left_behind(self) -> list[psutil.Process]:
        """Those of its processes that still run; init takes its time to bury the dead."""
        assert self._family
        return [process for process in self._family if self._lives(process)]

    @staticmethod
    def _lives(process: psutil.Process) -> bool:
        with suppress(psutil.NoSuchProcess):
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return False

    def output(self) -> str:
        return self._output.read_text()


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a script of ours that keeps its files in ``tmp_path``; at the end it is killed if it is there."""
    started: list[Running] = []

    def run(script: str, **env: str) -> Running:
        started.append(Running(script, tmp_path, env))
        return started[-1]

    yield run
    for running in started:
        running.process.kill()
        running.process.wait()


def test_a_database_that_mirrors_another_form_is_left_as_it_is(start: Start, database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    bind(engine, MIRROR)
    Writer(engine, MIRROR).push(body(submission(7)))
    demo = start("demo", DATABASE_URL=database_url)
    assert demo.wait(60) == 1
    assert f"it mirrors {ASSET} of https://kobo.example" in demo.output()
    assert "Traceback" not in demo.output()
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM kobo_records")).scalar_one() == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql+pymysql://kobo:kobo@127.0.0.1:1/kobo", "it cannot be reached"),
        ("postgresql://kobo@localhost/kobo", "must name a MySQL, MariaDB or SQLite database"),
    ],
    ids=["nobody there", "another kind"],
)
def test_a_database_that_cannot_be_used_ends_it_in_a_sentence(start: Start, url: str, words: str) -> None:
    demo = start("demo", DATABASE_URL=url)
    assert demo.wait(60) == 1
    assert words in demo.output()
    assert demo.output().count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_stopped_in_the_middle_leaves_no_process(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    demo = start("demo")
    webhook = tmp_path / "webhook.log"
    demo.wait_for(lambda: webhook.exists() and "Booting worker" in webhook.read_text(), 60)
    assert len(demo.left_behind()) >= 4
    demo.process.send_signal(number)
    assert demo.wait(30) == 130
    assert "stopped; nothing is left running" in demo.output()
    assert demo.left_behind() == []


def test_a_second_demo_beside_the_first_says_so(start: Start, tmp_path: Path) -> None:
    first = start("demo")
    first.wait_for((tmp_path / "simulator.log").exists, 60)
    second = start("demo")
    assert second.wait(60) == 1
    assert "`make demo` is running here already" in second.output()
    first.process.send_signal(signal.SIGINT)
    assert first.wait(30) == 130


@pytest.mark.long
def test_the_demo_ends_in_a_proof_twice(start: Start, database_url: str) -> None:
    for _ in range(2):
        demo = start("demo", DATABASE_URL=database_url)
        assert demo.wait(240) == 0, demo.output()
        assert demo.output().splitlines()[-1] == "mirror equals source: 5180 submissions, 0 differences"
        assert "\nmirror equals source: 416 submissions, 0 differences\n" in demo.output()
        for words in ("5000 new", "200 unchanged", "100 changed, 20 deleted", "added a REST Service"):
            assert words in demo.output()
        assert re.search(r"^ +households .* 416 *$", demo.output(), re.MULTILINE)
        for table in ("kobo_records  ", "kobo_records__rest"):
            assert re.search(rf"^ +{table} .* 5,180 *$", demo.output(), re.MULTILINE)
        assert re.search(r"^ +kobo_records__members .* [\d,]{5,} *$", demo.output(), re.MULTILINE)
        assert demo.left_behind() == []


@pytest.mark.long
def test_the_stack_comes_up_syncs_and_goes_without_a_trace(start: Start, tmp_path: Path) -> None:
    ports = {name: str(free_port()) for name in ("AIRFLOW_PORT", "WEBHOOK_PORT", "SIMULATOR_PORT")}
    up = start("up", AIRFLOW_ADMIN_PASSWORD="of-the-tests", **ports)  # its schedule's run may be the first
    up.wait_for(lambda: "Ctrl-C" in up.output() or up.process.poll() is not None, 240)
    airflow = re.search(r"http://127\.0\.0\.1:\d+", up.output())
    assert airflow, up.output()
    url, login = airflow[0], {"username": "admin", "password": "of-the-tests"}
    token = requests.post(f"{url}/auth/token", json=login, timeout=30).json()["access_token"]

    def state() -> str:
        headers = {"Authorization": f"Bearer {token}"}
        runs = requests.get(f"{url}/api/v2/dags/kobo_sync/dagRuns", headers=headers, timeout=30).json()
        return str(runs["dag_runs"][0]["state"])

    up.wait_for(lambda: state() in ("success", "failed"), 180)
    assert state() == "success"
    up.wait_for(lambda: "webhook: added a REST Service" in up.output(), 20)
    assert "kobo_sync: 5,000 new, 0 edited, 0 deleted, 0 rejected in " in up.output()
    up.wait_for(lambda: "kobo_records__members" in up.output(), 20)
    assert re.search(r"^ +kobo_records__rest .* 5,000 *$", up.output(), re.MULTILINE)
    proofs = [f"mirror equals source: {rows} submissions, 0 differences" for rows in (5000, 400)]
    up.wait_for(lambda: all(proof in up.output() for proof in proofs), 60)
    engine = open_engine(f"sqlite:///{tmp_path / 'simulator' / 'mirror.sqlite'}")
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM kobo_records")).scalar_one() == 5000
    engine.dispose()
    up.process.send_signal(signal.SIGINT)
    assert up.wait(60) == 0
    assert up.left_behind() == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"KOBO_TOKEN": "a-token-that-no-account-has"},
            "kobo_sync failed. prepare: 'API token' was refused by",
        ),
        ({"KOBO_ASSET_ID": "aAnotherForm00000000001"}, "shows no form 'aAnotherForm00000000001'"),
        (
            {"KOBO_URL": "http://no-such-host.invalid"},
            "could not be reached, or broke off its answer. It is tried",
        ),
        (
            {"KOBO_TOKEN": "5eed0000demo0000may0only0view00000000000"},
            "webhook: not permitted: ask the form's owner",
        ),
    ],
    ids=["token", "form", "host", "viewer"],
)
def test_the_stack_says_on_the_screen_what_the_first_sync_came_to(
    start: Start, simulator: SimulatorProcess, change: dict[str, str], said: str
) -> None:
    form = {"KOBO_URL": simulator.url, "KOBO_TOKEN": simulator.token, "KOBO_ASSET_ID": simulator.asset}
    ports = {name: str(free_port()) for name in ("AIRFLOW_PORT", "WEBHOOK_PORT")}
    ours = {
        "REAL_TIME_POST_ENDPOINT_URL": "http://127.0.0.1:9/api/real-time-updates",
        "KOBO_SYNC_SCHEDULE": "none",
    }
    up = start("up", **form | ours | ports | change)
    up.wait_for(lambda: said in " ".join(up.output().split()) or up.process.poll() is not None, 240)
    assert said in " ".join(up.output().split()), up.output()
    assert up.process.poll() is None
    up.process.send_signal(signal.SIGINT)
    assert up.wait(60) == 0
