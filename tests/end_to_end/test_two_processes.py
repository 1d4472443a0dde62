"""A large pull is shared by two processes; whatever happens to either of them, nothing is lost or left."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil
import pytest

from kobo_mirror.forms.kobo_records import KOBO_RECORDS
from kobo_mirror.store.database import open_engine
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import checkpoints, leases, sync_runs
from kobo_mirror.sync.processes import processes_here
from simulator.process import SimulatorProcess
from tests.support.database_server import DatabaseServer
from tests.support.mirroring import Mirroring
from tests.support.tables import records, rows_of, truth

ROWS = 20_000  # the fewest that are shared
FORKS = processes_here() - 1
PAGE = 250
SLOWLY = {
    "kind": "slow",
    "count": None,
    "after": 24,
    "seconds": 1.0,
    "path": f"limit={PAGE}",
}  # else it is soon done


@pytest.fixture
def large(simulator: SimulatorProcess, server: DatabaseServer) -> Iterator[Mirroring]:
    """A form of 20,000 and an empty mirror on the real server."""
    simulator.control.reset(rows=ROWS)
    simulator.control.clear_requests()
    url = server.fresh_database()
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    yield Mirroring(simulator, url, engine, [])
    engine.dispose()
    server.drop_database(url)


def start(large: Mirroring, **settings: str) -> tuple[Popen[str], list[psutil.Process]]:
    """A sync that has written something, and its forks."""
    large.simulator.control.faults.add(**SLOWLY)
    process = large.start("sync", KOBO_PAGE_SIZE=str(PAGE), **settings)
    wait_until(lambda: all(begun(large)) or process.poll() is not None)
    return process, psutil.Process(process.pid).children(recursive=True)


def begun(large: Mirroring) -> list[bool]:
    """Whether the first two lanes have written a page: each is of another process."""
    lanes = rows_of(large.engine, checkpoints)[:2]
    return [lane["cursor_id"] > lane["first_id"] for lane in lanes] or [False]


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != "zombie" for process in processes)


def goes_on(large: Mirroring) -> None:
    """The next sync ends what was begun, and fetches none of it again."""
    large.simulator.control.faults.clear()
    assert 0 < len(records(large.engine)) <= ROWS
    code, out, err = large.command("sync", KOBO_PAGE_SIZE=str(PAGE))
    assert (code, err) == (0, "")
    assert out.startswith(f"success: {ROWS} new in ")
    assert len(rows_of(large.engine, sync_runs)) == 1
    assert large.verify().equal


def test_two_processes_write_what_one_would_have(large: Mirroring, tmp_path: Path) -> None:
    process, forks = start(large)
    large.simulator.control.faults.clear()
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err, len(forks)) == (0, "", FORKS)
    assert out.startswith(f"success: {ROWS} new in ")
    (run,) = rows_of(large.engine, sync_runs)
    assert (run["inserted"], run["rows_read"]) == (ROWS, ROWS)
    pages = Counter(r["query"] for r in large.requests() if f"limit={PAGE}" in r["query"])
    assert len(pages) >= ROWS // PAGE
    assert set(pages.values()) == {1}
    assert run["requests"] > len(pages)
    assert all(lane["done_at"] for lane in rows_of(large.engine, checkpoints))
    alone = open_engine(f"sqlite:///{tmp_path / 'alone.sqlite'}")
    migrate(alone, KOBO_RECORDS)
    Mirroring(large.simulator, "", alone, []).sync()
    assert truth(large.engine) == truth(alone)
    alone.dispose()


def test_one_request_at_once_is_one_process(large: Mirroring) -> None:
    process, forks = start(large, KOBO_MAX_IN_FLIGHT="1")
    assert (process.poll(), forks) == (None, [])
    process.kill()
    process.communicate()
    goes_on(large)


def test_a_fork_does_not_outlive_a_sync_that_is_killed(large: Mirroring) -> None:
    process, forks = start(large)
    assert len(forks) == FORKS
    process.kill()
    process.wait()
    wait_until(lambda: gone(forks))
    out, err = process.communicate()
    assert (out, err) == ("", "")
    goes_on(large)


def test_a_sync_whose_fork_is_killed_says_so_and_the_next_one_goes_on(large: Mirroring) -> None:
    process, forks = start(large)
    for victim in forks or [process]:
        victim.kill()
    out, err = process.communicate(timeout=30)
    assert out == ""
    if forks:
        assert process.returncode == 1
        assert err == (
            "error: A process of this sync was ended from outside (-9): start the sync again, it goes on "
            "where it stopped.\n"
        )
        assert [row["holder"] for row in rows_of(large.engine, leases)] == [None]
    goes_on(large)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both(large: Mirroring, number: signal.Signals) -> None:
    process, forks = start(large)
    for one in (process.pid, *(fork.pid for fork in forks)) if number == signal.SIGINT else (process.pid,):
        with suppress(ProcessLookupError):
            os.kill(one, number)  # a terminal sends Ctrl-C to each of them
    _, err = process.communicate(timeout=30)
    wait_until(lambda: gone(forks))
    if number == signal.SIGINT:
        assert (process.returncode, err) == (130, "stopped; the next sync goes on where this one was\n")
        assert [row["holder"] for row in rows_of(large.engine, leases)] == [None]
    else:
        assert (process.returncode, err) == (-signal.SIGTERM, "")
    goes_on(large)


@pytest.mark.parametrize("lane", [0, 1])
def test_an_error_of_either_ends_both_and_is_said_once(large: Mirroring, lane: int) -> None:
    process, forks = start(large)
    last_id = rows_of(large.engine, checkpoints)[lane]["last_id"]
    faults = large.simulator.control.faults
    faults.clear()
    faults.add("401", count=None, path=f"limit={PAGE}.*{last_id}|{last_id}.*limit={PAGE}")
    faults.add(**SLOWLY)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.count("error: ")) == (2, "", 1)
    assert "KOBO_TOKEN" in err
    assert "Traceback" not in err
    assert gone(forks)
    goes_on(large)
