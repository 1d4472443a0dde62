"""Deliveries whose shared transaction fails, or that wait too long: no delivery fails because of another."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import falcon
import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import DatabaseError
from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import State
from tests.webhook.application import MIRROR, Tables
from tests.webhook.held_commits import HeldCommits, state, wait_until_waiting
from tests.webhook.test_service import locked
from webhook import grouping
from webhook.admission import AdmissionLimit, Admitted
from webhook.grouping import LEADERS, GroupCommitter


@pytest.mark.parametrize("database_url", ["server"], indirect=True)
def test_one_that_cannot_be_committed_does_not_fail_its_neighbours(engine: Engine, tables: Tables) -> None:
    committer = GroupCommitter(Writer(open_engine(engine.url, patience=1), MIRROR).push_all)
    outcomes: dict[int, str] = {}

    def push(kobo_id: int) -> None:
        started = time.monotonic()
        try:
            outcomes[kobo_id] = committer.push(state(kobo_id)).result
        except DatabaseError:
            outcomes[kobo_id] = "503"
        assert time.monotonic() - started < 5

    with locked(engine), ThreadPoolExecutor(max_workers=30) as callers:
        list(callers.map(push, [*range(2, 12), 1, *range(12, 22)]))
    assert outcomes == {1: "503"} | dict.fromkeys(range(2, 22), "inserted")
    assert tables.cells("kobo_id") == list(range(2, 22))


def test_a_fault_is_told_to_each_and_the_next_ones_go_on(engine: Engine) -> None:
    broken = threading.Event()
    committed = Writer(engine, MIRROR).push_all

    def push_all(states: Sequence[State]) -> list[PushResult]:
        if broken.is_set():
            raise ZeroDivisionError
        return committed(states)

    committer = GroupCommitter(push_all)
    broken.set()
    with ThreadPoolExecutor(max_workers=20) as callers:
        answers = [callers.submit(committer.push, state(kobo_id)) for kobo_id in range(1, 21)]
        assert {type(answer.exception(timeout=10)) for answer in answers} == {ZeroDivisionError}
    broken.clear()
    assert committer.push(state(1)).result == "inserted"


def test_a_delivery_that_is_not_taken_in_time_leaves_the_queue(engine: Engine, tables: Tables) -> None:
    held = HeldCommits(engine)
    committer = GroupCommitter(held)
    with ThreadPoolExecutor(max_workers=10) as callers:
        leading = []
        for number in range(1, LEADERS + 1):  # the second sets out beside the first, which is held up
            leading.append(callers.submit(committer.push, state(number)))
            while len(held.groups) < number:
                time.sleep(0.005)
        late = callers.submit(committer.push, state(9))
        assert isinstance(late.exception(timeout=5), DatabaseError)
        held.go.set()
        assert {answer.result().result for answer in leading} == {"inserted"}
    assert committer._waiting == []
    assert committer.push(state(9)).result == "inserted"
    assert tables.count()["records"] == LEADERS + 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("late", [1, 3, 70])
def test_a_delivery_that_left_the_queue_neither_leads_nor_joins_a_group(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 0.05)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 0.3)
    monkeypatch.setattr(grouping, "COMMIT_SECONDS", 0.1)
    held = HeldCommits(engine)
    committer = GroupCommitter(held)
    with ThreadPoolExecutor(max_workers=100) as callers:
        leading = []
        for number in range(1, LEADERS + 1):
            leading.append(callers.submit(committer.push, state(number)))
            while len(held.groups) < number:
                time.sleep(0.005)
        gone = [callers.submit(committer.push, state(100 + number)) for number in range(late)]
        assert {type(one.exception(timeout=5)) for one in gone} == {DatabaseError}
        held.go.set()
        assert {answer.result(timeout=5).result for answer in leading} == {"inserted"}
    assert (held.groups, committer._leaders) == ([[1], [2]], 0)
    assert committer.push(state(9)).result == "inserted"


def test_a_full_queue_refuses_at_once_and_empties_again() -> None:
    room = AdmissionLimit(Admitted(2, 100), Admitted(2, 100))
    with room.admit(60):
        with pytest.raises(falcon.HTTPServiceUnavailable), room.admit(41):
            pass
        with room.admit(40), pytest.raises(falcon.HTTPServiceUnavailable) as full, room.admit(0):
            pass
        assert full.value.headers == {"Retry-After": "30"}
    with room.admit(100):
        pass


def test_one_form_leaves_room_to_others() -> None:
    room = AdmissionLimit(Admitted(4, 100), Admitted(2, 60))
    with room.admit(30, "a"), room.admit(30, "a"):
        with pytest.raises(falcon.HTTPServiceUnavailable), room.admit(0, "a"):
            pass
        with room.admit(40, "b"), pytest.raises(falcon.HTTPServiceUnavailable), room.admit(1, "c"):
            pass
        with room.admit(0, "b"), room.admit(0, "c"):
            pass
    with pytest.raises(falcon.HTTPServiceUnavailable), room.admit(61, "a"):
        pass
    with room.admit(60, "a"):
        pass
    assert room._forms == {}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_fault_is_not_told_to_those_that_were_not_tried_by_themselves(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 5)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 10)
    monkeypatch.setattr(grouping, "ONE_BY_ONE_SECONDS", -1)
    go, gone = threading.Event(), threading.Event()

    def push_all(states: Sequence[State]) -> list[PushResult]:
        if [one.kobo_id for one in states] == [1]:
            gone.set()
            go.wait(10)
        if any(one.kobo_id == 13 for one in states):
            raise TypeError
        return [PushResult(one.kobo_id, "inserted") for one in states]

    committer = GroupCommitter(push_all)
    with ThreadPoolExecutor(max_workers=10) as callers:
        first = callers.submit(committer.push, state(1))
        assert gone.wait(5)
        others = [callers.submit(committer.push, state(kobo_id)) for kobo_id in (2, 3, 13, 4)]
        wait_until_waiting(committer, len(others))
        go.set()
        assert first.result(timeout=5).result == "inserted"
        assert {type(other.exception(timeout=5)) for other in others} == {DatabaseError}
