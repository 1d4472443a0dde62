"""The retention deletes what is old, and nothing that later runs build on changes by it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, update

from kobo_mirror.database.engine import clock, reading, transact
from kobo_mirror.store import arrivals, dead_letters, runs
from kobo_mirror.store.codes import close_codes, code_for, covered_by, is_open, note_use, waiting_list
from kobo_mirror.store.proofs import last_proof
from kobo_mirror.store.retention import Retention, forget
from kobo_mirror.store.tables import PROVEN, checkpoints, code_ids, codes, proofs, sync_runs
from kobo_mirror.store.tables import dead_letters as letters_table
from tests.support.old_entries import DAYS, RETENTION, YEARS_OLD, add_runs, set_age
from tests.support.submissions import ASSET
from tests.support.tables import letters, rows_of

OTHER = "aOtherForm00000000001"


AGES = st.integers(0, 900)


RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "age": AGES,
            "mode": st.sampled_from(("incremental", "incremental", "exact", "repair", "none")),
            "finished": st.booleans() | st.just(value=True),
            "highest_id": st.none() | st.integers(1, 50),
            "history": st.none() | AGES,
            "error": st.booleans(),
        }
    ),
    max_size=12,
)


ASKED: dict[str, Callable[[Any], Any]] = {
    "watermark": lambda c: runs.watermark(c, ASSET),
    "newest sync": lambda c: runs.newest_sync(c, ASSET),
    "unfinished run": lambda c: runs.unfinished_run(c, ASSET),
    "last finished": lambda c: runs.last_finished(c, ASSET),
    "last exact": lambda c: runs.last_finished(c, ASSET, "exact"),
    "last that ended well": lambda c: runs.last_finished(c, ASSET, well=True),
    "last exact that ended well": lambda c: runs.last_finished(c, ASSET, "exact", well=True),
    "history": lambda c: runs.history_until(c, ASSET),
    "first finish": lambda c: arrivals.first_finish(c, ASSET),
}


def told(engine: Engine) -> dict[str, Any]:
    with reading(engine) as connection:
        return {name: ask(connection) for name, ask in ASKED.items()}


@given(described=RUNS, later=RUNS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_later_runs_build_on_changes(
    engine: Engine, described: list[dict[str, Any]], later: list[dict[str, Any]]
) -> None:
    moment = clock(engine)
    for table in (sync_runs, checkpoints):
        transact(engine, lambda connection, table=table: connection.execute(delete(table)))
    add_runs(engine, described, moment)
    add_runs(engine, described, moment, OTHER)
    before = told(engine)
    forget(engine, ASSET, RETENTION)
    assert told(engine) == before
    kept = rows_of(engine, sync_runs)
    assert sum(row["asset_uid"] == OTHER for row in kept) == len(described)
    mine = [row for row in kept if row["asset_uid"] == ASSET]
    young = sum(run["age"] <= DAYS for run in described)
    assert young <= len(mine) <= young + 9
    lanes = {row["run"] for row in rows_of(engine, checkpoints)}
    assert lanes == {row["id"] for row in kept}
    add_runs(engine, [run | {"age": 0} for run in later], moment)
    with reading(engine) as connection:
        after = runs.watermark(connection, ASSET)
    highest = [run["highest_id"] for run in described if run["highest_id"] and run["age"] > 0
               and run["finished"] and run["mode"] in ("incremental", "exact")]  # fmt: skip
    if any(run["finished"] and run["mode"] in ("incremental", "exact") for run in later) and highest:
        assert after == max(highest)


@pytest.mark.parametrize(("days", "gone"), [(399, False), (401, True)])
def test_proofs_go_but_the_newest_of_each_kind(engine: Engine, days: int, gone: bool) -> None:
    at = clock(engine) - timedelta(days=days)

    def work(connection: Any) -> None:
        for whole in (True, True, False, False):
            counts = dict.fromkeys(PROVEN, 0)
            values = {"asset_uid": ASSET, "started_at": at, "finished_at": at, "whole": whole, **counts}
            connection.execute(insert(proofs).values(values))

    transact(engine, work)
    before = [row["id"] for row in rows_of(engine, proofs)]
    forget(engine, ASSET, RETENTION)
    kept = [row["id"] for row in rows_of(engine, proofs)]
    assert kept == ([before[1], before[3]] if gone else before)
    with reading(engine) as connection:
        assert last_proof(connection, ASSET, whole=True)


def test_dead_letters_that_were_taken_keep_no_body_and_go(engine: Engine) -> None:
    old, young, waits, waits_long = (
        dead_letters.keep(engine, body=b"{answers", source="webhook", reason="no JSON", asset_uid=asset)
        for asset in (ASSET, None, ASSET, None)
    )
    for letter in (old, young):
        dead_letters.note_replay(engine, letter, taken=True)
    dead_letters.note_replay(engine, waits, taken=False)
    assert [row["body"] for row in letters(engine)] == [b"", b"", b"{answers", b"{answers"]
    set_age(
        engine, letters_table, old, {"replayed_at": timedelta(days=401), "received_at": timedelta(days=401)}
    )
    set_age(
        engine, letters_table, young, {"replayed_at": timedelta(days=399), "received_at": timedelta(days=999)}
    )
    set_age(engine, letters_table, waits, {"received_at": timedelta(days=364)})
    set_age(engine, letters_table, waits_long, {"received_at": timedelta(days=366)})
    forget(engine, ASSET, RETENTION)
    assert [row["id"] for row in letters(engine)] == [young, waits]


def test_letters_of_another_form_are_not_touched(engine: Engine) -> None:
    letter = dead_letters.keep(engine, body=b"x", source="webhook", reason="no", asset_uid=OTHER)
    set_age(engine, letters_table, letter, {"received_at": timedelta(days=999)})
    forget(engine, ASSET, RETENTION)
    assert [row["id"] for row in letters(engine)] == [letter]


def test_codes_go_once_they_are_done_and_never_serve_again(engine: Engine) -> None:
    def issue(ids: list[int]) -> str:
        return transact(engine, lambda connection: code_for(connection, ASSET, ids))

    used = issue([1, 2])
    transact(engine, lambda connection: note_use(connection, used))
    settled = issue([3])
    transact(engine, lambda connection: close_codes(connection, ASSET))
    waits = issue([4, 5])
    for code, ended in ((used, "used_at"), (settled, "settled_at")):
        set_age(engine, codes, code, {"issued_at": timedelta(days=500), ended: timedelta(days=401)})
    set_age(engine, codes, waits, {"issued_at": timedelta(days=500)})
    forget(engine, ASSET, RETENTION)
    assert [row["code"] for row in rows_of(engine, codes)] == [waits]
    assert {row["code"] for row in rows_of(engine, code_ids)} == {waits}
    with reading(engine) as connection:
        assert not is_open(connection, ASSET, used)
        assert covered_by(connection, ASSET, used, [1, 2]) == []
        found = waiting_list(connection, ASSET)
        assert found is not None
        assert found.ids == [4, 5]


def test_zero_days_keep_everything_for_ever(engine: Engine) -> None:
    moment = clock(engine)
    add_runs(engine, [{"age": 9000, "mode": "incremental", "finished": True, "highest_id": n, "history": None,
                       "error": False} for n in range(1, 9)], moment)  # fmt: skip
    letter = dead_letters.keep(engine, body=b"x", source="webhook", reason="no", asset_uid=ASSET)
    set_age(engine, letters_table, letter, {"received_at": timedelta(days=9000)})
    assert forget(engine, ASSET, Retention(0, 0)) == 0
    assert len(rows_of(engine, sync_runs)) == 8
    assert forget(engine, ASSET, RETENTION) == 7


def test_of_runs_with_equal_history_the_one_that_is_read_stays(engine: Engine) -> None:
    """What the history told shortly before its end is the newest run's that has read so far."""
    add_runs(engine, [YEARS_OLD | {"history": 998}] * 3 + [YEARS_OLD | {"age": 1, "error": False}] * 2,
             clock(engine))  # fmt: skip
    with engine.begin() as connection:
        connection.execute(update(sync_runs).values(history_found=sync_runs.c.id))
    with reading(engine) as connection:
        before = runs.history_until(connection, ASSET)
    assert forget(engine, ASSET, RETENTION) == 1
    with reading(engine) as connection:
        assert runs.history_until(connection, ASSET) == before
