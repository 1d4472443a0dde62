from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, delete, insert

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import DeletesWaitError
from kobo_mirror.store.lanes import Lane, Step, lanes, move_lane, open_lanes
from kobo_mirror.store.runs import (
    REPAIR,
    SETTLING,
    add_counts,
    finish_run,
    history_until,
    last_finished,
    note_error,
    note_findings,
    open_run,
    resume_run,
    run_row,
    unfinished_run,
    watermark,
)
from kobo_mirror.store.shown_runs import notable_runs, recent_runs
from kobo_mirror.store.tables import sync_runs
from tests.support.submissions import ASSET

NOON = datetime(2026, 11, 23, 12, 0, 0)  # noqa: DTZ001  # UTC, as DATETIME holds it
MINUTE = timedelta(minutes=1)


def write(engine: Engine, started: float, finished: float | None, highest: int | None, **more: Any) -> None:
    """A run as it stands in its table, times in minutes after noon."""
    values = {
        "asset_uid": ASSET,
        "name": "test",
        "mode": "incremental",
        "started_at": NOON + started * MINUTE,
        "finished_at": None if finished is None else NOON + finished * MINUTE,
        "highest_id": highest,
    }
    with engine.begin() as connection:
        connection.execute(insert(sync_runs).values(values | more))


def mark(engine: Engine) -> int | None:
    with engine.connect() as connection:
        return watermark(connection, ASSET)


def test_what_a_process_of_an_older_release_writes_is_read_by_its_present_name(engine: Engine) -> None:
    write(engine, 0, 1, 100, mode="usual")
    write(engine, 2, None, 120, mode="usual")
    with reading(engine) as connection:
        last, unfinished = last_finished(connection, ASSET), unfinished_run(connection, ASSET)
        shown = [run.mode for run in recent_runs(connection, ASSET, 9)]
        newest = notable_runs(connection, ASSET).newest_pull
    assert last
    assert unfinished
    assert newest
    assert [last["mode"], unfinished["mode"], newest.mode, *shown] == ["incremental"] * 5


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], None),
        ([(0, 1, 100)], None),  # the last finished one is the first one
        ([(0, 1, 100), (15, 16, 120)], None),  # finished 14 minutes before the last one started
        ([(0, 1, 100), (16, 17, 120)], 100),
        ([(0, 1, 100), (16.1, 17, 120), (18, 19, 130)], 100),
        ([(0, 1, 100), (16.1, 17, 120), (32, 33, 130)], 120),
        ([(0, 10, 100), (24, 25, 120)], None),  # when it started does not count
        ([(0, 1, 100), (16, None, 120)], None),  # the last one never finished
        ([(0, None, 100), (16, 17, 120)], None),  # an unfinished one never counts
        ([(0, 1, None), (20, 21, None)], None),  # there was nothing to read
        ([(0, 1, 200), (16, 17, 150), (40, 41, 160)], 200),
        ([(20, 21, 120), (0, 60, 100), (61, 62, 130)], 120),  # by the end, not by the start
    ],
)
def test_the_watermark(
    engine: Engine, runs: list[tuple[float, float | None, int | None]], expected: int | None
) -> None:
    for run in runs:
        write(engine, *run)
    assert mark(engine) == expected


def test_neither_another_form_nor_a_repair_counts(engine: Engine) -> None:
    write(engine, 0, 1, 500, asset_uid="aOther000000000000001")
    write(engine, 0, 1, 400, mode=REPAIR)
    write(engine, 16, 17, 100)
    assert mark(engine) is None
    write(engine, 40, 41, 120)
    write(engine, 60, 61, 600, mode=REPAIR)
    assert mark(engine) == 100


@pytest.fixture(scope="module")
def one_table() -> Iterator[Engine]:
    """Only the table of runs, in memory: each example empties it."""
    engine = create_engine("sqlite://")
    sync_runs.create(engine)
    yield engine
    engine.dispose()


ARRIVALS = st.lists(st.tuples(st.integers(0, 12), st.sampled_from([0, 10])), min_size=4, max_size=12)
RUNS = st.lists(
    st.tuples(
        st.sampled_from([4, 1, 9, 14, 15]),
        st.sampled_from([12, 1]),
        st.sampled_from([0, 1]),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=2,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(arrivals=ARRIVALS, runs=RUNS)
@example(arrivals=[(2, 10), (2, 0)], runs=[(1, 1, 1, False), (9, 1, 0, False)])  # against nine minutes
@example(
    arrivals=[(12, 10), (12, 0)], runs=[(1, 12, 1, False), (4, 1, 0, False)]
)  # against counting from the start
def test_no_submission_that_appears_late_and_out_of_order_is_passed_over(
    one_table: Engine, arrivals: list[tuple[int, int]], runs: list[tuple[int, int, float, bool]]
) -> None:
    """An id is given when a submission is begun and seen up to ten minutes later, when it is committed.

    A run reads at some moment between its start and its end, and may stop without an end.
    """
    with one_table.begin() as connection:
        connection.execute(delete(sync_runs))
    seen_from = {
        number + 1: begun + late for number, (begun, late) in enumerate(sorted(arrivals, key=_slow_first))
    }
    read: set[int] = set()
    time = 0.0
    for pause, lasts, reads_at, stops in [*runs, (300, 1, 0, False), (20, 1, 0, False), (20, 1, 0, False)]:
        started = time + pause
        finished = started + lasts
        floor = mark(one_table) or 0
        page = {
            key for key, since in seen_from.items() if key > floor and since <= started + reads_at * lasts
        }
        read |= page
        write(one_table, started, None if stops else finished, max(page, default=None))
        time = finished
    assert read == set(seen_from)


def _slow_first(arrival: tuple[int, int]) -> tuple[int, int]:
    begun, late = arrival
    return begun, -late


def test_the_settling_time_is_what_that_takes() -> None:
    assert timedelta(minutes=15) == SETTLING


def test_the_newest_unfinished_run_is_resumed(engine: Engine) -> None:
    def open_one(name: str) -> int:
        return transact(engine, lambda connection: open_run(connection, ASSET, name, "incremental", 7))

    first, second = open_one("first"), open_one("second")
    with engine.connect() as connection:
        unfinished = unfinished_run(connection, ASSET)
    assert unfinished is not None
    assert (unfinished["id"], unfinished["name"], unfinished["watermark"]) == (second, "second", 7)
    transact(engine, lambda c: note_error(c, second, "x" * 600))
    transact(engine, lambda c: resume_run(c, ASSET, second, "third", "exact"))
    with engine.connect() as connection:
        row = run_row(connection, second)
    assert (row["name"], row["mode"], row["error"]) == ("third", "exact", None)
    transact(engine, lambda c: finish_run(c, second))
    transact(engine, lambda c: note_error(c, second, "too late"))
    with engine.connect() as connection:
        assert unfinished_run(connection, ASSET) is None
        last = last_finished(connection, ASSET)
        assert last is not None
        assert (last["id"], last["error"]) == (second, None)
        assert last_finished(connection, ASSET, "incremental") is None
        assert run_row(connection, first)["finished_at"] is None


def test_a_resumed_run_starts_without_the_findings_of_its_last_attempt(engine: Engine) -> None:
    run_id = transact(engine, lambda c: open_run(c, ASSET, "run", "incremental", 7))
    started = with_findings(engine, run_id)
    transact(engine, lambda c: note_error(c, run_id, DeletesWaitError("20 have gone.")))
    found = {"waiting_code": "0123456789ab", "count_difference": 3}
    transact(engine, lambda c: note_findings(c, run_id, found))
    transact(engine, lambda c: resume_run(c, ASSET, run_id, "run", "incremental"))
    assert with_findings(engine, run_id) == started


def with_findings(engine: Engine, run_id: int) -> dict[str, Any]:
    with engine.connect() as connection:
        return dict(run_row(connection, run_id))


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], None),
        ([(0, 1, 1)], 1),
        ([(0, None, 1)], None),  # what an unfinished one was told of may not be on the fetch list
        ([(0, 1, 1), (2, None, 3)], 1),
        ([(0, 1, 1), (2, 3, None)], 1),  # one whose token may not read it
        ([(0, 1, 1), (2, 3, 3)], 3),
        ([(2, 3, 3), (0, 9, 1)], 3),  # the latest moment, not the latest run
    ],
)
def test_up_to_where_the_history_was_read(
    engine: Engine, runs: list[tuple[float, float | None, float | None]], expected: float | None
) -> None:
    write(engine, 0, 1, 1, asset_uid="aOther000000000000001", history_until=NOON + 99 * MINUTE)
    for number, (started, finished, until) in enumerate(runs):
        moment = None if until is None else NOON + until * MINUTE
        write(engine, started, finished, 1, history_until=moment, history_found=number)
    with engine.connect() as connection:
        found = history_until(connection, ASSET)
    assert (found and found[0]) == (None if expected is None else NOON + expected * MINUTE)
    if found:
        assert runs[found[1] or 0][2] == expected


def test_a_resumed_run_reads_on_above_its_last_lane(engine: Engine) -> None:
    def work(connection: Connection) -> list[Lane]:
        run_id = open_run(connection, ASSET, "run", "incremental", None)
        open_lanes(connection, ASSET, run_id, [(0, 50), (50, None)])
        assert move_lane(connection, ASSET, run_id, Step(0, 0, 50, done=True))
        assert move_lane(connection, ASSET, run_id, Step(1, 50, 90, done=True))
        resume_run(connection, ASSET, run_id, "run", "incremental")
        return lanes(connection, ASSET, run_id)

    assert transact(engine, work) == [Lane(0, 0, 50, 50, done=True), Lane(1, 50, None, 90, done=False)]


def test_counts_add_up_and_the_highest_id_only_rises(engine: Engine) -> None:
    run_id = transact(engine, lambda connection: open_run(connection, ASSET, "run", "incremental", None))
    for counts, highest in (
        ({"inserted": 2, "bytes": 10**10}, 50),
        ({"inserted": 3}, 40),
        ({}, None),
        ({"stale": 0}, 60),
    ):
        transact(
            engine,
            lambda c, counts=counts, highest=highest: add_counts(c, run_id, counts, highest_id=highest),
        )  # type: ignore[misc]
    with engine.connect() as connection:
        row = run_row(connection, run_id)
    assert (row["inserted"], row["bytes"], row["stale"], row["highest_id"]) == (5, 10**10, 0, 60)
