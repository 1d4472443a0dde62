"""What is old goes, and nothing that later runs build on changes by it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select, update

from kobo_mirror.database.engine import clock, open_engine, reading, transact
from kobo_mirror.store import dead_letters, overview, runs
from kobo_mirror.store.codes import code_for, covered_by, is_open, note_use, settle_codes, waiting_list
from kobo_mirror.store.proofs import last_proof
from kobo_mirror.store.retention import Retention, forget
from kobo_mirror.store.schema import bind
from kobo_mirror.store.tables import PROVEN, checkpoints, code_ids, codes, proofs, sync_runs
from kobo_mirror.store.tables import dead_letters as letters_table
from kobo_mirror.store.writer import Writer
from tests.support.submissions import ASSET, MIRROR, body, submission
from tests.support.tables import letters, rows_of

OTHER = "aOtherForm00000000001"
DAYS, RETENTION = 400, Retention(400, 365)
AGES = st.integers(0, 900)
RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "age": AGES,
            "mode": st.sampled_from(("usual", "usual", "exact", "repair", "none")),
            "finished": st.booleans() | st.just(value=True),
            "highest_id": st.none() | st.integers(1, 50),
            "history": st.none() | AGES,
            "error": st.booleans(),
        }
    ),
    max_size=12,
)


def add_runs(engine: Engine, described: list[dict[str, Any]], moment: datetime, asset: str = ASSET) -> None:
    def work(connection: Any) -> None:
        for run in sorted(described, key=lambda one: -one["age"]):
            at = moment - timedelta(days=run["age"])
            values = {
                "asset_uid": asset,
                "name": "kobo_sync s",
                "mode": run["mode"],
                "started_at": at,
                "finished_at": at + timedelta(minutes=1)
                if run["finished"] and run["mode"] != "none"
                else None,
                "highest_id": run["highest_id"],
                "history_until": None if run["history"] is None else moment - timedelta(days=run["history"]),
                "error": "no" if run["error"] else None,
            }
            key = connection.execute(insert(sync_runs).values(values)).inserted_primary_key[0]
            lane = {"asset_uid": asset, "run": key, "lane": 0, "first_id": 0, "cursor_id": 0}
            connection.execute(insert(checkpoints).values(lane))

    transact(engine, work)


ASKED: dict[str, Callable[[Any], Any]] = {
    "watermark": lambda c: runs.watermark(c, ASSET),
    "newest sync": lambda c: runs.newest_sync(c, ASSET),
    "unfinished run": lambda c: runs.unfinished_run(c, ASSET),
    "last finished": lambda c: runs.last_finished(c, ASSET),
    "last exact": lambda c: runs.last_finished(c, ASSET, "exact"),
    "last that ended well": lambda c: runs.last_finished(c, ASSET, well=True),
    "last exact that ended well": lambda c: runs.last_finished(c, ASSET, "exact", well=True),
    "history": lambda c: runs.history_until(c, ASSET),
    "first finish": lambda c: overview.first_finish(c, ASSET),
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
               and run["finished"] and run["mode"] in ("usual", "exact")]  # fmt: skip
    if any(run["finished"] and run["mode"] in ("usual", "exact") for run in later) and highest:
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


def _age(engine: Engine, table: Any, key: Any, moments: dict[str, timedelta]) -> None:
    moment = clock(engine)
    values = {name: moment - age for name, age in moments.items()}
    transact(
        engine, lambda c: c.execute(update(table).where(next(iter(table.primary_key)) == key).values(values))
    )


def test_dead_letters_that_were_taken_keep_no_body_and_go(engine: Engine) -> None:
    old, young, waits, waits_long = (
        dead_letters.keep(engine, body=b"{answers", source="webhook", reason="no JSON", asset_uid=asset)
        for asset in (ASSET, None, ASSET, None)
    )
    for letter in (old, young):
        dead_letters.note_replay(engine, letter, taken=True)
    dead_letters.note_replay(engine, waits, taken=False)
    assert [row["body"] for row in letters(engine)] == [b"", b"", b"{answers", b"{answers"]
    _age(engine, letters_table, old, {"replayed_at": timedelta(days=401), "received_at": timedelta(days=401)})
    _age(
        engine, letters_table, young, {"replayed_at": timedelta(days=399), "received_at": timedelta(days=999)}
    )
    _age(engine, letters_table, waits, {"received_at": timedelta(days=364)})
    _age(engine, letters_table, waits_long, {"received_at": timedelta(days=366)})
    forget(engine, ASSET, RETENTION)
    assert [row["id"] for row in letters(engine)] == [young, waits]


def test_letters_of_another_form_are_not_touched(engine: Engine) -> None:
    letter = dead_letters.keep(engine, body=b"x", source="webhook", reason="no", asset_uid=OTHER)
    _age(engine, letters_table, letter, {"received_at": timedelta(days=999)})
    forget(engine, ASSET, RETENTION)
    assert [row["id"] for row in letters(engine)] == [letter]


def test_codes_go_once_they_are_done_and_never_serve_again(engine: Engine) -> None:
    def issue(ids: list[int]) -> str:
        return transact(engine, lambda connection: code_for(connection, ASSET, ids))

    used = issue([1, 2])
    transact(engine, lambda connection: note_use(connection, used))
    settled = issue([3])
    transact(engine, lambda connection: settle_codes(connection, ASSET))
    waits = issue([4, 5])
    for code, ended in ((used, "used_at"), (settled, "settled_at")):
        _age(engine, codes, code, {"issued_at": timedelta(days=500), ended: timedelta(days=401)})
    _age(engine, codes, waits, {"issued_at": timedelta(days=500)})
    forget(engine, ASSET, RETENTION)
    assert [row["code"] for row in rows_of(engine, codes)] == [waits]
    assert {row["code"] for row in rows_of(engine, code_ids)} == {waits}
    with reading(engine) as connection:
        assert not is_open(connection, ASSET, used)
        assert covered_by(connection, ASSET, used, [1, 2]) == []
        found = waiting_list(connection, ASSET)
        assert found is not None
        assert found.ids == [4, 5]


def test_nought_days_are_for_ever(engine: Engine) -> None:
    moment = clock(engine)
    add_runs(engine, [{"age": 9000, "mode": "usual", "finished": True, "highest_id": n, "history": None,
                       "error": False} for n in range(1, 9)], moment)  # fmt: skip
    letter = dead_letters.keep(engine, body=b"x", source="webhook", reason="no", asset_uid=ASSET)
    _age(engine, letters_table, letter, {"received_at": timedelta(days=9000)})
    assert forget(engine, ASSET, Retention(0, 0)) == 0
    assert len(rows_of(engine, sync_runs)) == 8
    assert forget(engine, ASSET, RETENTION) == 7


def test_many_old_runs_go_in_portions(engine: Engine) -> None:
    moment = clock(engine)
    rows = [
        {"asset_uid": ASSET, "name": "s", "mode": "none", "started_at": moment - timedelta(days=500)}
        for _ in range(2_500)
    ]
    transact(engine, lambda connection: connection.execute(insert(sync_runs), rows))
    assert forget(engine, ASSET, RETENTION) == 2_499
    with reading(engine) as connection:
        assert len(connection.execute(select(sync_runs.c.id)).all()) == 1


def issue(engine: Engine, ids: list[int], *, used: bool) -> str:
    code = transact(engine, lambda connection: code_for(connection, ASSET, ids))
    if used:
        transact(engine, lambda connection: note_use(connection, code))
        _age(engine, codes, code, {"used_at": timedelta(days=500)})
    return code


def test_a_long_list_goes_in_portions_and_its_code_last(engine: Engine) -> None:
    ids = list(range(1, 1_203))
    used = issue(engine, ids, used=True)
    waits = issue(engine, ids, used=False)
    gone = []
    while number := forget(engine, ASSET, RETENTION, seconds=0):
        gone.append(number)
        with reading(engine) as connection:
            assert covered_by(connection, ASSET, used, ids) == []
            assert covered_by(connection, ASSET, waits, ids) == ids
    assert gone == [500, 500, 203]
    assert [row["code"] for row in rows_of(engine, codes)] == [waits]
    assert len(rows_of(engine, code_ids)) == len(ids)


def test_a_transaction_takes_few_letters_with_bodies(engine: Engine) -> None:
    for _ in range(23):
        letter = dead_letters.keep(engine, body=b"x", source="webhook", reason="no", asset_uid=ASSET)
        _age(engine, letters_table, letter, {"received_at": timedelta(days=500)})
    young = dead_letters.keep(engine, body=b"x", source="webhook", reason="no", asset_uid=ASSET)
    assert [forget(engine, ASSET, RETENTION, seconds=0) for _ in range(4)] == [10, 10, 3, 0]
    assert [row["id"] for row in letters(engine)] == [young]


def test_letters_go_behind_older_ones_that_are_kept_for_ever(engine: Engine) -> None:
    old, taken = (
        dead_letters.keep(engine, body=b"x", source="webhook", reason="no", asset_uid=ASSET) for _ in "12"
    )
    dead_letters.note_replay(engine, taken, taken=True)
    for letter, moment in ((old, "received_at"), (taken, "replayed_at")):
        _age(engine, letters_table, letter, {"received_at": timedelta(days=999), moment: timedelta(days=999)})
    assert forget(engine, ASSET, Retention(400, 0)) == 1
    assert [row["id"] for row in letters(engine)] == [old]


def test_what_is_left_when_the_time_is_up_goes_the_next_time(engine: Engine) -> None:
    add_runs(engine, [YEARS_OLD] * 1_201, clock(engine))
    assert [forget(engine, ASSET, RETENTION, seconds=0) for _ in range(4)] == [499, 499, 201, 0]


YEARS_OLD = {
    "age": 999, "mode": "usual", "finished": True, "highest_id": None, "history": None, "error": True,
}  # fmt: skip


def test_of_equal_marks_the_run_that_is_asked_for_stays(engine: Engine) -> None:
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


def test_it_waits_for_no_other_form(server_engine: Engine) -> None:
    """A DELETE of many keys scans small tables, and would wait for what other forms' syncs hold of them."""
    moment = clock(server_engine)
    add_runs(server_engine, [YEARS_OLD] * 40, moment)
    add_runs(server_engine, [YEARS_OLD | {"age": 0, "finished": False}], moment, OTHER)
    used = issue(server_engine, [1, 2, 3], used=True)
    with server_engine.begin() as busy:
        for table in (sync_runs, checkpoints):
            theirs = select(table).where(table.c.asset_uid == OTHER).with_for_update()
            assert len(busy.execute(theirs).all()) == 1
        code_of_theirs = code_for(busy, OTHER, [4])
        started = time.monotonic()
        assert forget(server_engine, ASSET, RETENTION) == 38 + 4
        assert time.monotonic() - started < 10  # seconds; a lock is waited for 20
    assert [row["code"] for row in rows_of(server_engine, codes)] == [code_of_theirs] != [used]


def test_deliveries_are_taken_meanwhile(engine: Engine, url: str) -> None:
    """None waits as long as the webhook has patience, SQLite's one writer at a time included."""
    bind(engine, MIRROR)
    at = clock(engine) - timedelta(days=500)
    old = {"asset_uid": ASSET, "name": "s", "mode": "usual", "started_at": at, "finished_at": at}
    lane = {"asset_uid": ASSET, "first_id": 0, "cursor_id": 0}
    with engine.begin() as connection:
        connection.execute(insert(sync_runs), [old] * 4_000)
        ids = list(connection.execute(select(sync_runs.c.id)).scalars())
        connection.execute(insert(checkpoints), [lane | {"run": i, "lane": n} for i in ids for n in range(4)])
    done = threading.Event()
    slowest = [0.0]

    def deliver() -> None:
        sender = open_engine(url, patience=4, in_greenlets=True)
        writer = Writer(sender, MIRROR)
        for kobo_id in itertools.count(1):
            began = time.monotonic()
            assert writer.push(body(submission(kobo_id))).result == "inserted"
            slowest.append(time.monotonic() - began)
            if done.is_set():
                break
        sender.dispose()

    with ThreadPoolExecutor() as pool:
        delivering = pool.submit(deliver)
        try:
            assert forget(engine, ASSET, RETENTION, seconds=60) == 3_998
        finally:
            done.set()
        delivering.result()
    assert len(slowest) > 20
    assert max(slowest) < 2
