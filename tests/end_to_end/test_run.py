"""``python -m kobo_mirror run``: all in one process tree, which a signal ends as a whole."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from kobo_mirror.cli.status import status
from kobo_mirror.store.tables import leases
from tests.support.mirroring import Mirroring
from tests.support.running_command import SECRET, running
from tests.support.tables import records, rows_of


def test_the_command_serves_syncs_and_stops_as_a_whole(mirroring: Mirroring, tmp_path: Path) -> None:
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


@pytest.mark.long
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


@pytest.mark.long
def test_ctrl_c_ends_the_run(embedded: Mirroring, tmp_path: Path) -> None:
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


def test_the_first_sync_is_followed_by_a_proof_of_every_answer(embedded: Mirroring, tmp_path: Path) -> None:
    with running(embedded, tmp_path) as run:
        run.wait_for(lambda: "mirror equals source: 300 submissions, 0 differences" in run.said())
        assert status(embedded.engine)["light"] == "green"


@pytest.mark.long
def test_the_proof_is_left_out_where_none_is_wanted(embedded: Mirroring, tmp_path: Path) -> None:
    with running(embedded, tmp_path, "--every", "0.02", KOBO_VERIFY_FULL_EVERY_DAYS="0") as run:
        run.wait_for(lambda: run.said().count("success: ") >= 2)
        assert "mirror equals source" not in run.said()
    told = status(embedded.engine)
    assert (told["light"], told["findings"]) == (
        "amber",
        ["No comparison of every answer has been made yet: verify in full."],
    )
