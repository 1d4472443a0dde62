"""Two mirrors of one history, one of which deletes what is old: every later decision is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, StaticPool, create_engine, delete, event, insert, select

from kobo_mirror.store import arrivals, lanes, runs
from kobo_mirror.store.proofs import last_proof
from kobo_mirror.store.retention import Retention, forget
from kobo_mirror.store.tables import PROVEN, checkpoints, metadata, proofs, sync_runs
from tests.support.submissions import ASSET

OTHER = "aOtherForm00000000001"
DAYS = 40
STEPS = 20
MOST_OLD = 15  # so many runs and proofs are in use at most

ASKED: dict[str, Callable[[Connection], Any]] = {
    "watermark": lambda c: runs.watermark(c, ASSET),
    "newest sync": lambda c: runs.newest_sync(c, ASSET),
    "newest pull": lambda c: runs.newest_pull(c, ASSET),
    "unfinished": lambda c: runs.unfinished_run(c, ASSET),
    "history": lambda c: runs.history_until(c, ASSET),
    "first finish": lambda c: arrivals.first_finish(c, ASSET),
    "proof": lambda c: last_proof(c, ASSET),
    "full proof": lambda c: last_proof(c, ASSET, whole=True),
    **{
        f"finished {mode} {well}": lambda c, m=mode, w=well: runs.last_finished(c, ASSET, m, well=w)
        for mode in (None, "exact")
        for well in (False, True)
    },
}  # fmt: skip


class Mirror:
    """The bookkeeping alone, in memory, with a clock of its own."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, 12)  # noqa: DTZ001  # UTC, as DATETIME holds it
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        event.listen(self.engine, "connect", self._prepare)
        metadata.create_all(self.engine)

    def _prepare(self, connection: Any, _: Any) -> None:
        connection.create_function("kobo_now", 0, lambda: self.moment.strftime("%Y-%m-%d %H:%M:%S.%f"))

    def start_anew(self) -> None:
        self.moment = datetime(2026, 1, 1, 12)  # noqa: DTZ001
        with self.engine.begin() as connection:
            for table in (sync_runs, checkpoints, proofs):
                connection.execute(delete(table))

    def take(self, number: int, step: Step) -> None:
        """Let time pass, and a run or a proof happen in it."""
        started = self.moment + step["pause"]
        self.moment = ended = started + step["lasts"]
        with self.engine.begin() as connection:
            mine = {"asset_uid": ASSET, "id": number, "started_at": started}
            if step["mode"] == "proof":
                found = dict.fromkeys(PROVEN, number)
                connection.execute(
                    insert(proofs).values(mine | found | {"finished_at": ended, "whole": step["whole"]})
                )
                return
            starts = step["ends"] and step["mode"] != runs.NOT_STARTED
            read_back = step["history"]
            until = None if read_back is None else started - timedelta(minutes=read_back)
            run = mine | {
                "name": f"sync {number}",
                "mode": step["mode"],
                "finished_at": ended if starts else None,
                "highest_id": None if step["mode"] in runs.NO_PULL else step["highest"],
                "history_until": until,
                "history_found": number,
                "error": "no" if step["error"] else None,
            }
            connection.execute(insert(sync_runs).values(run))
            lane = {"asset_uid": ASSET, "run": number, "lane": 0, "first_id": 0, "cursor_id": number}
            connection.execute(insert(checkpoints).values(lane))

    def told(self) -> dict[str, Any]:
        """All that is ever asked of it."""
        with self.engine.connect() as connection:
            answers = {name: ask(connection) for name, ask in ASKED.items()}
            if run := answers["unfinished"]:
                answers["lanes"] = lanes.lanes(connection, ASSET, run["id"])
        return answers

    def count(self, table: Any, *of: Any) -> int:
        with self.engine.connect() as connection:
            return len(connection.execute(select(table).where(*of)).all())


Step = dict[str, Any]


def history_of(chance: Random) -> list[Step]:
    """Runs and proofs one after the other, as the lease makes them; weeks lie between most of them."""
    minutes = timedelta(minutes=1)
    return [
        {
            "pause": chance.choice((1, 16, 1440, 20 * 1440, 20 * 1440, 45 * 1440)) * minutes,
            "lasts": chance.choice((0, 1, 16, 3 * 1440)) * minutes,
            "mode": chance.choice(
                ("incremental", "incremental", "exact", "proof", runs.REPAIR, runs.NOT_STARTED)
            ),
            "ends": chance.random() < 0.8,
            "highest": chance.choice((None, 1, 2, 3, 7, 8, 9)),
            "history": chance.choice((None, None, 0, 1, 60 * 1440)),
            "error": chance.random() < 0.5,
            "whole": chance.random() < 0.4,
        }
        for _ in range(STEPS)
    ]


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Mirror, Mirror]]:
    pair = Mirror(), Mirror()
    yield pair
    for mirror in pair:
        mirror.engine.dispose()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), days=st.sampled_from((1, DAYS)))
def test_a_mirror_that_forgets_answers_as_one_that_never_does(
    both: tuple[Mirror, Mirror], seed: int, days: int
) -> None:
    forgetful, faithful = both
    for mirror in both:
        mirror.start_anew()
    for number, step in enumerate(history_of(Random(seed)), start=1):
        for mirror in both:
            mirror.take(number, step)
        forget(forgetful.engine, ASSET, Retention(days, days))
        before = forgetful.moment - timedelta(days=days + 1)
        old = forgetful.count(sync_runs, sync_runs.c.started_at < before - timedelta(days=3))
        assert old + forgetful.count(proofs, proofs.c.finished_at < before) <= MOST_OLD
        assert forgetful.told() == faithful.told()
    assert forgetful.count(checkpoints) == forgetful.count(sync_runs)


def test_what_is_old_is_gone_and_what_is_young_is_there(both: tuple[Mirror, Mirror]) -> None:
    forgetful, _ = both
    forgetful.start_anew()
    day = {"pause": timedelta(days=1), "lasts": timedelta(), "ends": True, "highest": 5, "history": None}
    for number in range(1, 101):
        forgetful.take(number, day | {"mode": "incremental", "error": False})
        forgetful.take(number, day | {"mode": "proof", "whole": False, "pause": timedelta()})
    assert forget(forgetful.engine, ASSET, Retention(DAYS, DAYS)) == 2 * 59 - 1
    with forgetful.engine.connect() as connection:
        kept = list(connection.execute(select(sync_runs.c.id)).scalars())
        assert kept == [1, *range(60, 101)]
        assert list(connection.execute(select(proofs.c.id)).scalars()) == list(range(60, 101))


def test_another_forms_runs_are_its_own(both: tuple[Mirror, Mirror]) -> None:
    forgetful, _ = both
    forgetful.start_anew()
    at = forgetful.moment - timedelta(days=DAYS + 2)
    run = {"asset_uid": OTHER, "name": "s", "mode": "incremental", "started_at": at, "finished_at": at}
    with forgetful.engine.begin() as connection:
        connection.execute(insert(sync_runs), [run] * 3)
    assert forget(forgetful.engine, ASSET, Retention(DAYS, DAYS)) == 0
