"""``python -m kobo_mirror run``: all in one process tree, which a signal ends as a whole."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.tables import leases
from kobo_mirror.sync.status import status
from tests.support.database_server import OwnServer, own_server
from tests.support.mirroring import ROOT, Mirroring
from tests.support.processes import free_port
from tests.support.tables import records, rows_of

SECRET = "s3cret-of-the-webhook"


@dataclass
class Running:
    """The process tree, its output, and the webhook's address."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int
    session: int

    def said(self) -> str:
        return self.log.read_text()

    def status(self, path: str) -> int:
        """The status of a GET, 0 if nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def processes(self) -> list[int]:
        """Those that are left of the tree."""
        return [
            process.pid
            for process in psutil.process_iter()
            if _lives(process) and _is_in(process, self.session)
        ]

    def wait_for(self, condition: Callable[[], Any], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Exit code and seconds after a signal to the parent alone."""
        started = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(40)
        return code, time.monotonic() - started


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def _is_in(process: psutil.Process, session: int) -> bool:
    with suppress(OSError):
        return os.getsid(process.pid) == session
    return False


@contextmanager
def running(mirroring: Mirroring, directory: Path, *arguments: str, **changes: str) -> Iterator[Running]:
    log, port = directory / "run.log", free_port()
    ours = {
        "WEBHOOK_BIND": f"127.0.0.1:{port}",
        "WEBHOOK_SECRET": SECRET,
        "REAL_TIME_POST_ENDPOINT_URL": f"http://127.0.0.1:{port}/api/real-time-updates",
    }
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "kobo_mirror", "run", *arguments],
            env=mirroring.environment(**(ours | changes)),
            cwd=ROOT,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    tree = Running(process, log, port, session=process.pid)
    try:
        yield tree
    finally:
        for pid in tree.processes():
            os.kill(pid, signal.SIGKILL)
        process.wait(10)


def test_it_serves_syncs_and_stops_as_a_whole(mirroring: Mirroring, tmp_path: Path) -> None:
    control = mirroring.simulator.control
    with running(mirroring, tmp_path, "--every", "0.02") as tree:
        tree.wait_for(lambda: "300 new" in tree.said())
        tree.wait_for(lambda: control.stats()["hooks"] == 1)
        assert tree.status("/health/live") == 200
        tree.wait_for(lambda: tree.status("/health/ready") == 200)
        (new,) = control.create(1)
        control.wait_deliveries()
        tree.wait_for(lambda: new in records(mirroring.engine))
        assert control.stats()["deliveries"]["success"] == 1
        control.edit(new, cd_age="55")
        tree.wait_for(lambda: records(mirroring.engine)[new]["age"] == 55)
        assert len(tree.processes()) >= 3
        code, seconds = tree.end()
        assert (code, tree.processes()) == (0, [])
        assert seconds < 5
        assert tree.status("/health/live") == 0
        assert "Traceback" not in tree.said()
        assert SECRET not in tree.said()
    assert [row["holder"] for row in rows_of(mirroring.engine, leases)] == [None]
    assert mirroring.verify().equal


@pytest.mark.parametrize(
    "fault", [{"kind": "429", "retry_after": 600}, {"kind": "slow", "seconds": 1.0}], ids=["waiting", "slow"]
)
def test_it_stops_soon_in_the_middle_of_a_sync(
    embedded: Mirroring, tmp_path: Path, fault: dict[str, Any]
) -> None:
    embedded.simulator.control.faults.add(**fault, count=None, after=1, path=r"data\.json")
    with running(embedded, tmp_path) as tree:
        tree.wait_for(lambda: len(embedded.requests()) > 1)
        code, seconds = tree.end()
        assert (code, tree.processes()) == (0, [])
        assert seconds < 6
        assert "Traceback" not in tree.said()
    assert [row["holder"] for row in rows_of(embedded.engine, leases)] == [None]


def test_the_webhook_ends_with_a_parent_that_is_killed(embedded: Mirroring, tmp_path: Path) -> None:
    with running(embedded, tmp_path) as tree:
        tree.wait_for(lambda: "300 new" in tree.said())
        assert tree.status("/health/live") == 200
        tree.process.kill()
        tree.process.wait(5)
        deadline = time.monotonic() + 5
        while tree.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert tree.processes() == []
        assert tree.status("/health/live") == 0


def test_ctrl_c_ends_it_too(embedded: Mirroring, tmp_path: Path) -> None:
    with running(embedded, tmp_path) as tree:
        tree.wait_for(lambda: "300 new" in tree.said())
        os.killpg(tree.process.pid, signal.SIGINT)  # as a terminal does: to all that run in its foreground
        assert tree.process.wait(40) == 0
        assert tree.processes() == []
        assert "Traceback" not in tree.said()


def test_nothing_is_registered_where_no_address_is_given(embedded: Mirroring, tmp_path: Path) -> None:
    with running(embedded, tmp_path, REAL_TIME_POST_ENDPOINT_URL="") as tree:
        tree.wait_for(lambda: "nothing is registered" in tree.said())
        assert "300 new" in tree.said()
        assert embedded.simulator.control.stats()["hooks"] == 0


def test_what_passes_by_itself_does_not_end_it(embedded: Mirroring, tmp_path: Path) -> None:
    take_lease(embedded.engine, embedded.mirror.asset_uid, "another")
    with running(embedded, tmp_path, "--every", "0.01") as tree:
        tree.wait_for(lambda: "Sync another holds this form" in tree.said())
        with embedded.engine.begin() as connection:
            connection.execute(leases.update().values(holder=None))
        tree.wait_for(lambda: "300 new" in tree.said())
        embedded.simulator.control.delete(embedded.simulator.control.ids()[:100])
        tree.wait_for(lambda: "confirm" in tree.said())
        embedded.simulator.control.create(1)
        tree.wait_for(lambda: len(records(embedded.engine)) == 301)
        assert tree.end()[0] == 0


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"KOBO_TOKEN": "wrong"}, 2, "error: KOBO_TOKEN was refused by"),
        ({"WEBHOOK_SECRET": ""}, 2, "error: WEBHOOK_SECRET is not set."),
        ({"WEBHOOK_BIND": "nonsense:port"}, 2, "error: WEBHOOK_BIND must be a host and a port"),
        ({"WEBHOOK_BIND": "203.0.113.7:8000"}, 1, "WEBHOOK_BIND names 203.0.113.7:8000, which is no address"),
    ],
)
def test_what_will_not_pass_ends_it_with_a_sentence(
    embedded: Mirroring, tmp_path: Path, change: dict[str, str], code: int, said: str
) -> None:
    with running(embedded, tmp_path, **change) as tree:
        assert tree.process.wait(30) == code
        assert tree.processes() == []
        assert said in tree.said()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"KOBO_TOKEN": "wrong"}, "KOBO_TOKEN was refused by"),
        ({"KOBO_ASSET_ID": "aAnotherForm00000000001"}, "shows no form 'aAnotherForm00000000001'"),
        ({"KOBO_URL": "{url}/login"}, ""),
    ],
    ids=["token", "form", "address"],
)
@pytest.mark.parametrize("endpoint", ["set", ""])
def test_a_refusal_at_the_first_contact_is_all_that_is_on_the_screen(
    embedded: Mirroring, tmp_path: Path, change: dict[str, str], said: str, endpoint: str
) -> None:
    given = {name: text.format(url=embedded.simulator.url) for name, text in change.items()}
    given |= {} if endpoint else {"REAL_TIME_POST_ENDPOINT_URL": ""}
    started = time.monotonic()
    with running(embedded, tmp_path, **given) as tree:
        assert tree.process.wait(30) == 2
        assert time.monotonic() - started < 10
        (line,) = tree.said().splitlines()
        assert line.startswith("error: ")
        assert said in line


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"], ids=["port", "host"])
def test_a_server_that_cannot_be_reached_is_said_at_once_and_the_webhook_serves(
    embedded: Mirroring, tmp_path: Path, url: str
) -> None:
    with running(embedded, tmp_path, KOBO_URL=url) as tree:
        tree.wait_for(tree.said, 10)
        first = tree.said().splitlines()[0]
        assert first.startswith(f"error: {url} could not be reached")
        assert first.endswith("Trying again.")
        tree.wait_for(lambda: tree.status("/health/live") == 200)
        assert tree.end()[0] == 0


def test_the_first_line_names_the_form_and_the_webhook_is_not_given_the_token(
    embedded: Mirroring, tmp_path: Path
) -> None:
    with running(embedded, tmp_path, SPT_NOENV="1") as tree:  # setproctitle leaves the environment readable
        tree.wait_for(lambda: "300 new" in tree.said())
        first = tree.said().splitlines()[0]
        assert first == (
            f"{embedded.simulator.url} shows the form 'Client data (simulated)' with 300 submissions"
        )
        served = [psutil.Process(pid).environ() for pid in tree.processes() if pid != tree.process.pid]
        assert served
        assert not [env for env in served if "KOBO_TOKEN" in env]
        assert all(env["WEBHOOK_SECRET"] == SECRET for env in served)


@pytest.mark.parametrize("kind", ["401", "403", "404"])
def test_a_refusal_after_a_good_sync_is_told_and_the_webhook_goes_on(
    embedded: Mirroring, tmp_path: Path, kind: str
) -> None:
    control = embedded.simulator.control
    with running(embedded, tmp_path, "--every", "0.01") as tree:
        tree.wait_for(lambda: "300 new" in tree.said() and control.stats()["hooks"] == 1)
        control.faults.add(kind, count=None, path="api/v2")
        tree.wait_for(lambda: "The webhook goes on." in tree.said())
        (new,) = control.create(1)
        control.wait_deliveries()
        tree.wait_for(lambda: new in records(embedded.engine))
        control.faults.clear()
        control.edit(new, cd_age="55")
        tree.wait_for(lambda: records(embedded.engine)[new]["age"] == 55)
        assert tree.end()[0] == 0


def test_a_refused_registration_is_told_and_tried_with_each_sync(embedded: Mirroring, tmp_path: Path) -> None:
    control = embedded.simulator.control
    control.faults.add("401", count=None, path="hooks")
    with running(embedded, tmp_path, "--every", "0.01") as tree:
        tree.wait_for(lambda: tree.said().count("The webhook goes on.") == 2)
        assert control.stats()["hooks"] == 0
        assert tree.said().count("success: ") >= 2
        control.faults.clear()
        tree.wait_for(lambda: control.stats()["hooks"] == 1)
        assert tree.end()[0] == 0


def test_another_form_ends_it_and_registers_nothing(embedded: Mirroring, tmp_path: Path) -> None:
    embedded.sync()
    with running(embedded, tmp_path, KOBO_ASSET_ID="aAnotherForm00000000001") as tree:
        assert tree.process.wait(30) == 1
        assert "mirrors form" in tree.said()
        assert tree.processes() == []
    assert embedded.simulator.control.stats()["hooks"] == 0


def test_a_form_that_does_not_fit_ends_it_and_gets_no_rest_service(
    embedded: Mirroring, tmp_path: Path
) -> None:
    control = embedded.simulator.control
    control.bulk_edit(control.ids(), cd_client_name=None)
    with running(embedded, tmp_path) as tree:
        assert tree.process.wait(30) == 1
        assert "fits the table" in tree.said()
    assert control.stats()["hooks"] == 0


@pytest.fixture
def database() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


def test_a_database_that_is_down_at_the_start_and_comes_back(
    embedded: Mirroring, database: OwnServer, tmp_path: Path
) -> None:
    url = database.fresh_database()
    database.stop()
    with running(embedded, tmp_path, "--every", "0.02", DATABASE_URL=url) as tree:
        tree.wait_for(lambda: "cannot be reached" in tree.said())
        assert tree.status("/health/live") == 200
        assert tree.status("/health/ready") == 503
        database.start()
        tree.wait_for(lambda: "300 new" in tree.said())
        tree.wait_for(lambda: tree.status("/health/ready") == 200)
        database.kill()
        embedded.simulator.control.create(2)
        tree.wait_for(lambda: tree.said().count("Trying again") > 1)
        database.start()
        engine = open_engine(url)
        tree.wait_for(lambda: len(records(engine)) == 302)
        engine.dispose()
        assert tree.end()[0] == 0


def test_the_first_sync_is_followed_by_a_proof_of_every_answer(embedded: Mirroring, tmp_path: Path) -> None:
    with running(embedded, tmp_path) as run:
        run.wait_for(lambda: "mirror equals source: 300 submissions, 0 differences" in run.said())
        assert status(embedded.engine, KOBO_RECORDS)["light"] == "green"


def test_the_proof_is_left_out_where_none_is_wanted(embedded: Mirroring, tmp_path: Path) -> None:
    with running(embedded, tmp_path, "--every", "0.02", KOBO_VERIFY_FULL_EVERY_DAYS="0") as run:
        run.wait_for(lambda: run.said().count("success: ") >= 2)
        assert "mirror equals source" not in run.said()
    told = status(embedded.engine, KOBO_RECORDS)
    assert (told["light"], told["findings"]) == (
        "amber",
        ["No comparison of every answer has been made yet: verify in full."],
    )
