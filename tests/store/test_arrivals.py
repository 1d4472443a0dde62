"""The lag tells how long a submission usually takes; a few late ones do not change it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.store import runs
from kobo_mirror.store.arrivals import Lag, lags_of
from kobo_mirror.store.tables import submissions, sync_runs
from tests.support.submissions import ASSET, submission
from tests.support.writing import Writing

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def writing(engine: Engine) -> Writing:
    """A mirror whose first sync ended a year ago."""
    found = Writing(engine)
    past = found.now() - 365 * DAY
    mine = update(sync_runs).where(sync_runs.c.id == found.run_id)
    transact(engine, lambda connection: runs.finish_run(connection, found.run_id))
    transact(engine, lambda connection: connection.execute(mine.values(finished_at=past)))
    return found


def arrive(writing: Writing, origin: str, *took: timedelta, first: int = 1) -> None:
    for kobo_id, one in enumerate(took, first):
        if origin == "pushed":
            writing.push(submission(kobo_id))
        else:
            writing.pull(submission(kobo_id))
        mine = (submissions.c.asset_uid == ASSET) & (submissions.c.kobo_id == kobo_id)
        seen = datetime(2026, 11, 28, 12)  # noqa: DTZ001  # UTC
        values: dict[str, Any] = {"first_seen_at": seen, "submission_time": seen - one}
        values |= {"pushed_at": seen} if origin == "pushed" else {}
        moved = update(submissions).where(mine).values(values)
        transact(writing.engine, lambda connection, moved=moved: connection.execute(moved))


def lags(engine: Engine) -> dict[str, Lag]:
    with reading(engine) as connection:
        return lags_of(connection, ASSET)


@pytest.mark.parametrize("origin", ["pushed", "pulled"])
@pytest.mark.parametrize("late", [2 * DAY, 30 * DAY])
def test_one_that_came_days_late_is_counted_apart(
    engine: Engine, writing: Writing, origin: str, late: Any
) -> None:
    arrive(writing, origin, *[2 * SECOND] * 9, late)
    (lag,) = lags(engine).values()
    assert (lag.within(0.5), lag.within(0.95), lag.late) == (2, 2, 1)


def test_the_limit_of_a_prompt_arrival_depends_on_its_origin(engine: Engine, writing: Writing) -> None:
    arrive(writing, "pushed", 3600 * SECOND, 3601 * SECOND)
    arrive(writing, "pulled", 3601 * SECOND, DAY, DAY + SECOND, first=10)
    found = lags(engine)
    assert list(found) == ["pushed", "pulled"]
    assert (found["pushed"].prompt, found["pushed"].late) == ([3600], 1)
    assert (found["pulled"].prompt, found["pulled"].late) == ([3601, 86_400], 1)


def test_only_late_ones_have_no_figures(engine: Engine, writing: Writing) -> None:
    arrive(writing, "pushed", DAY)
    assert lags(engine)["pushed"] == Lag([], 1)
    assert lags(engine)["pushed"].within(0.5) is None


def test_a_clock_that_is_behind_is_no_time_to_wait(engine: Engine, writing: Writing) -> None:
    arrive(writing, "pushed", -5 * SECOND)
    assert lags(engine)["pushed"] == Lag([0], 0)


@pytest.mark.parametrize(
    ("number", "half", "most"), [(1, 1, 1), (2, 1, 2), (3, 2, 3), (20, 10, 19), (100, 50, 95), (21, 11, 20)]
)
def test_quantiles_of_the_lag_cover_their_share_of_submissions(number: int, half: int, most: int) -> None:
    lag = Lag([float(i) for i in range(1, number + 1)], 0)
    assert (lag.within(0.5), lag.within(0.95)) == (half, most)
    for share in (0.5, 0.95):
        assert sum(one <= (lag.within(share) or 0) for one in lag.prompt) >= share * number
