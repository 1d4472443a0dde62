"""Deliveries that share a transaction: each gets its own answer, none suffers from its neighbours."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import falcon
import pytest
from sqlalchemy import Engine, event

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import DatabaseError
from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.schema import bind
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import State, read_state
from tests.webhook.application import MIRROR, Tables
from tests.webhook.bodies import body
from tests.webhook.test_service import locked
from webhook import grouping
from webhook.grouping import LEADERS, MOST_IN_A_GROUP, AdmissionLimit, GroupCommitter


def state(kobo_id: int, **changes: Any) -> State:
    return read_state(body(kobo_id, **changes), MIRROR)


class Held:
    """Commits to a real database, but only when it is let."""

    def __init__(self, engine: Engine) -> None:
        self.push_all = Writer(engine, MIRROR).push_all
        self.groups: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, states: Sequence[State]) -> list[PushResult]:
        self.groups.append([state.kobo_id for state in states])
        assert self.go.wait(5)
        return self.push_all(states)


def wait_until_waiting(committer: GroupCommitter, number: int) -> None:
    deadline = time.monotonic() + 5
    while len(committer._waiting) < number:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_those_that_wait_share_a_transaction_and_each_gets_its_own_answer(
    engine: Engine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 5)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 10)
    bind(engine, MIRROR)
    held = Held(engine)
    committer = GroupCommitter(held)
    first = [1]
    others = list(range(101, 101 + MOST_IN_A_GROUP + 10))
    with ThreadPoolExecutor(max_workers=200) as callers:
        answers = [callers.submit(committer.push, state(kobo_id)) for kobo_id in first]
        while len(held.groups) < 1:
            time.sleep(0.005)
        answers += [callers.submit(committer.push, state(kobo_id)) for kobo_id in others]
        answers += [callers.submit(committer.push, state(500, **{"sec_c/cd_age": "x"}))]
        wait_until_waiting(committer, len(others) + 1)
        held.go.set()
        results = [answer.result(timeout=10) for answer in answers]
    assert [(r.kobo_id, r.result) for r in results] == [(i, "inserted") for i in first + others] + [
        (500, "rejected")
    ]
    assert max(map(len, held.groups)) == MOST_IN_A_GROUP
    assert sorted(kobo_id for group in held.groups for kobo_id in group) == sorted([*first, *others, 500])
    assert tables.cells("kobo_id") == first + others
    assert committer._leaders == 0


def test_one_group_at_a_time_and_none_is_forgotten(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 5)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 10)

    def push_all(states: Sequence[State]) -> list[PushResult]:
        at_once.append(under_way.acquire(blocking=False))
        time.sleep(0.001)
        under_way.release()
        return [PushResult(one.kobo_id, "inserted") for one in states]

    at_once: list[bool] = []
    under_way = threading.Lock()
    committer = GroupCommitter(push_all)
    one = state(1)
    with ThreadPoolExecutor(max_workers=16) as callers:
        assert {result.result for result in callers.map(lambda _: committer.push(one), range(2000))} == {
            "inserted"
        }
    assert all(at_once)
    assert committer._leaders == 0
    assert committer._waiting == []


def test_several_states_of_one_submission_are_taken_in_their_order(
    engine: Engine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 5)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 10)
    bind(engine, MIRROR)
    held = Held(engine)
    committer = GroupCommitter(held)
    before = state(1)
    edit = state(1, uuid="edit-1", **{"meta/deprecatedID": f"uuid:{before.uuid}", "sec_c/cd_age": "39"})
    with ThreadPoolExecutor(max_workers=10) as callers:
        leading = [callers.submit(committer.push, state(50))]
        while len(held.groups) < 1:
            time.sleep(0.005)
        following = []
        for number, one in enumerate((before, edit, before, state(2))):
            following.append(callers.submit(committer.push, one))
            wait_until_waiting(committer, number + 1)
        held.go.set()
        assert [answer.result().result for answer in following] == [
            "inserted",
            "updated",
            "stale",
            "inserted",
        ]
        assert {answer.result().result for answer in leading} == {"inserted"}
    assert tables.cells("age")[:1] == [39]


@pytest.mark.parametrize("database_url", ["server"], indirect=True)
def test_one_that_cannot_be_committed_does_not_fail_its_neighbours(engine: Engine, tables: Tables) -> None:
    bind(engine, MIRROR)
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
    bind(engine, MIRROR)
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


def test_who_is_not_taken_in_time_leaves_the_queue(engine: Engine, tables: Tables) -> None:
    bind(engine, MIRROR)
    held = Held(engine)
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
def test_who_has_left_the_queue_neither_leads_nor_follows(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 0.05)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 0.3)
    monkeypatch.setattr(grouping, "COMMIT_SECONDS", 0.1)
    bind(engine, MIRROR)
    held = Held(engine)
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


def test_a_full_room_is_told_at_once_and_empties_again() -> None:
    room = AdmissionLimit(2, 100)
    with room.taken(60):
        with pytest.raises(falcon.HTTPServiceUnavailable), room.taken(41):
            pass
        with room.taken(40), pytest.raises(falcon.HTTPServiceUnavailable) as full, room.taken(0):
            pass
        assert full.value.headers == {"Retry-After": "30"}
    with room.taken(100):
        pass


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_group_costs_one_transaction(engine: Engine) -> None:
    bind(engine, MIRROR)
    begun = []
    event.listen(engine, "begin", begun.append)
    Writer(engine, MIRROR).push_all([state(kobo_id) for kobo_id in range(1, 65)])
    assert len(begun) == 1


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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_while_one_group_is_held_up_the_others_go_on_one_after_the_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "HELD_UP_SECONDS", 0.1)
    monkeypatch.setattr(grouping, "QUEUE_SECONDS", 5)
    go, gone = threading.Event(), threading.Event()

    def push_all(states: Sequence[State]) -> list[PushResult]:
        if states[0].kobo_id == 1:
            gone.set()
            go.wait(20)
        time.sleep(0.5)  # the next one asks for the lead, in vain, before this one ends
        return [PushResult(one.kobo_id, "inserted") for one in states]

    committer = GroupCommitter(push_all)
    with ThreadPoolExecutor(max_workers=10) as callers:
        held_up = callers.submit(committer.push, state(1))
        assert gone.wait(5)
        second = callers.submit(committer.push, state(2))
        while committer._leaders < LEADERS:
            time.sleep(0.005)
        third = callers.submit(committer.push, state(3))
        assert [one.result(timeout=10).result for one in (second, third)] == ["inserted", "inserted"]
        assert not held_up.done()
        go.set()
    assert committer._leaders == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_has_arrived_before_the_leader_sets_out_comes_along(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[list[int]] = []

    def push_all(states: Sequence[State]) -> list[PushResult]:
        groups.append([one.kobo_id for one in states])
        return [PushResult(one.kobo_id, "inserted") for one in states]

    committer = GroupCommitter(push_all)
    with ThreadPoolExecutor(max_workers=1) as callers:
        others = []

        def arrive() -> None:
            others.append(callers.submit(committer.push, state(2)))
            wait_until_waiting(committer, 1)

        with monkeypatch.context() as patched:
            patched.setattr("webhook.grouping.let_others_arrive", arrive)
            assert committer.push(state(1)).result == "inserted"
        assert others[0].result(timeout=5).result == "inserted"
    assert groups == [[1, 2]]
    assert committer._leaders == 0
