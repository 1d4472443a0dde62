"""The retention deletes in small portions, so that no delivery and no other form waits for it."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import Engine, insert, select

from kobo_mirror.database.engine import clock, open_engine, reading, transact
from kobo_mirror.store import dead_letters
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.codes import code_for, covered_by
from kobo_mirror.store.retention import Retention, forget
from kobo_mirror.store.tables import checkpoints, code_ids, codes, sync_runs
from kobo_mirror.store.tables import dead_letters as letters_table
from kobo_mirror.store.writer import Writer
from tests.support.old_entries import RETENTION, YEARS_OLD, add_runs, issue, set_age
from tests.support.submissions import ASSET, MIRROR, body, submission
from tests.support.tables import letters, rows_of

OTHER = "aOtherForm00000000001"


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
        set_age(engine, letters_table, letter, {"received_at": timedelta(days=500)})
    young = dead_letters.keep(engine, body=b"x", source="webhook", reason="no", asset_uid=ASSET)
    assert [forget(engine, ASSET, RETENTION, seconds=0) for _ in range(4)] == [10, 10, 3, 0]
    assert [row["id"] for row in letters(engine)] == [young]


def test_letters_are_found_behind_older_ones_that_are_kept_for_ever(engine: Engine) -> None:
    old, taken = (
        dead_letters.keep(engine, body=b"x", source="webhook", reason="no", asset_uid=ASSET) for _ in "12"
    )
    dead_letters.note_replay(engine, taken, taken=True)
    for letter, moment in ((old, "received_at"), (taken, "replayed_at")):
        set_age(
            engine, letters_table, letter, {"received_at": timedelta(days=999), moment: timedelta(days=999)}
        )
    assert forget(engine, ASSET, Retention(400, 0)) == 1
    assert [row["id"] for row in letters(engine)] == [old]


def test_entries_left_when_the_time_is_up_go_the_next_time(engine: Engine) -> None:
    add_runs(engine, [YEARS_OLD] * 1_201, clock(engine))
    assert [forget(engine, ASSET, RETENTION, seconds=0) for _ in range(4)] == [499, 499, 201, 0]


def test_the_retention_waits_for_no_other_form(server_engine: Engine) -> None:
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


def test_deliveries_are_taken_during_a_retention(engine: Engine, url: str) -> None:
    """None waits as long as the webhook has patience, SQLite's one writer at a time included."""
    bind(engine, MIRROR)
    at = clock(engine) - timedelta(days=500)
    old = {"asset_uid": ASSET, "name": "s", "mode": "incremental", "started_at": at, "finished_at": at}
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
