from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import transact
from kobo_mirror.errors import LeaseError
from kobo_mirror.store.leases import release_lease
from kobo_mirror.store.refetch_queue import (
    UNREADABLE,
    Entry,
    enqueue,
    next_entries,
    take_off,
    unreadable_ids,
    waiting_by_reason,
)
from kobo_mirror.store.tables import to_fetch
from tests.support.submissions import ASSET, edited, submission
from tests.support.tables import answers, queued_refs, rows_of
from tests.support.writing import Writing


def ask(
    engine: Engine, refs: Iterable[int | str], *, kind: str = "id", asset: str = ASSET, reason: str = "test"
) -> None:
    transact(engine, lambda connection: enqueue(connection, asset, refs, reason, kind=kind))


def entries(engine: Engine, *, after: str = "", limit: int = 1000, kind: str = "id") -> list[Entry]:
    return transact(engine, lambda c: next_entries(c, ASSET, after=after, limit=limit, kind=kind))


def take_all_off(engine: Engine, those: list[Entry], kind: str = "id") -> None:
    transact(engine, lambda connection: take_off(connection, ASSET, those, kind=kind))


def test_an_entry_is_asked_for_once_and_its_moment_moves_with_each_asking(engine: Engine) -> None:
    ask(engine, [3, 1, 1, 2])
    first = queued_refs(engine)
    time.sleep(0.001)
    ask(engine, [2], reason="again")
    second = queued_refs(engine)
    assert set(first) == set(second) == {"1", "2", "3"}
    assert second["2"] > first["2"]
    assert (second["1"], second["3"]) == (first["1"], first["3"])
    assert {row["ref"]: row["reason"] for row in rows_of(engine, to_fetch)} == {
        "1": "test",
        "2": "again",
        "3": "test",
    }


def test_entries_come_in_an_order_that_one_can_go_on_from(engine: Engine) -> None:
    ask(engine, range(95, 110))
    found: list[str] = []
    while page := entries(engine, after=found[-1] if found else "", limit=4):
        found += [entry.ref for entry in page]
    assert sorted(map(int, found)) == list(range(95, 110))


def test_what_was_asked_for_again_meanwhile_stays(engine: Engine) -> None:
    ask(engine, range(1, 1300))
    read = entries(engine, limit=2000)
    time.sleep(0.001)
    ask(engine, [7, 1201])
    take_all_off(engine, read)
    assert set(queued_refs(engine)) == {"7", "1201"}
    take_all_off(engine, read)
    assert set(queued_refs(engine)) == {"7", "1201"}
    take_all_off(engine, entries(engine))
    assert queued_refs(engine) == {}


def test_kinds_and_forms_are_apart(engine: Engine) -> None:
    ask(engine, [1])
    ask(engine, ["1"], kind="root")
    ask(engine, [1], asset="aOther000000000000001")
    assert transact(engine, lambda connection: sum(waiting_by_reason(connection, ASSET).values())) == 2
    take_all_off(engine, entries(engine, kind="root"), kind="root")
    left = [(row["asset_uid"], row["kind"]) for row in rows_of(engine, to_fetch)]
    assert left == [(ASSET, "id"), ("aOther000000000000001", "id")]


def test_what_cannot_be_sent_stays_apart_whatever_it_is_asked_for(engine: Engine) -> None:
    ask(engine, [1, 2], reason=UNREADABLE)
    before = queued_refs(engine)
    time.sleep(0.001)
    ask(engine, [2, 3], reason="repair")
    ask(engine, ["2"], kind="root", reason="the history names it")
    assert queued_refs(engine)["2"] > before["2"]
    apart = transact(engine, lambda c: next_entries(c, ASSET, after="", limit=9, unreadable=True))
    assert [entry.ref for entry in apart] == ["1", "2"]
    assert [entry.ref for entry in entries(engine)] == ["3"]
    assert [entry.ref for entry in entries(engine, kind="root")] == ["2"]
    assert transact(engine, lambda c: unreadable_ids(c, ASSET)) == [1, 2]
    take_all_off(engine, apart)
    ask(engine, [2])
    assert [entry.ref for entry in entries(engine)] == ["2", "3"]


def test_nothing_is_nothing(engine: Engine) -> None:
    ask(engine, [])
    take_all_off(engine, [])
    assert queued_refs(engine) == {}


def test_an_entry_leaves_the_queue_in_the_transaction_that_takes_it_off(engine: Engine) -> None:
    writing = Writing(engine)
    ask(engine, [1])
    read = entries(engine)
    release_lease(engine, ASSET, "test")
    with pytest.raises(LeaseError):
        writing.pull(submission(1), to_take_off=read)
    assert set(queued_refs(engine)) == {"1"}
    again = Writing(engine)
    again.pull(submission(1), to_take_off=read)
    assert queued_refs(engine) == {}
    assert set(answers(engine)) == {1}


def test_an_entry_that_is_enqueued_again_during_its_request_stays(engine: Engine) -> None:
    writing = Writing(engine)
    first = submission(1)
    writing.pull(first)
    ask(engine, [1])
    read, sent_at = entries(engine), writing.now()
    third = edited(edited(edited(first)))
    assert writing.push(third).result == "deferred"  # while the request is under way
    assert writing.pull(edited(first, age="40"), sent_at=sent_at, to_take_off=read) == {
        "rows_read": 1,
        "updated": 1,
    }
    assert set(queued_refs(engine)) == {"1"}
    writing.pull(third, to_take_off=entries(engine))
    assert queued_refs(engine) == {}
