from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store import schema
from kobo_mirror.store.days import days_since
from kobo_mirror.store.overview import read_state
from kobo_mirror.store.tables import rejections, tallies
from kobo_mirror.store.tombstones import NEVER_STORED
from kobo_mirror.store.totals import Arrived, arrivals, counted_by_server, note_server_count, recount, totals
from tests.support.submissions import ASSET, changed, edited, submission
from tests.support.tables import ledger, rows_of, run_sql
from tests.support.writing import Writing

STATES = ("applied", "rejected", "deleted")


def counted(engine: Engine) -> dict[str, int]:
    found = Counter(row["state"] for row in ledger(engine).values() if row["reason"] != NEVER_STORED)
    return {state: found[state] for state in STATES}


def told(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return totals(connection, ASSET)


def rejected(engine: Engine) -> set[int]:
    return {row["kobo_id"] for row in rows_of(engine, rejections)}


def days_told(engine: Engine) -> dict[date, int]:
    with reading(engine) as connection:
        found = days_since(connection, date(2000, 1, 1)).get(ASSET, {})
    return {day: number for day, number in found.items() if number}


def days_counted(engine: Engine) -> dict[date, int]:
    there = (row for row in ledger(engine).values() if row["state"] != "deleted")
    return dict(Counter(row["submission_time"].date() for row in there if row["submission_time"]))


def assert_true_to_the_ledger(engine: Engine) -> None:
    assert told(engine) == counted(engine)
    assert rejected(engine) == {i for i, row in ledger(engine).items() if row["state"] == "rejected"}
    assert days_told(engine) == days_counted(engine)
    assert all(sum(row[state] for row in rows_of(engine, tallies)) >= 0 for state in STATES)


def random_step(writing: Writing, held: dict[int, dict[str, Any]], dice: random.Random) -> None:
    kobo_id = dice.randrange(1, 15)
    if dice.random() < 0.2:
        writing.remove(kobo_id)
        held.pop(kobo_id, None)
        return
    age = dice.choice(["38", "41", "not a number"])
    before = held.get(kobo_id)
    time = f"2026-11-{kobo_id % 3 + 1:02d}T23:59:59"
    held[kobo_id] = edited(before, age=age) if before else submission(kobo_id, age=age, _submission_time=time)
    if dice.random() < 0.5:
        writing.push(held[kobo_id])
    else:
        writing.pull(*{i: held[i] for i in (kobo_id, *dice.sample(sorted(held), 1))}.values())


def test_any_history_of_writes_is_counted_as_the_ledger_has_it(engine: Engine) -> None:
    writing, dice = Writing(engine), random.Random(7)
    held: dict[int, dict[str, Any]] = {}
    for _ in range(60):
        random_step(writing, held, dice)
    assert min(counted(engine).values()) > 0
    assert_true_to_the_ledger(engine)


def test_each_submission_is_counted_once_by_its_day_and_origin(engine: Engine) -> None:
    writing = Writing(engine)
    today = writing.now().date()
    writing.pull(submission(1), submission(2), submission(3, age="x"))
    writing.push(submission(4))
    writing.push(submission(4))
    writing.pull(submission(4), edited(submission(3)))
    writing.remove(1, 9)
    writing.pull(submission(1))
    with reading(engine) as connection:
        assert arrivals(connection, ASSET, today) == [
            Arrived(today, "pulled", 3),
            Arrived(today, "pushed", 1),
        ]


@pytest.mark.parametrize("reason", [None, "confirmed 0123456789ab"])
def test_deleted_are_those_that_were_here(engine: Engine, reason: str | None) -> None:
    """Not those that were only asked for; these arrive when they come."""
    writing = Writing(engine)
    writing.pull(submission(1), submission(2, age="x"), submission(3))
    writing.remove(1, 2, 8, 9, reason=reason)
    assert told(engine) == {"applied": 1, "rejected": 0, "deleted": 2}
    writing.remove(1, 2, 8, 9)
    writing.pull(submission(8), submission(9, age="x"))
    assert told(engine) == {"applied": 2, "rejected": 1, "deleted": 2}
    with reading(engine) as connection:
        assert sum(day.arrived for day in arrivals(connection, ASSET, writing.now().date())) == 5
    writing.pull(submission(1))
    writing.remove(8)
    assert told(engine) == {"applied": 2, "rejected": 1, "deleted": 2}
    transact(engine, lambda connection: recount(connection, ASSET))
    assert told(engine) == {"applied": 2, "rejected": 1, "deleted": 2}
    assert_true_to_the_ledger(engine)


def test_what_changes_no_state_writes_no_total(engine: Engine) -> None:
    writing = Writing(engine)
    writing.pull(submission(1))
    before = rows_of(engine, tallies)
    writing.pull(submission(1))
    writing.pull(changed(submission(1), age="50"))
    assert ledger(engine)[1]["state"] == "applied"
    assert rows_of(engine, tallies) == before


def test_days_that_were_lost_are_counted_anew(engine: Engine) -> None:
    writing = Writing(engine)
    writing.pull(submission(1), submission(2, _submission_time="2026-11-01T00:00:00"))
    run_sql(engine, "UPDATE kobo_days SET submissions = 7")
    transact(engine, lambda connection: recount(connection, ASSET))
    assert days_told(engine) == days_counted(engine) != {}
    run_sql(engine, "DROP TABLE kobo_days")
    schema.migrate(engine, KOBO_RECORDS)
    assert_true_to_the_ledger(engine)


def test_deliveries_side_by_side_are_all_counted(server_engine: Engine) -> None:
    writing = Writing(server_engine)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda kobo_id: writing.push(submission(kobo_id)), range(1, 81)))
    assert told(server_engine)["applied"] == 80
    assert sum(days_told(server_engine).values()) == 80


def test_a_database_of_before_is_counted_once_by_the_migration(engine: Engine) -> None:
    writing = Writing(engine)
    writing.pull(submission(1), submission(2), submission(3, age="x"))
    writing.push(submission(4))
    writing.remove(2, 9)
    before = [(Arrived(r["day"], r["way"], r["arrived"]), r["applied"]) for r in rows_of(engine, tallies)]
    config = schema._config()
    for step in (command.downgrade, command.upgrade):
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            step(config, "0001" if step is command.downgrade else "head")
    assert_true_to_the_ledger(engine)
    after = [(Arrived(r["day"], r["way"], r["arrived"]), r["applied"]) for r in rows_of(engine, tallies)]
    assert after == before
    assert schema.at_head(engine, KOBO_RECORDS)


def test_the_last_count_of_the_server_is_remembered(engine: Engine) -> None:
    before = Writing(engine).now()
    with reading(engine) as connection:
        assert counted_by_server(connection, ASSET) is None
        assert read_state(connection, KOBO_RECORDS, ASSET).on_server is None
    for count in (5, 7):
        transact(engine, lambda connection, count=count: note_server_count(connection, ASSET, count))
    with reading(engine) as connection:
        assert counted_by_server(connection, ASSET) == 7
        found = read_state(connection, KOBO_RECORDS, ASSET).on_server
    assert found is not None
    assert found.submissions == 7
    assert found.at >= before
