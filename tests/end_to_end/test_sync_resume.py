"""A sync that is killed or interrupted goes on where it was."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import checkpoints, leases, sync_runs
from tests.support.database_server import OwnServer, own_server
from tests.support.mirroring import Mirroring
from tests.support.tables import answers, records, rows_of, truth

ROWS, PAGE = 10_000, 200
IN_FLIGHT = 4
PAGES_A_LANE = 2  # one is written while the next is on its way


def pages(mirroring: Mirroring) -> list[str]:
    """What was asked for of whole submissions, request by request."""
    return [r["query"] for r in mirroring.requests() if f"limit={PAGE}" in r["query"] and r["status"] == 200]


def test_killed_again_and_again_it_ends_as_one_that_was_not(mirroring: Mirroring, tmp_path: Path) -> None:
    control = mirroring.simulator.control
    control.reset(rows=ROWS)
    control.clear_requests()
    # Else it may be done before it is killed.
    control.faults.add("slow", count=None, seconds=0.1, path=f"limit={PAGE}")
    dice, kills = random.Random(20261123), 0
    for held in sorted(dice.sample(range(3, ROWS // PAGE - 10), 3)):
        process = mirroring.start("sync", KOBO_PAGE_SIZE=str(PAGE))
        _wait_for_rows(mirroring, held * PAGE, process)
        time.sleep(dice.random() / 50)
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills == 3
    control.faults.clear()
    code, out, err = mirroring.command("sync", KOBO_PAGE_SIZE=str(PAGE))
    assert (code, err.strip()) == (0, "")
    assert out.startswith(f"success: {ROWS} new in ")
    asked = Counter(pages(mirroring))
    assert max(asked.values()) <= 1 + kills
    again = sum(asked.values()) - len(asked)
    assert again <= kills * IN_FLIGHT * PAGES_A_LANE, "what was committed was fetched again"
    undisturbed = open_engine(f"sqlite:///{tmp_path / 'undisturbed.sqlite'}")
    migrate(undisturbed, mirroring.mirror.form)
    Mirroring(mirroring.simulator, "", undisturbed, []).sync()
    assert truth(mirroring.engine) == truth(undisturbed)
    assert len(rows_of(mirroring.engine, sync_runs)) == 1
    assert all(lane["done_at"] for lane in rows_of(mirroring.engine, checkpoints))
    undisturbed.dispose()


def _wait_for_rows(mirroring: Mirroring, wanted: int, process: Any) -> None:
    deadline = time.monotonic() + 60
    while _held(mirroring) < wanted:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _held(mirroring: Mirroring) -> int:
    rows = rows_of(mirroring.engine, sync_runs)
    return sum(row["inserted"] for row in rows)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_sync_soon_and_the_next_one_continues(
    embedded: Mirroring, number: signal.Signals
) -> None:
    embedded.simulator.control.reset(rows=3000)
    embedded.simulator.control.faults.add("slow", count=None, seconds=0.5, path=f"limit={PAGE}")
    process = embedded.start("sync", KOBO_PAGE_SIZE=str(PAGE))
    _wait_for_rows(embedded, 3 * PAGE, process)
    process.send_signal(number)
    started = time.monotonic()
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - started < 12
    if number == signal.SIGINT:
        assert process.returncode == 130, err
        assert err.endswith("stopped; the next sync goes on where this one was\n")
        assert [row["holder"] for row in rows_of(embedded.engine, leases)] == [None]
    else:
        assert process.returncode == -signal.SIGTERM
    embedded.simulator.control.faults.clear()
    before = set(records(embedded.engine))
    assert 3 * PAGE <= len(before) < 3000
    assert embedded.sync(page_size=PAGE)["inserted"] == 3000
    assert embedded.verify().equal
    assert before < set(answers(embedded.engine))


def test_a_proof_that_is_interrupted_promises_nothing_of_the_next_sync(embedded: Mirroring) -> None:
    embedded.sync()
    control = embedded.simulator.control
    control.faults.add("slow", count=None, seconds=0.5)
    control.clear_requests()
    process = embedded.start("verify")
    deadline = time.monotonic() + 60
    while not control.requests():
        assert time.monotonic() < deadline, process.poll()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "stopped\n")


@pytest.fixture
def database() -> Any:
    with own_server() as server:
        yield server


def test_a_database_that_is_down_at_the_start_and_goes_away_in_the_middle(
    embedded: Mirroring, database: OwnServer
) -> None:
    url = database.fresh_database()
    engine = open_engine(url, patience=2)
    mirroring = Mirroring(embedded.simulator, url, engine, [])
    database.stop()
    code, out, err = mirroring.command("sync")
    assert (code, out) == (1, "")
    assert err.startswith("error: The database could not take it: it cannot be reached: is it running")
    assert err.endswith(("(2003).\n", "(2002).\n"))
    database.start()
    embedded.simulator.control.reset(rows=3000)
    embedded.simulator.control.faults.add("slow", count=None, seconds=0.1, path=f"limit={PAGE}")
    process = mirroring.start("sync", KOBO_PAGE_SIZE=str(PAGE))
    _wait_until_it_reads(embedded, process)
    database.kill()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "error: The database could not take it: " in err
    assert "Traceback" not in err
    database.start()
    embedded.simulator.control.faults.clear()
    assert mirroring.sync(page_size=PAGE)["inserted"] == 3000
    assert mirroring.verify().equal
    engine.dispose()


def _wait_until_it_reads(mirroring: Mirroring, process: Any) -> None:
    deadline = time.monotonic() + 60
    while len(pages(mirroring)) < 5:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("lane", [pytest.param(0, marks=pytest.mark.long), 3])
def test_an_error_in_any_lane_is_reported_once_and_the_next_sync_continues(
    mirroring: Mirroring, lane: int
) -> None:
    """Of the server's first load a second process has every other lane; it ends with the first one."""
    rows = 20_000
    control = mirroring.simulator.control
    control.reset(rows=rows)
    slowly = {"count": None, "after": 8, "seconds": 0.5, "path": f"limit={PAGE}"}
    control.faults.add("slow", **slowly)
    process = mirroring.start("sync", KOBO_PAGE_SIZE=str(PAGE))
    _wait_for_rows(mirroring, PAGE, process)
    second = psutil.Process(process.pid).children(recursive=True)
    assert len(second) == (mirroring.engine.dialect.name != "sqlite")
    last_id = rows_of(mirroring.engine, checkpoints)[lane]["last_id"]
    control.faults.clear()
    of_that_lane = f"(?=.*{last_id})" if last_id else "(?!.*lte)"
    control.faults.add("401", count=None, path=f"^{of_that_lane}.*limit={PAGE}")
    control.faults.add("slow", **slowly)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.count("error: ")) == (2, "", 1)
    assert "KOBO_TOKEN" in err
    assert "Traceback" not in err
    assert [row["holder"] for row in rows_of(mirroring.engine, leases)] == [None]
    control.faults.clear()
    code, out, err = mirroring.command("sync", KOBO_PAGE_SIZE=str(PAGE))
    assert (code, err) == (0, "")
    assert out.startswith(f"success: {rows} new in ")
    assert len(rows_of(mirroring.engine, sync_runs)) == 1
    assert mirroring.verify().equal
