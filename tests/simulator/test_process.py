"""The simulator as a process: start, stop, size and speed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator.process import SimulatorProcess
from tests.simulator.api import Api

ROOT = Path(__file__).resolve().parents[2]
MILLION = 1_000_000


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_ready_file_and_clean_end(tmp_path: Path, end: signal.Signals) -> None:
    ready = tmp_path / "ready.json"
    options = [
        "--port",
        "0",
        "--rows",
        "3",
        "--token",
        "5eedtoken",
        "--asset",
        "aTest",
        "--ready-file",
        str(ready),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", *options], cwd=ROOT, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 20
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        about = json.loads(ready.read_text("utf-8"))
        assert {key: about[key] for key in ("token", "asset")} == {"token": "5eedtoken", "asset": "aTest"}
        headers = {"Authorization": "Token 5eedtoken"}
        answer = requests.get(f"{about['url']}/api/v2/assets/aTest/data.json", headers=headers, timeout=5)
        assert answer.json()["count"] == 3
        process.send_signal(end)
        assert process.wait(10) == 0
        with pytest.raises(requests.ConnectionError):
            requests.get(about["url"], timeout=5)
    finally:
        process.kill()
        _, output = process.communicate()
    assert b"Traceback" not in output


def test_a_start_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="invalid int value"):
        SimulatorProcess(rows=1, seed="many").start()


def test_a_million_rows_start_quickly_and_answer_by_index() -> None:
    started = time.monotonic()
    with SimulatorProcess(rows=MILLION) as server, Api(server) as api:
        assert time.monotonic() - started < 15
        last = api.rows(sort={"_id": -1}, limit="1")[0]
        middle = api.get("/data.json", sort={"_id": 1}, start="500000", limit="250", fields=["_id"])
        assert (middle["count"], len(middle["results"])) == (MILLION, 250)
        roots = [row["meta/rootUuid"] for row in middle["results"]]
        before = time.monotonic()
        assert api.get("/data.json", query={"meta/rootUuid": {"$in": roots}}, fields=["_id"])["count"] == 250
        assert api.get("/data.json", query={"_id": {"$gt": last["_id"]}})["count"] == 0
        assert api.get("/data.json", query={"_id": {"$in": [last["_id"], 5]}})["count"] == 1
        assert time.monotonic() - before < 2  # a scan would take over 20 s
        assert memory_of_worker(server) < 500


@pytest.mark.long
def test_a_core_serves_fifty_thousand_rows_a_second() -> None:
    with SimulatorProcess(rows=MILLION) as server, requests.Session() as session:
        session.headers.update({"Authorization": f"Token {server.token}", "Accept-Encoding": "identity"})
        url = f"{server.url}/api/v2/assets/{server.asset}/data.json"
        ids = server.control.ids()[::1000][:300]
        before = cpu_of_worker(server)
        for kobo_id in ids:
            params: dict[str, Any] = {"query": json.dumps({"_id": {"$gte": kobo_id}}), "limit": 1000}
            with session.get(url, params=params, stream=True, timeout=20) as answer:
                assert len(answer.raw.read()) > MILLION
        seconds = cpu_of_worker(server) - before
        assert len(ids) * 1000 / seconds >= 50_000
        assert memory_of_worker(server) < 500


def worker(server: SimulatorProcess) -> int:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    if not children.exists():
        pytest.fail("figures of a process are read from /proc, which only Linux has")
    return int(children.read_text().split()[0])


def memory_of_worker(server: SimulatorProcess) -> float:
    """The most that the worker ever held, in MB."""
    status = Path(f"/proc/{worker(server)}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1000


def cpu_of_worker(server: SimulatorProcess) -> float:
    """The seconds that the worker has computed."""
    fields = Path(f"/proc/{worker(server)}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
