"""A large pull is shared by two processes; whatever happens to either of them, nothing is lost or left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import checkpoints, leases, sync_runs
from simulator.process import SimulatorProcess
from tests.support.database_server import DatabaseServer
from tests.support.mirroring import Mirroring
from tests.support.tables import records, rows_of, truth

ROWS, LANES = 6_000, 4
PAGE = 100
SLOWLY = {"kind": "slow", "count": None, "seconds": 0.3, "path": f"limit={PAGE}"}  # else it is soon done
OF_THE_SECOND = (1, 3)
"""Its lanes."""
HAS_ENDED = "The second process ended before its part was read; the first one has read it.\n"


@pytest.fixture
def large(simulator: SimulatorProcess, server: DatabaseServer) -> Iterator[Mirroring]:
    """Return a form with four lanes, and an empty mirror of it on the server."""
    simulator.control.reset(rows=ROWS)
    simulator.control.clear_requests()
    url = server.fresh_database()
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    yield Mirroring(simulator, url, engine, [])
    engine.dispose()
    server.drop_database(url)


Started = tuple["subprocess.Popen[str]", list[psutil.Process]]


def start(large: Mirroring, **settings: str) -> Started:
    """Start a sync, wait until each lane has a page, and return it with its second process."""
    large.simulator.control.faults.add(**SLOWLY)
    process = large.start("sync", KOBO_PAGE_SIZE=str(PAGE), **settings)
    wait_until(lambda: all(begun(large)) or process.poll() is not None, "all lanes have begun")
    return process, psutil.Process(process.pid).children(recursive=True)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"not within 30 s: {what}"
        time.sleep(0.01)


def begun(large: Mirroring) -> list[bool]:
    """Return for each lane whether it has written a page."""
    lanes = rows_of(large.engine, checkpoints)
    return [lane["cursor_id"] > lane["first_id"] for lane in lanes] or [False]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != "zombie" for process in processes)


def goes_on(large: Mirroring) -> None:
    """Check that the next sync ends what was begun, as one run."""
    large.simulator.control.faults.clear()
    assert 0 < len(records(large.engine)) < ROWS
    code, out, err = large.command("sync", KOBO_PAGE_SIZE=str(PAGE))
    assert (code, err) == (0, "")
    assert out.startswith(f"success: {ROWS} new in ")
    assert len(rows_of(large.engine, sync_runs)) == 1
    assert large.verify().equal


def test_two_processes_write_what_one_would_have(large: Mirroring, tmp_path: Path) -> None:
    process, second = start(large)
    large.simulator.control.faults.clear()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err, len(second)) == (0, "", 1)
    assert out.startswith(f"success: {ROWS} new in ")
    assert gone(second)
    (run,) = rows_of(large.engine, sync_runs)
    assert (run["inserted"], run["rows_read"]) == (ROWS, ROWS)
    pages = Counter(r["query"] for r in large.requests() if f"limit={PAGE}" in r["query"])
    assert len(pages) >= ROWS // PAGE
    assert set(pages.values()) == {1}, "a page was asked for twice"
    assert run["requests"] > len(pages), "the requests of both count"
    lanes = rows_of(large.engine, checkpoints)
    assert len(lanes) == LANES
    assert all(lane["done_at"] for lane in lanes)
    alone = open_engine(f"sqlite:///{tmp_path / 'alone.sqlite'}")
    migrate(alone, KOBO_RECORDS)
    Mirroring(large.simulator, "", alone, []).sync()
    assert truth(large.engine) == truth(alone)
    alone.dispose()
    large.simulator.control.faults.add("slow", count=None, seconds=0.2)
    process = large.start("sync")
    seen = set[psutil.Process]()
    while process.poll() is None:
        seen |= set(psutil.Process(process.pid).children())
    assert process.communicate()[0].startswith("success: 0 new")
    assert not seen, "nothing was to be read"


@pytest.mark.long
def test_each_reads_its_own_lanes_and_no_more_at_once_than_is_allowed(large: Mirroring) -> None:
    process, (second,) = start(large)
    second.suspend()
    first = [lane for number, lane in enumerate(lanes_of(large)) if number not in OF_THE_SECOND]
    wait_until(lambda: all(lane["lane"] in done(large) for lane in first), "the first one has read its lanes")
    assert done(large).isdisjoint(OF_THE_SECOND)
    assert process.poll() is None, "it has not waited"
    large.simulator.control.faults.clear()
    second.resume()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert large.verify().equal


def lanes_of(large: Mirroring) -> list[dict[str, object]]:
    return [dict(row) for row in rows_of(large.engine, checkpoints)]


def done(large: Mirroring) -> set[object]:
    return {lane["lane"] for lane in lanes_of(large) if lane["done_at"]}


def test_a_second_process_that_is_killed_is_replaced_by_the_first(large: Mirroring) -> None:
    process, (second,) = start(large)
    second.kill()
    large.simulator.control.faults.clear()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == HAS_ENDED
    assert out.startswith(f"success: {ROWS} new in ")
    assert large.verify().equal
    assert len(rows_of(large.engine, sync_runs)) == 1


def test_the_second_process_ends_with_a_sync_that_is_killed(large: Mirroring) -> None:
    process, second = start(large)
    process.kill()
    wait_until(lambda: gone(second), "the second process has ended")
    assert process.communicate() == ("", "")
    goes_on(large)


def test_a_stopped_second_process_ends_with_a_sync_that_is_killed(large: Mirroring) -> None:
    """A stopped one sees no end of its pipe, and would keep the rows locked that it has begun to write."""
    process, (second,) = start(large)
    second.suspend()
    process.kill()
    wait_until(lambda: gone([second]), "the second process has ended")
    process.communicate()
    goes_on(large)


@pytest.mark.parametrize("is_killed", [False, True])
def test_it_is_waited_for_where_children_are_ignored(large: Mirroring, is_killed: bool) -> None:
    """Some supervisors start their jobs so: the kernel then forgets a child as soon as it ends."""
    large.simulator.control.faults.add(**SLOWLY)
    ignoring = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
    command = "os.execv(sys.executable, [sys.executable, '-m', 'kobo_mirror', 'sync'])"
    process = subprocess.Popen(
        [sys.executable, "-c", ignoring + command],
        env=large.environment(KOBO_PAGE_SIZE=str(PAGE)),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_until(lambda: all(begun(large)) or process.poll() is not None, "all lanes have begun")
    (second,) = psutil.Process(process.pid).children()
    if is_killed:
        second.kill()
    large.simulator.control.faults.clear()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, HAS_ENDED if is_killed else "")
    assert large.verify().equal


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both(large: Mirroring, number: signal.Signals) -> None:
    process, second = start(large)
    # A terminal sends Ctrl-C to both of them.
    for pid in (process.pid, *(one.pid for one in second if number == signal.SIGINT)):
        os.kill(pid, number)
    _, err = process.communicate(timeout=30)
    wait_until(lambda: gone(second), "the second process has ended")
    if number == signal.SIGINT:
        assert (process.returncode, err) == (130, "stopped; the next sync goes on where this one was\n")
        assert [row["holder"] for row in rows_of(large.engine, leases)] == [None]
    else:
        assert (process.returncode, err) == (-signal.SIGTERM, "")
    goes_on(large)


@pytest.mark.long
@pytest.mark.parametrize("lane", range(LANES))
def test_an_error_of_either_is_raised_once(large: Mirroring, lane: int) -> None:
    process, second = start(large)
    last_id = rows_of(large.engine, checkpoints)[lane]["last_id"]
    faults = large.simulator.control.faults
    faults.clear()
    its_end = f"(?=.*{last_id})" if last_id else "(?!.*lte)"
    faults.add("401", count=None, path=f"^{its_end}.*limit={PAGE}")
    faults.add(**SLOWLY)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "KOBO_TOKEN" in err
    assert gone(second)
    assert [row["holder"] for row in rows_of(large.engine, leases)] == [None]
    goes_on(large)


@pytest.mark.long
@pytest.mark.parametrize(
    ("rows", "settings"), [(ROWS, {"KOBO_MAX_IN_FLIGHT": "1"}), (300, {})], ids=["one request", "one lane"]
)
def test_what_one_process_can_do_is_not_shared(large: Mirroring, rows: int, settings: dict[str, str]) -> None:
    large.simulator.control.reset(rows=rows)
    process, second = start(large, **settings)
    assert len(second) == (not settings)
    for one in second:
        one.suspend()  # it is there and has nothing to do
    large.simulator.control.faults.clear()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert large.verify().equal


@pytest.mark.long
def test_ctrl_c_at_any_moment_of_a_start_is_told_in_a_word_and_leaves_no_process(large: Mirroring) -> None:
    """A hook of the fork must not be interrupted: a lock of logging would stay taken."""
    large.simulator.control.faults.add(**SLOWLY)
    for tried in range(40):
        process = large.start("sync")
        parent, second = psutil.Process(process.pid), list[psutil.Process]()
        while not second and process.poll() is None:
            second = parent.children()
        time.sleep(tried / 40_000)
        for one in (parent, *second):
            one.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130, err
        assert err.startswith("stopped; the next sync goes on where this one was\n")
        assert "fork" not in err, err
        assert "logging" not in err, err
        wait_until(lambda: gone(second), "the second process has ended")  # noqa: B023  # asked in this round
